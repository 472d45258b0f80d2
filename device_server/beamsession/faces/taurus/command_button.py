"""A button that knows from the state table whether it can be pressed, and says why not."""

from __future__ import annotations

from beamsession.faces.taurus.offers import offer
from beamsession.faces.taurus.qt import QtWidgets
from beamsession.faces.taurus.scene import Scene
from beamsession.model.situation import Command


class CommandButton(QtWidgets.QPushButton):
    """One command."""

    def __init__(self, text: str, command: Command | str) -> None:
        super().__init__(text)
        self.command = command
        self.setObjectName(str(command))
        self.setEnabled(False)

    def show_scene(self, scene: Scene, busy: str) -> None:
        """Follow the state."""
        found = offer(self.command, scene, busy=busy)
        self.setToolTip(found.why)
        if found.enabled != self.isEnabled():
            self.setEnabled(found.enabled)
