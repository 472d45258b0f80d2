"""The first lines of the panel: which session is open, and the states of device, session and run."""

from __future__ import annotations

from taurus.qt.qtgui.display import QLed

from beamsession.faces.taurus import colours
from beamsession.faces.taurus.chip import Chip
from beamsession.faces.taurus.qt import QtCore, QtWidgets
from beamsession.faces.taurus.scene import Scene

_LED = {
    "ON": "green",
    "STANDBY": "yellow",
    "RUNNING": "blue",
    "ALARM": "orange",
    "FAULT": "red",
    "INIT": "yellow",
    "UNKNOWN": "black",
}


class Header(QtWidgets.QWidget):
    """State led, session, and three chips."""

    def __init__(self) -> None:
        super().__init__()
        self.led = QLed()
        self.led.setFixedSize(28, 28)
        self.device = Chip("State")
        self.session = Chip("SessionState")
        self.run = Chip("RunState")
        self.title = QtWidgets.QLabel()
        self.title.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.title.setStyleSheet("font-size: 14pt; font-weight: 600;")
        self.title.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        self.detail = QtWidgets.QLabel()
        self.detail.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.detail.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        texts = QtWidgets.QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self.title)
        texts.addWidget(self.detail)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.led)
        row.addLayout(texts, 1)
        for caption, chip in (("Device", self.device), ("Session", self.session), ("Run", self.run)):
            row.addWidget(QtWidgets.QLabel(caption))
            row.addWidget(chip)

    def show_scene(self, scene: Scene) -> None:
        """Follow what stands."""
        state = scene.device_state
        self.led.setLedColor(_LED.get(state, "white"))
        self.led.setLedStatus(scene.connected)
        self.led.setToolTip(f"{scene.address}: {state}")
        self.device.show_state(state, colours.of_device(state))
        self.device.setToolTip((scene.trouble or f"{scene.address}: {state}") if scene.connected else scene.fault)
        self.session.show_state(scene.session_state.value, colours.of_session(scene.session_state))
        self.session.setToolTip(scene.docs.get("SessionState", ""))
        self.run.show_state(scene.run_state.value, colours.of_run(scene.run_state))
        self.run.setToolTip(scene.docs.get("RunState", ""))
        self._show_titles(scene)

    def _show_titles(self, scene: Scene) -> None:
        session = scene.session
        if scene.session_id and session.get("id") == scene.session_id:
            title = session["title"] or session["name"]
            told = [
                f"Session {session['id']}",
                session["name"],
                session["proposal"],
                f"since {_hour(session['start'])}",
            ]
        else:
            title = "No session is open"
            last = scene.whole("LastCompletedId")
            told = [f"Session {last} was completed last" if last else "Start one below"]
        if not scene.connected:
            title, told = "Not connected", [scene.fault]
        elif scene.trouble:
            title, told = "The session manager cannot work", [scene.trouble]
        self.title.setText(title)
        self.title.setToolTip(title)
        self.detail.setText("  ·  ".join(part for part in told if part))
        self.detail.setToolTip(str(session.get("root", "")) if scene.session_id else scene.address)


def _hour(moment: str) -> str:
    """A time in RFC 3339 as the clock on the wall shows it."""
    found = QtCore.QDateTime.fromString(moment, QtCore.Qt.DateFormat.ISODateWithMs).toLocalTime()
    return found.toString("HH:mm") if found.date() == QtCore.QDate.currentDate() else found.toString("yyyy-MM-dd HH:mm")
