"""The session: name, title, proposal, and the buttons of its life."""

from __future__ import annotations

from typing import Any

from beamsession.faces.taurus.command_button import CommandButton
from beamsession.faces.taurus.field_row import FieldRow
from beamsession.faces.taurus.form import Field
from beamsession.faces.taurus.qt import QtCore, QtWidgets, Signal
from beamsession.faces.taurus.scene import Scene
from beamsession.model.definition import MetadataKey
from beamsession.model.situation import Command

_FIELDS = (
    ("name", "Name", "it makes the data folder and does not change"),
    ("title", "Title", "it can be changed at any time"),
    ("proposal", "Proposal", "the number of the user office"),
)


class SessionBox(QtWidgets.QGroupBox):
    """`ordered(command)`: a button was pressed; `edited`: a person has typed."""

    ordered = Signal(object)
    edited = Signal()

    def __init__(self) -> None:
        super().__init__("Session")
        self._session = 0
        self.draft: dict[str, str] = {}
        """What was typed for a new session when somebody else started one; it stands here again once that has ended."""
        self.rows = {
            name: FieldRow(Field(MetadataKey(name=name, help=told), theirs=""), caption)
            for name, caption, told in _FIELDS
        }
        grid = QtWidgets.QGridLayout()
        grid.setVerticalSpacing(2)
        for number, row in enumerate(self.rows.values()):
            row.place(grid, 2 * number)
            row.edited.connect(self.edited)
        self.buttons = [
            CommandButton("&Start", Command.START),
            CommandButton("&Pause", Command.PAUSE),
            CommandButton("&Resume", Command.RESUME),
            CommandButton("&Complete", Command.COMPLETE),
            CommandButton("Ca&ncel", Command.CANCEL),
        ]
        line = QtWidgets.QHBoxLayout()
        line.setSpacing(4)
        for button in self.buttons:
            button.setMinimumWidth(40)
            button.clicked.connect(self._press(button.command))
            line.addWidget(button)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 6)
        column.addLayout(grid)
        column.addLayout(line)

    @property
    def title_change(self) -> str | None:
        """The new title of the open session; None where it shall stay."""
        field = self.rows["title"].field
        return field.text if self._session and field.is_changed and not field.is_contested else None

    @property
    def contested(self) -> bool:
        """Whether somebody else gave it another title meanwhile."""
        return self.rows["title"].field.is_contested

    def for_start(self) -> dict[str, Any]:
        """What Start is told of the new session."""
        return {name: row.field.text for name, row in self.rows.items()}

    def show_scene(self, scene: Scene, busy: str, *, is_ours: bool) -> None:
        """Follow the session; its name and proposal can be typed only before it is there."""
        before, self._session = self._session, scene.session_id
        if scene.session_id != before and scene.session_id:
            if not before and not is_ours:
                self.draft = {name: row.field.text for name, row in self.rows.items() if row.field.is_changed}
            self.forget()
        known = scene.session if scene.session_id and scene.session.get("id") == scene.session_id else {}
        for name, row in self.rows.items():
            row.field.theirs = known.get(name, "")
            if not scene.session_id and name in self.draft:
                row.field.type(self.draft.pop(name))
            row.set_editable(scene.connected and (not scene.session_id or (name == "title" and scene.is_open)))
            row.refresh()
        for button in self.buttons:
            button.show_scene(scene, busy)

    def forget(self) -> None:
        """Drop what was typed."""
        for row in self.rows.values():
            row.field.forget()
            row.refresh()

    def _press(self, command: object) -> Any:
        return lambda: self.ordered.emit(command)


class NotesBox(QtWidgets.QGroupBox):
    """A comment, and a file; `commented(text)` and `added(path)`."""

    commented = Signal(str)
    added = Signal(str)

    def __init__(self) -> None:
        super().__init__("For the record")
        self.comment = QtWidgets.QLineEdit()
        self.comment.setObjectName("comment")
        self.comment.setPlaceholderText("a comment, kept with the session and its open run")
        self.comment.setAccessibleName("Comment")
        self.path = QtWidgets.QLineEdit()
        self.path.setObjectName("path")
        self.path.setPlaceholderText("a file or folder of the server's host")
        self.path.setAccessibleName("File to add")
        self.browse = QtWidgets.QToolButton()
        self.browse.setText("…")
        self.browse.setToolTip("Choose a file of this host")
        self.comment_button = CommandButton("Com&ment", Command.COMMENT)
        self.add_button = CommandButton("Add &file", Command.ADD_FILE)
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(6, 4, 6, 6)
        grid.setVerticalSpacing(4)
        grid.addWidget(self.comment, 0, 0, 1, 2)
        grid.addWidget(self.comment_button, 0, 2)
        grid.addWidget(self.path, 1, 0)
        grid.addWidget(self.browse, 1, 1)
        grid.addWidget(self.add_button, 1, 2)
        self.comment_button.clicked.connect(self._comment)
        self.comment.returnPressed.connect(self.comment_button.click)
        self.add_button.clicked.connect(self._add)
        self.path.returnPressed.connect(self.add_button.click)
        self.browse.clicked.connect(self._browse)

    def show_scene(self, scene: Scene, busy: str) -> None:
        """Follow the state."""
        self.comment_button.show_scene(scene, busy)
        self.add_button.show_scene(scene, busy)

    def _comment(self) -> None:
        self.commented.emit(self.comment.text())

    def _add(self) -> None:
        self.added.emit(self.path.text())

    def _browse(self) -> None:
        dialog = QtWidgets.QFileDialog(self, "Add a file")
        dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.path.setText)
        dialog.open()
