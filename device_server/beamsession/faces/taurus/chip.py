"""A word on a coloured ground."""

from __future__ import annotations

from beamsession.faces.taurus.colours import Colours
from beamsession.faces.taurus.qt import QtCore, QtWidgets


class Chip(QtWidgets.QLabel):
    """Shows one state."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(name)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Preferred, QtWidgets.QSizePolicy.Policy.Fixed)
        self.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)

    def show_state(self, word: str, colours: Colours) -> None:
        """Show `word` in these colours."""
        if word != self.text():
            self.setText(word)
            self.setStyleSheet(f"{colours.style} border-radius: 4px; padding: 2px 8px; font-weight: 600;")
