"""What a person types into: a line, or a box of choices. Only what a person does is told, not what is shown."""

from __future__ import annotations

from collections.abc import Iterable

from beamsession.faces.taurus.form import text_of
from beamsession.faces.taurus.qt import QtCore, QtWidgets, Signal
from beamsession.model.definition import MetadataKey
from beamsession.model.metadata_type import MetadataType

_EXAMPLES = {
    MetadataType.INTEGER: "a whole number",
    MetadataType.DOUBLE: "a number",
    MetadataType.LIST: "a list, as [1, 2, 3]",
    MetadataType.MAP: 'a map, as {"a": 1}',
}


class LineEditor(QtWidgets.QLineEdit):
    """Free text."""

    typed = Signal(str)

    def __init__(self, hint: str = "") -> None:
        super().__init__()
        self.setPlaceholderText(hint)
        self.textEdited.connect(self.typed)

    def show_text(self, text: str) -> None:
        """Show `text`, unless it stands there already."""
        if text != self.text():
            self.setText(text)


class ChoiceEditor(QtWidgets.QComboBox):
    """One of some texts, or nothing."""

    typed = Signal(str)

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__()
        self.addItems(["", *choices])
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.textActivated.connect(self.typed)

    def show_text(self, text: str) -> None:
        """Show `text`; one that is no choice is shown as well."""
        if text == self.currentText():
            return
        if self.findText(text) < 0:
            self.addItem(text)
        self.setCurrentIndex(self.findText(text))

    def text(self) -> str:
        """What is chosen."""
        return self.currentText()

    def wheelEvent(self, event: object) -> None:  # noqa: N802
        """A form that is scrolled shall not change."""
        event.ignore()  # pyright: ignore[reportAttributeAccessIssue]


Editor = LineEditor | ChoiceEditor


def editor_of(key: MetadataKey) -> Editor:
    """The editor that fits the key's type."""
    if key.choices:
        return ChoiceEditor(text_of(choice) for choice in key.choices)
    if key.type is MetadataType.BOOLEAN:
        return ChoiceEditor(("true", "false"))
    return LineEditor(_EXAMPLES.get(key.type, ""))
