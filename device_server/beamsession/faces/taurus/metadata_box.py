"""The form of the session's metadata, made from the beamline's definition."""

from __future__ import annotations

from beamsession.faces.taurus.field_row import FieldRow
from beamsession.faces.taurus.form import Form
from beamsession.faces.taurus.qt import QtCore, QtWidgets, Signal
from beamsession.faces.taurus.scene import Scene


class MetadataBox(QtWidgets.QGroupBox):
    """`edited`: a person has changed something; `applied`: it shall be sent."""

    edited = Signal()
    applied = Signal()

    def __init__(self) -> None:
        super().__init__("Metadata")
        self.form = Form()
        self._rows: dict[str, FieldRow] = {}
        self._keys: tuple[object, ...] = ()
        self._session = 0
        self.draft: dict[str, str] = {}
        """What was typed for a new session when somebody else started one; it stands here again once that has ended."""
        self._area = QtWidgets.QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.apply_button = QtWidgets.QPushButton("Appl&y changes")
        self.apply_button.setObjectName("apply")
        self.discard_button = QtWidgets.QPushButton("&Discard")
        self.discard_button.setObjectName("discard")
        self.discard_button.setToolTip("Forget what was typed and not sent")
        self.apply_button.clicked.connect(self.applied)
        self.discard_button.clicked.connect(self.discard)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.discard_button)
        buttons.addWidget(self.apply_button)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 6)
        column.addWidget(self._area, 1)
        column.addLayout(buttons)

    def show_scene(self, scene: Scene, *, is_ours: bool) -> None:
        """Follow the definition and the session's values."""
        if scene.keys != self._keys:
            self._keys, self.form = scene.keys, Form(scene.keys)
            self._lay_out()
        if scene.session_id != self._session:
            before, self._session = self._session, scene.session_id
            if scene.session_id:
                if not before and not is_ours:  # else what was typed before Start went into it
                    self.draft = {name: field.text for name, field in self.form.fields.items() if field.is_changed}
                self.form.forget()
        if not scene.session_id:
            self.form.show({key.name: value for key in scene.keys if (value := key.typed_default) is not None})
            for name in [name for name in self.draft if name in self.form.fields]:
                self.form.fields[name].type(self.draft.pop(name))
        elif scene.session.get("id") == scene.session_id:
            self.form.show(scene.metadata)
        if list(self.form.fields) != list(self._rows):
            self._lay_out()
        for row in self._rows.values():
            row.refresh()
            row.set_editable(scene.connected and (scene.is_open or not scene.session_id))

    def discard(self) -> None:
        """Forget what was typed."""
        self.form.forget()
        self._refresh()

    def sent(self, texts: dict[str, str], metadata: dict[str, object]) -> None:
        """What stood in these fields was sent; the session has `metadata` now."""
        for name, text in texts.items():
            if name in self.form.fields:
                self.form.fields[name].sent(text, metadata.get(name))
        self.form.show(metadata)
        self._refresh()

    def _refresh(self) -> None:
        for row in self._rows.values():
            row.refresh()
        self.edited.emit()

    def _lay_out(self) -> None:
        inside = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(inside)
        grid.setContentsMargins(0, 0, 4, 0)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        self._rows = {name: FieldRow(field) for name, field in self.form.fields.items()}
        for number, row in enumerate(self._rows.values()):
            row.place(grid, 2 * number)
            row.edited.connect(self.edited)
        if not self._rows:
            grid.addWidget(QtWidgets.QLabel("The beamline defines no keys."), 0, 0)
        grid.setRowStretch(2 * len(self._rows) + 1, 1)
        self._area.setWidget(inside)
        before: QtWidgets.QWidget = self._area
        for row in self._rows.values():
            for widget in row.keys:
                QtWidgets.QWidget.setTabOrder(before, widget)
                before = widget
