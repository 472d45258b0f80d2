"""The last frame of a run, live: an image, a spectrum, or the newest values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyqtgraph as pg

from beamsession.faces.taurus.errands import Errands, Outcome
from beamsession.faces.taurus.last_frame import LastFrame, last_frame
from beamsession.faces.taurus.messenger import Messenger
from beamsession.faces.taurus.qt import QtCore, QtWidgets
from beamsession.faces.taurus.run_rows import RunRow, run_rows
from beamsession.faces.taurus.scene import Scene
from beamsession.model.states import RunState
from beamsession.quicklook.frames import Kind

_PERIOD_MS = 500
_NO_RUN = "The picture of the run's last frame comes here."


@dataclass(frozen=True)
class _Wanted:
    """What is to be shown: it is read again when any of it changes."""

    file: str
    detector: str
    state: RunState
    written: int

    @property
    def what(self) -> str:
        """Whose picture it is."""
        return f"the picture of {self.detector} in {self.file}"


class PictureBox(QtWidgets.QGroupBox):
    """Reads in a thread of its own, twice a second at most, and only while it can be seen."""

    def __init__(self) -> None:
        super().__init__("Last frame")
        self.detector = QtWidgets.QComboBox()
        self.detector.setObjectName("picture of")
        self.detector.setAccessibleName("Detector to look at")
        self.detector.setToolTip("Whose frames are shown")
        self.about = QtWidgets.QLabel()
        self.about.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.about.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        self.sentence = QtWidgets.QLabel(_NO_RUN)
        self.sentence.setObjectName("no picture")
        self.sentence.setWordWrap(True)
        self.sentence.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self.plot = pg.PlotWidget()
        self.plot.setBackground(None)
        self.plot.setMenuEnabled(False)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setColorMap("viridis")
        self.curve = pg.PlotDataItem(pen=pg.mkPen("#1f5fa8", width=1.5))
        self.plot.addItem(self.image)
        self.plot.addItem(self.curve)
        self.stack = QtWidgets.QStackedWidget()
        self.stack.addWidget(self.sentence)
        self.stack.addWidget(self.plot)
        line = QtWidgets.QHBoxLayout()
        line.addWidget(self.detector)
        line.addWidget(self.about, 1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 6)
        column.addLayout(line)
        column.addWidget(self.stack, 1)
        self.shown: LastFrame | None = None
        self._shown_of = ""
        self._scene = Scene()
        self._chosen: int | None = None
        self._asked: _Wanted | None = None
        self._waits = False
        self._messenger = Messenger()
        self._messenger.came.connect(self._came)
        self._errands: Errands | None = None
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(_PERIOD_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def show_scene(self, scene: Scene) -> None:
        """Follow the runs; what is new is looked at with the next beat."""
        if scene.session.get("id") != self._scene.session.get("id"):
            self._chosen = None
        self._scene = scene

    def choose(self, row: RunRow | None) -> None:
        """Look at this run, or at the newest."""
        self._chosen = row.number if row else None

    def stop(self) -> None:
        """End the thread; `join` waits for it."""
        self._timer.stop()
        if self._errands:
            self._errands.stop()

    def resume(self) -> None:
        """Go on after `stop`."""
        if not self._timer.isActive():
            self._errands, self._waits, self._asked = None, False, None
            self._timer.start()

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended."""
        return self._errands is None or self._errands.join(timeout)

    def _look(self) -> None:
        row = self._row()
        self._offer(row)
        if row is None or not row.file:
            self._show_sentence(_NO_RUN)
            self._asked = None
            return
        wanted = _Wanted(row.file, self.detector.currentText(), row.state, row.written)
        if self._waits or wanted == self._asked or not self.isVisible():
            return
        self._asked, self._waits = wanted, True
        if self._errands is None:
            self._errands = Errands("picture", self._messenger.tell)
        live = row.state.is_live
        self._errands.send(wanted.what, lambda: last_frame(Path(wanted.file), wanted.detector, live=live))

    def _row(self) -> RunRow | None:
        rows = run_rows(self._scene)
        return next((row for row in rows if row.number == self._chosen), rows[0] if rows else None)

    def _offer(self, row: RunRow | None) -> None:
        """The detectors of this run; which one is looked at stays, where there is one of that name."""
        names = list(row.detectors) if row else []
        if names == [self.detector.itemText(at) for at in range(self.detector.count())]:
            return
        before = self.detector.currentText()
        self.detector.clear()
        self.detector.addItems(names)
        if before in names:
            self.detector.setCurrentText(before)

    def _came(self, outcome: object) -> None:
        assert isinstance(outcome, Outcome)
        self._waits = False
        if self._asked is None or outcome.what != self._asked.what:
            return  # what is looked at has changed meanwhile: this is a picture of another run
        if outcome.error is not None:
            if outcome.error.code == "UNREADABLE" and self._asked and self._asked.state.is_live:
                self._asked = None  # the file is being replaced or begun just now
            if not (outcome.error.code == "UNREADABLE" and self.shown and self._shown_of == outcome.what):
                self._show_sentence(outcome.error.text)
        elif outcome.answer.count == 0:
            self._show_sentence(f"No frame of {outcome.answer.detector} has come yet.")
        else:
            self._shown_of = outcome.what
            self._show_frame(outcome.answer)

    def _show_sentence(self, text: str) -> None:
        self.shown = None
        self.sentence.setText(text)
        self.about.setText("")
        self.stack.setCurrentWidget(self.sentence)

    def _show_frame(self, frame: LastFrame) -> None:
        self.shown = frame
        self.stack.setCurrentWidget(self.plot)
        is_image = frame.kind in (Kind.IMAGES, Kind.COLOURS)
        self.image.setVisible(is_image)
        self.curve.setVisible(not is_image)
        self.plot.setAspectLocked(is_image)
        self.plot.invertY(is_image)
        if is_image:
            self.image.setImage(frame.values, levels=frame.levels)
            self.image.setRect(QtCore.QRectF(0, 0, frame.shape[-1], frame.shape[-2]) if frame.kind is Kind.IMAGES else
                               QtCore.QRectF(0, 0, frame.values.shape[1], frame.values.shape[0]))  # fmt: skip
            self.curve.setData([], [])
        else:
            self.image.clear()
            first = frame.count - len(frame.values) + 1 if frame.kind is Kind.VALUES else 0
            self.curve.setData(np.arange(first, first + len(frame.values)), frame.values)
        self.about.setText(_about(frame))
        self.about.setToolTip(_about(frame))


def _about(frame: LastFrame) -> str:
    size = " × ".join(str(length) for length in reversed(frame.shape)) or "one value"
    time = f"{frame.time.astimezone():%H:%M:%S}.{frame.time.microsecond // 1000:03d}" if frame.time else ""
    contrast = f"{frame.levels[0]:g} to {frame.levels[1]:g} {frame.units}".strip()
    parts = [f"frame {frame.number}", time, size, contrast if frame.kind is not Kind.VALUES else frame.units]
    return "  ·  ".join(part for part in parts if part)
