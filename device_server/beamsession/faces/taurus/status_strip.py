"""The last line: room on the disk, and the sessions on their way to the catalogue."""

from __future__ import annotations

import math

from beamsession.faces.taurus.qt import QtCore, QtWidgets
from beamsession.faces.taurus.scene import Scene
from beamsession.model.catalogue_standing import CatalogueState

_LONG_S = 600


class StatusStrip(QtWidgets.QWidget):
    """Four facts."""

    def __init__(self) -> None:
        super().__init__()
        self.disk, self.minutes, self.ingest, self.pid = (QtWidgets.QLabel() for _ in range(4))
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(2, 0, 2, 0)
        for label in (self.disk, self.minutes, self.ingest, self.pid):
            label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
            row.addWidget(label)
        row.addStretch(1)
        self.pid.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)

    def show_scene(self, scene: Scene) -> None:
        """Follow the numbers."""
        pending, parked = scene.whole("IngestPending"), scene.whole("IngestParked")
        self.disk.setText(f"Disk: {scene.real('DiskFree'):.1f} GiB free")
        self.disk.setToolTip(f"{scene.docs.get('DiskFree', '')}; {scene.text('Root')}")
        minutes = scene.real("DiskMinutesLeft")
        self.minutes.setText(f"full in {_duration(minutes)}" if math.isfinite(minutes) else "")
        self.minutes.setToolTip(scene.docs.get("DiskMinutesLeft", ""))
        self.ingest.setText(
            f"·  Catalogue{_unreached(scene)}: {pending} on the way{_since(scene)}"
            + (f", {parked} waiting for a person" if parked else "")
        )
        self.ingest.setStyleSheet("color: #7a5600; font-weight: 600;" if parked else "")
        self.ingest.setToolTip(f"{scene.docs.get('IngestPending', '')}. {scene.docs.get('IngestParked', '')}")
        pid, last = scene.text("DatasetPid"), scene.whole("LastCompletedId")
        self.pid.setText(
            f"·  Session {last}: {pid}" if pid else f"·  Session {last} is not archived yet" if last else ""
        )
        self.pid.setToolTip(scene.docs.get("DatasetPid", ""))


def _unreached(scene: Scene) -> str:
    """A word about a catalogue that cannot be reached; a manager of an earlier version does not tell."""
    states = list(CatalogueState)
    return " (not reachable)" if scene.whole("CatalogueState") == states.index(CatalogueState.UNREACHABLE) else ""


def _since(scene: Scene) -> str:
    """For how long the oldest is on its way, once that is long."""
    seconds = scene.real("IngestOldestAge")
    return f" ({_duration(seconds / 60)})" if seconds >= _LONG_S else ""


def _duration(minutes: float) -> str:
    """Minutes in words that can be grasped."""
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"
