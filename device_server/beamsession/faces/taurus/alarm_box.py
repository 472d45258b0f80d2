"""All problems, the worst first, each with its severity in colour and as a word."""

from __future__ import annotations

from beamsession.faces.taurus import colours
from beamsession.faces.taurus.command_button import CommandButton
from beamsession.faces.taurus.offers import ACKNOWLEDGE
from beamsession.faces.taurus.qt import QtGui, QtWidgets
from beamsession.faces.taurus.scene import AlarmLine, Scene


class AlarmBox(QtWidgets.QGroupBox):
    """The list, and the button that acknowledges."""

    def __init__(self) -> None:
        super().__init__("Alarms")
        self.list = QtWidgets.QListWidget()
        self.list.setObjectName("alarms")
        self.list.setAccessibleName("Alarms")
        self.list.setWordWrap(True)
        self.acknowledge = CommandButton("Ackno&wledge", ACKNOWLEDGE)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(6, 4, 6, 6)
        row.addWidget(self.list, 1)
        row.addWidget(self.acknowledge)
        lines = self.fontMetrics().lineSpacing()
        self.list.setMinimumHeight(lines * 2)
        self.setMaximumHeight(lines * 6)
        self._shown: tuple[AlarmLine, ...] | None = None

    def show_scene(self, scene: Scene, busy: str) -> None:
        """Follow the alarms; they are grey while the manager is not heard."""
        self.acknowledge.show_scene(scene, busy)
        self.list.setEnabled(scene.connected)
        self.list.setToolTip(scene.docs.get("Alarms", ""))
        if scene.alarms == self._shown:
            return
        self._shown = scene.alarms
        self.setTitle(f"Alarms ({len(scene.alarms)})" if scene.alarms else "Alarms")
        self.list.clear()
        for alarm in scene.alarms:
            item = QtWidgets.QListWidgetItem(f"{alarm.severity.name}  {alarm.sentence}")
            found = colours.of_severity(alarm.severity)
            item.setBackground(QtGui.QColor(found.ground))
            item.setForeground(QtGui.QColor(found.writing))
            item.setToolTip(alarm.sentence)
            self.list.addItem(item)
        if not scene.alarms:
            self.list.addItem("No problem is known.")
