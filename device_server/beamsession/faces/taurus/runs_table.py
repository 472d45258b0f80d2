"""The runs of the session, newest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from beamsession.faces.taurus import colours
from beamsession.faces.taurus.qt import QtCore, QtGui, QtWidgets, Signal
from beamsession.faces.taurus.run_rows import RunRow, run_rows
from beamsession.faces.taurus.scene import Scene

_RIGHT = QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter
_STATE = 2


@dataclass(frozen=True)
class _Column:
    name: str
    width: int
    text: Callable[[RunRow], str]
    is_number: bool = False
    told: str = ""


_COLUMNS = (
    _Column("Run", 36, lambda row: str(row.number), True),
    _Column("Title", 120, lambda row: row.title),
    _Column("State", 98, lambda row: row.state.value, told="the verdict once the run has ended"),
    _Column("Expected", 62, lambda row: "" if row.expected is None else str(row.expected), True, "declared frames"),
    _Column("Received", 62, lambda row: str(row.received), True),
    _Column("Written", 56, lambda row: str(row.written), True, "frames on disk"),
    _Column("Missing", 56, lambda row: str(row.missing), True, "frames known to be lost"),
    _Column("File", 90, lambda row: row.file.rpartition("/")[2], told="the NeXus file"),
)


class RunsModel(QtCore.QAbstractTableModel):
    """The rows; one that has changed is told as that one, so that a selection stays."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[RunRow] = []

    def show_rows(self, rows: list[RunRow]) -> None:
        """Show these."""
        if [row.number for row in rows] != [row.number for row in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        for number, (old, new) in enumerate(zip(self.rows, rows, strict=True)):
            if old != new:
                self.rows[number] = new
                self.dataChanged.emit(self.index(number, 0), self.index(number, len(_COLUMNS) - 1))

    def rowCount(self, parent: Any = None) -> int:  # noqa: N802
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Any = None) -> int:  # noqa: N802
        return 0 if parent is not None and parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:  # noqa: N802
        if orientation != QtCore.Qt.Orientation.Horizontal:
            return None
        if role == QtCore.Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section].name
        return _COLUMNS[section].told or None if role == QtCore.Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: Any, role: int = 0) -> Any:
        row, column = self.rows[index.row()], _COLUMNS[index.column()]
        match role:
            case QtCore.Qt.ItemDataRole.DisplayRole:
                return column.text(row)
            case QtCore.Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column.is_number else None
            case QtCore.Qt.ItemDataRole.BackgroundRole if index.column() == _STATE:
                return QtGui.QBrush(QtGui.QColor(colours.of_run(row.state).ground))
            case QtCore.Qt.ItemDataRole.ForegroundRole if index.column() == _STATE:
                return QtGui.QBrush(QtGui.QColor(colours.of_run(row.state).writing))
            case QtCore.Qt.ItemDataRole.ToolTipRole:
                return "\n".join(text for text in (row.reason, row.file) if text) or None
            case _:
                return None


class RunsTable(QtWidgets.QGroupBox):
    """`chosen(row)`: a person looks at this run; None: at the newest, whichever it is."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__("Runs")
        self.model = RunsModel()
        self.view = QtWidgets.QTableView()
        self.view.setObjectName("runs")
        self.view.setAccessibleName("Runs")
        self.view.setModel(self.model)
        self.view.setSelectionBehavior(QtWidgets.QTableView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QtWidgets.QTableView.SelectionMode.SingleSelection)
        self.view.setEditTriggers(QtWidgets.QTableView.EditTrigger.NoEditTriggers)
        self.view.setAlternatingRowColors(True)
        self.view.setShowGrid(False)
        self.view.setTabKeyNavigation(False)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(self.fontMetrics().lineSpacing() + 6)
        header = self.view.horizontalHeader()
        for number, column in enumerate(_COLUMNS):
            self.view.setColumnWidth(number, column.width)
        header.setSectionResizeMode(1, QtWidgets.QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.setStretchLastSection(False)
        self._session = 0
        box = QtWidgets.QVBoxLayout(self)
        box.setContentsMargins(6, 4, 6, 6)
        box.addWidget(self.view)
        self.view.selectionModel().selectionChanged.connect(self._select)

    def show_scene(self, scene: Scene) -> None:
        """Follow the runs."""
        number = int(scene.session.get("id") or 0)
        if number != self._session:
            self._session = number
            self.view.clearSelection()
        chosen = self._chosen()
        self.setTitle(_caption(scene, number))
        self.model.show_rows(run_rows(scene))
        if chosen is not None and self._chosen() is None:
            self._choose(chosen.number)

    def _chosen(self) -> RunRow | None:
        found = self.view.selectionModel().selectedRows()
        return self.model.rows[found[0].row()] if found else None

    def _choose(self, number: int) -> None:
        for at, row in enumerate(self.model.rows):
            if row.number == number:
                self.view.selectRow(at)

    def _select(self, *_: Any) -> None:
        self.chosen.emit(self._chosen())


def _caption(scene: Scene, number: int) -> str:
    if not number:
        return "Runs"
    return f"Runs of session {number}" if scene.session_id else f"Runs of session {number}, completed last"
