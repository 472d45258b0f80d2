"""The line that says what was done, or why not; a sentence with its remedy, never a traceback."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from beamsession.faces.taurus.colours import Colours
from beamsession.faces.taurus.qt import QtCore, QtWidgets


class Tone(StrEnum):
    """What a message is about."""

    DONE = "✓"
    BUSY = "…"
    HINT = "!"
    REFUSED = "✗"


@dataclass(frozen=True)
class Message:
    """One sentence, or a few."""

    tone: Tone
    text: str


_COLOURS = {
    Tone.DONE: Colours("#e9f5ec", "#0d4a1e"),
    Tone.BUSY: Colours("#e7f0fb", "#0b3d75"),
    Tone.HINT: Colours("#fdf4d7", "#5f4300"),
    Tone.REFUSED: Colours("#fbe3e1", "#7a1510"),
}


class MessageLine(QtWidgets.QLabel):
    """Keeps its message until the next one comes; it can be selected and copied."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * 2 + 6)
        self.setMaximumHeight(self.fontMetrics().lineSpacing() * 4 + 6)
        self.setAccessibleName("What was done last")
        self.show_message(Message(Tone.DONE, "Ready."))

    def show_message(self, message: Message) -> None:
        """Show it in the place of the one before."""
        self.message = message
        self.setText(f"{message.tone.value} {message.text}")
        self.setToolTip(message.text)
        self.setStyleSheet(f"{_COLOURS[message.tone].style} border-radius: 3px; padding: 2px 6px;")
