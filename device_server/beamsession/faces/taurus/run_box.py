"""The next run, and the one that is recorded: frames, title, detectors; start, stop, abort; progress."""

from __future__ import annotations

import math
from typing import Any

from beamsession.faces.taurus.command_button import CommandButton
from beamsession.faces.taurus.offers import CHECK_RUN
from beamsession.faces.taurus.qt import QtCore, QtGui, QtWidgets, Signal
from beamsession.faces.taurus.scene import Scene
from beamsession.model.situation import Command

_MOST_FRAMES = 2_000_000_000
_WHOLE = 1000


class RunBox(QtWidgets.QGroupBox):
    """`ordered(command)`: a button was pressed."""

    ordered = Signal(object)

    def __init__(self) -> None:
        super().__init__("Run")
        self.frames = QtWidgets.QSpinBox()
        self.frames.setObjectName("frames")
        self.frames.setRange(0, _MOST_FRAMES)
        self.frames.setSpecialValueText("as configured")
        self.frames.setToolTip(
            "Frames of each detector; the run ends by itself. "
            "0: as the beamline is configured; where it says nothing, until the run is stopped"
        )
        self.frames.setAccessibleName("Frames")
        self.run_title = QtWidgets.QLineEdit()
        self.run_title.setObjectName("run title")
        self.run_title.setPlaceholderText("title of the run")
        self.run_title.setAccessibleName("Title of the run")
        self.detectors = DetectorChoice()
        self.buttons = [
            CommandButton("Chec&k", CHECK_RUN),
            CommandButton("Start r&un", Command.START_RUN),
            CommandButton("S&top run", Command.STOP_RUN),
            CommandButton("A&bort run", Command.ABORT_RUN),
        ]
        form = QtWidgets.QHBoxLayout()
        form.addWidget(QtWidgets.QLabel("Frames"))
        form.addWidget(self.frames)
        form.addWidget(self.run_title, 1)
        form.addWidget(self.detectors)
        line = QtWidgets.QHBoxLayout()
        line.setSpacing(4)
        for button in self.buttons:
            button.clicked.connect(self._press(button.command))
            line.addWidget(button)
        self.progress = QtWidgets.QProgressBar()
        self.progress.setObjectName("progress")
        self.progress.setTextVisible(True)
        self.progress.setMinimumWidth(200)
        line.addWidget(self.progress, 1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 6)
        column.addLayout(form)
        column.addLayout(line)
        for keys, command in (("F5", Command.START_RUN), ("F6", Command.STOP_RUN)):
            self._shortcut(keys, command)

    @property
    def arguments(self) -> dict[str, Any]:
        """What StartRun and CheckRun are told; what is not said is left to the beamline."""
        told: dict[str, Any] = {}
        if self.frames.value():
            told["frames"] = self.frames.value()
        if (chosen := self.detectors.chosen) is not None:
            told["detectors"] = chosen
        return told

    def show_scene(self, scene: Scene, busy: str) -> None:
        """Follow the run."""
        for button in self.buttons:
            button.show_scene(scene, busy)
        self.detectors.show_names(scene.detectors)
        self._show_progress(scene)

    def _show_progress(self, scene: Scene) -> None:
        number, written, expected = (
            scene.whole("RunNumber"),
            scene.whole("WrittenFrames"),
            scene.whole("ExpectedFrames"),
        )
        state, rate = scene.run_state, scene.real("DataRate")
        self.progress.setRange(0, 0 if state.is_live and not expected else _WHOLE)
        share = written / expected if expected else float(state.is_verdict)
        self.progress.setValue(round(_WHOLE * min(1.0, share)))
        told = f"Run {number}: {written}" + (f" / {expected}" if expected else " frames")  # it must fit into the bar
        if missing := scene.whole("DroppedFrames"):
            told += f", {missing} missing"
        elif state.is_live and math.isfinite(rate) and rate > 0:
            told += f", {rate:.1f} MB/s"
        self.progress.setFormat(told if number else "no run yet")
        self.progress.setToolTip(f"{told}. {scene.docs.get('WrittenFrames', '')}" if number else "")

    def _press(self, command: Any) -> Any:
        return lambda: self.ordered.emit(command)

    def _shortcut(self, keys: str, command: Command) -> None:
        button = next(button for button in self.buttons if button.command == command)
        shortcut = QtGui.QShortcut(QtGui.QKeySequence(keys), self)
        shortcut.setContext(QtCore.Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(button.click)


class DetectorChoice(QtWidgets.QToolButton):
    """Which detectors the next run records: all, until one is taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("detectors")
        self.setAccessibleName("Detectors")
        self.setToolTip("Which detectors the next run records")
        self.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.menu_of_names = QtWidgets.QMenu(self)
        self.setMenu(self.menu_of_names)
        self._names: tuple[str, ...] = ()
        self._tell()

    @property
    def chosen(self) -> list[str] | None:
        """The names chosen; None for all."""
        wanted = [action.text() for action in self.menu_of_names.actions() if action.isChecked()]
        return None if len(wanted) == len(self._names) else wanted

    def show_names(self, names: tuple[str, ...]) -> None:
        """Offer these."""
        if names == self._names:
            return
        self._names = names
        self.menu_of_names.clear()
        for name in names:
            action = self.menu_of_names.addAction(name)
            action.setCheckable(True)
            action.setChecked(True)
            action.toggled.connect(self._tell)
        self._tell()

    def _tell(self) -> None:
        chosen = self.chosen
        if not self._names:
            self.setText("no detectors")
        elif chosen is None:
            self.setText("all detectors")
        else:
            self.setText(", ".join(chosen) or "no detector chosen")
