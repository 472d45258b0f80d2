"""The panel: a Taurus widget whose model is a SessionManager device."""

from __future__ import annotations

from typing import Any

from taurus.qt.qtgui.container import TaurusWidget

from beamsession.faces.taurus.alarm_box import AlarmBox
from beamsession.faces.taurus.follower import Follower
from beamsession.faces.taurus.header import Header
from beamsession.faces.taurus.message import Message, MessageLine, Tone
from beamsession.faces.taurus.messenger import Messenger
from beamsession.faces.taurus.metadata_box import MetadataBox
from beamsession.faces.taurus.orders import Orders
from beamsession.faces.taurus.picture_box import PictureBox
from beamsession.faces.taurus.qt import QtCore, QtWidgets
from beamsession.faces.taurus.run_box import RunBox
from beamsession.faces.taurus.runs_table import RunsTable
from beamsession.faces.taurus.scene import Scene
from beamsession.faces.taurus.session_box import NotesBox, SessionBox
from beamsession.faces.taurus.status_strip import StatusStrip

_JOIN_S = 4.0


class SessionPanel(TaurusWidget):
    """Everything a user does with a session, in one window.

    `setModel("tango://host:port/beamline/session/manager")`, or the device's name alone where TANGO_HOST is set. The
    device is followed in a thread: a manager that is away stops nothing, and is taken up again when it is back.
    """

    def __init__(self, parent: Any = None, designMode: bool = False) -> None:  # noqa: N803
        super().__init__(parent, designMode)
        self.setWindowTitle("beamsession")
        self.scene = Scene()
        self.header, self.message = Header(), MessageLine()
        self.session, self.metadata, self.notes = SessionBox(), MetadataBox(), NotesBox()
        self.run, self.runs, self.picture = RunBox(), RunsTable(), PictureBox()
        self.alarms, self.status = AlarmBox(), StatusStrip()
        self.orders = Orders(self)
        self._followers: list[Follower] = []
        self._messenger = Messenger()
        self._messenger.came.connect(self._came)
        self._lay_out()
        self._connect()
        self._show()

    @classmethod
    def getQtDesignerPluginInfo(cls) -> dict[str, Any]:  # noqa: N802
        """How Qt Designer offers it."""
        told = TaurusWidget.getQtDesignerPluginInfo()
        return {**told, "module": "beamsession.faces.taurus", "group": "Taurus Panels", "container": False}

    def getModelClass(self, **_: Any) -> None:  # noqa: N802
        """None: Taurus connects to nothing here, for it would let the window wait; the panel follows by itself."""
        return

    def stop(self, timeout: float = 0.0) -> bool:
        """End all threads; whether they have ended within `timeout` seconds. A command on its way is still done."""
        parts = [*self._followers, self.orders, self.picture]
        for part in parts:
            part.stop()
        ended = [part.join(timeout) for part in parts]
        return all(ended)

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802
        """Comfortable; it works at 1024 x 700."""
        return QtCore.QSize(1180, 800)

    def closeEvent(self, event: Any) -> None:  # noqa: N802
        """Follow nothing while it is closed."""
        self.stop()
        super().closeEvent(event)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Follow again after it was closed."""
        super().showEvent(event)
        if self._followers and not self._followers[-1].is_working:
            self._follow(self.scene.address)

    def _lay_out(self) -> None:
        left = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.session)
        column.addWidget(self.metadata, 1)
        column.addWidget(self.notes)
        lower = QtWidgets.QSplitter(QtCore.Qt.Orientation.Vertical)
        lower.addWidget(self.runs)
        lower.addWidget(self.picture)
        lower.setSizes([150, 270])
        lower.setChildrenCollapsible(False)
        right = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.run)
        column.addWidget(lower, 1)
        halves = QtWidgets.QSplitter(QtCore.Qt.Orientation.Horizontal)
        halves.addWidget(left)
        halves.addWidget(right)
        halves.setSizes([410, 700])
        halves.setStretchFactor(1, 1)
        halves.setChildrenCollapsible(False)
        whole = QtWidgets.QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 8, 6)
        whole.setSpacing(6)
        whole.addWidget(self.header)
        whole.addWidget(self.message)
        whole.addWidget(halves, 1)
        whole.addWidget(self.alarms)
        whole.addWidget(self.status)

    def _connect(self) -> None:
        self.modelChanged.connect(self._follow)
        self.session.ordered.connect(self.orders.give)
        self.run.ordered.connect(self.orders.give)
        self.alarms.acknowledge.clicked.connect(self.orders.acknowledge)
        self.metadata.applied.connect(self.orders.apply)
        self.notes.commented.connect(self.orders.comment)
        self.notes.added.connect(self.orders.add_file)
        self.orders.told.connect(self.message.show_message)
        self.orders.busy_changed.connect(self._show)
        for box in (self.session, self.metadata):
            box.edited.connect(self._show_apply)
        self.runs.chosen.connect(self.picture.choose)
        if (application := QtWidgets.QApplication.instance()) is not None:
            application.aboutToQuit.connect(self._leave)

    def _follow(self, model: object = "") -> None:
        """Follow another device, or none."""
        for follower in self._followers:
            follower.stop()
        self._followers = [follower for follower in self._followers if not follower.join(0)]
        address = str(model or "").strip()
        self.scene = Scene(address=address, fault=f"Connecting to {address} …" if address else Scene().fault)
        self.orders.connect_to(address)
        self.picture.resume()
        if address:
            self._followers.append(Follower(address, self._messenger.tell))
            self._followers[-1].start()
        self._show()

    def _came(self, scene: object) -> None:
        assert isinstance(scene, Scene)
        if scene.address != self.scene.address:
            return  # the last word of a device that is not followed any more
        before, self.scene = self.scene, scene
        if before.connected and not scene.connected:
            self.message.show_message(Message(Tone.REFUSED, scene.fault))
        elif scene.connected and not before.connected:
            self.message.show_message(Message(Tone.DONE, f"Connected to {scene.address}."))
        if scene.connected and scene.trouble and scene.trouble != before.trouble:
            self.message.show_message(Message(Tone.REFUSED, scene.trouble))
        self._show()

    def _show(self) -> None:
        scene, busy = self.scene, self.orders.busy
        is_ours = self.orders.has_started(scene.session_id)
        self.header.show_scene(scene)
        self.session.show_scene(scene, busy, is_ours=is_ours)
        self.metadata.show_scene(scene, is_ours=is_ours)
        self.notes.show_scene(scene, busy)
        self.run.show_scene(scene, busy)
        self.runs.show_scene(scene)
        self.picture.show_scene(scene)
        self.alarms.show_scene(scene, busy)
        self.status.show_scene(scene)
        self._show_apply()

    def _show_apply(self) -> None:
        found = self.orders.can_apply()
        self.metadata.apply_button.setEnabled(found.enabled)
        self.metadata.apply_button.setToolTip(found.why)
        self.metadata.discard_button.setEnabled(self.metadata.form.is_changed)

    def _leave(self) -> None:
        """No thread may be inside a Tango call when the program ends."""
        self.stop(_JOIN_S)
