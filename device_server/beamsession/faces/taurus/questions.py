"""What is asked before something is done; the window stays alive meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from beamsession.faces.taurus.qt import QtCore, QtWidgets


def ask(parent: QtWidgets.QWidget, text: str, verb: str, then: Callable[[], None]) -> None:
    """Ask `text`; `then()` if it is answered by the button `verb`. Escape and Return answer no."""
    box = QtWidgets.QMessageBox(parent)
    box.setObjectName("question")
    box.setWindowTitle(verb)
    box.setIcon(QtWidgets.QMessageBox.Icon.Question)
    box.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    box.setText(text)
    yes = box.addButton(verb, QtWidgets.QMessageBox.ButtonRole.DestructiveRole)
    no = box.addButton("Back", QtWidgets.QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(no)
    box.setEscapeButton(no)
    box.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    yes.clicked.connect(then)
    box.open()


class StartDialog(QtWidgets.QDialog):
    """A new session while one is open: what becomes of that, and what the new one is called; `typed` stands there."""

    def __init__(
        self,
        parent: QtWidgets.QWidget,
        effect: str,
        then: Callable[[dict[str, Any], bool], None],
        typed: Mapping[str, str],
    ) -> None:
        super().__init__(parent)
        self.setObjectName("start")
        self.setWindowTitle("Start a session")
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        self._then = then
        told = QtWidgets.QLabel(effect)
        told.setWordWrap(True)
        told.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.lines = {name: QtWidgets.QLineEdit(typed.get(name, "")) for name in ("name", "title", "proposal")}
        form = QtWidgets.QFormLayout()
        for name, line in self.lines.items():
            line.setObjectName(f"start {name}")
            form.addRow(f"&{name.capitalize()}", line)
        self.keep = QtWidgets.QCheckBox("Take over the &metadata of the open session")
        buttons = QtWidgets.QDialogButtonBox(QtWidgets.QDialogButtonBox.StandardButton.Cancel)
        self.start = buttons.addButton("Start", QtWidgets.QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.accepted.connect(self._accepted)
        column = QtWidgets.QVBoxLayout(self)
        column.addWidget(told)
        column.addLayout(form)
        column.addWidget(self.keep)
        column.addWidget(buttons)
        self.setMinimumWidth(420)

    def _accepted(self) -> None:
        self._then({name: line.text() for name, line in self.lines.items()}, self.keep.isChecked())
