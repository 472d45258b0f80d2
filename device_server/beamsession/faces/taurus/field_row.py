"""One key of the form: name, editor, unit, and below them what is wrong, or that somebody else has changed it."""

from __future__ import annotations

from beamsession.faces.taurus.field_editors import editor_of
from beamsession.faces.taurus.form import Field, text_of
from beamsession.faces.taurus.qt import QtCore, QtWidgets, Signal

_FAULT = "border: 1px solid #c0352b;"
_CHANGED = "border: 1px solid #2a6fc4;"
_CONTESTED = "border: 1px solid #c98a00;"


class FieldRow(QtCore.QObject):
    """Puts its widgets into a grid; `edited` tells that the field is another than before."""

    edited = Signal()

    def __init__(self, field: Field, caption: str = "") -> None:
        super().__init__()
        self.field = field
        key = field.key
        self.label = QtWidgets.QLabel(f"{caption or key.name}{' *' if key.mandatory else ''}")
        self.label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.editor = editor_of(key)
        self.editor.setObjectName(f"field:{key.name}")
        self.editor.setAccessibleName(key.name)
        self.label.setBuddy(self.editor)
        self.unit = QtWidgets.QLabel(key.units)
        told = [key.help, f"{key.type.value}{f' in {key.units}' if key.units else ''}"]
        told += ["every session must have it"] if key.mandatory else []
        for widget in (self.label, self.editor):
            widget.setToolTip("; ".join(text for text in told if text))
        self.note = QtWidgets.QLabel()
        self.note.setObjectName(f"note:{key.name}")
        self.note.setWordWrap(True)
        self.note.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.theirs = _small_button("Take it", f"theirs:{key.name}")
        self.mine = _small_button("Keep mine", f"mine:{key.name}")
        self.editor.typed.connect(self._typed)
        self.theirs.clicked.connect(self._give_up)
        self.mine.clicked.connect(self._insist)

    def place(self, grid: QtWidgets.QGridLayout, row: int) -> None:
        """Take two rows of the grid, from `row` on."""
        grid.addWidget(self.label, row, 0)
        grid.addWidget(self.editor, row, 1)
        grid.addWidget(self.unit, row, 2)
        below = QtWidgets.QHBoxLayout()
        below.addWidget(self.note, 1)
        below.addWidget(self.theirs)
        below.addWidget(self.mine)
        grid.addLayout(below, row + 1, 1, 1, 2)
        self.refresh()

    @property
    def keys(self) -> tuple[QtWidgets.QWidget, ...]:
        """What the keyboard reaches, in order."""
        return self.editor, self.theirs, self.mine

    def refresh(self) -> None:
        """Show the field as it is now."""
        field = self.field
        self.editor.show_text(field.text)
        fault = field.fault if field.is_changed else ""
        note, style = fault, _FAULT if fault else _CHANGED if field.is_changed else ""
        if field.is_contested:
            theirs = text_of(field.theirs) or "nothing"
            note, style = f"Changed meanwhile to {theirs}", _CONTESTED
        self.note.setText(note)
        self.note.setStyleSheet("color: #a3231a;" if fault and not field.is_contested else "color: #7a5600;")
        self.note.setVisible(bool(note))
        self.theirs.setVisible(field.is_contested)
        self.mine.setVisible(field.is_contested)
        if style != self.editor.styleSheet():
            self.editor.setStyleSheet(style)

    def set_editable(self, editable: bool) -> None:
        """Whether a person may type."""
        self.editor.setEnabled(editable)

    def _typed(self, text: str) -> None:
        self.field.type(text)
        self._changed()

    def _give_up(self) -> None:
        self.field.forget()
        self._changed()

    def _insist(self) -> None:
        self.field.insist()
        self._changed()

    def _changed(self) -> None:
        self.refresh()
        self.edited.emit()


def _small_button(text: str, name: str) -> QtWidgets.QToolButton:
    button = QtWidgets.QToolButton()
    button.setText(text)
    button.setObjectName(name)
    button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
    return button
