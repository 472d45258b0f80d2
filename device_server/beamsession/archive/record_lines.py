"""A file with one JSON line for each change of a record: the last line of a key is the record, or says that it is gone.

So a change costs the same however many records there are, and the file is made short again now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from beamsession.archive.line_file import LineFile
from beamsession.model.plain import plain
from beamsession.model.plan import FileRules
from beamsession.model.run import Run
from beamsession.model.session import AddedFile

GONE = "gone"
_Record = TypeVar("_Record", Run, AddedFile)
_Key = int | str


class RecordLines(Generic[_Record]):
    """Records of one kind in one file, by the field `key` of the kind `key_kind`. Methods raise OSError."""

    def __init__(
        self, path: Path, rules: FileRules, kind: type[_Record], *, key: str, key_kind: type[int] | type[str]
    ) -> None:
        self.path = path
        self._lines = LineFile(path, rules, key=key)
        self._adapter = TypeAdapter(kind)
        self._key = key
        self._key_kind = key_kind

    def append(self, records: Iterable[_Record], gone: Collection[_Key] = ()) -> None:
        """Note what the records are now, and which keys have no record any more."""
        self._lines.append([*(plain(record) for record in records), *self._departures(gone)])

    def replace(self, records: Iterable[_Record], gone: Collection[_Key] = ()) -> None:
        """Make this the whole content, one line each, at once."""
        self._lines.replace([*(plain(record) for record in records), *self._departures(gone)])

    def read(self, on_damage: Callable[[int], None]) -> dict[_Key, _Record | None]:
        """The newest record of each key, None for one that is gone; `on_damage` gets each damaged line's number."""
        found: dict[_Key, _Record | None] = {}
        for number, line in self._lines.read():
            if line is None or not isinstance(key := line[self._key], self._key_kind) or isinstance(key, bool):
                on_damage(number)
            elif line.get(GONE) is True:
                found[key] = None
            else:
                try:
                    found[key] = self._adapter.validate_python(line)
                except ValidationError:
                    on_damage(number)
        return found

    def remove(self) -> None:
        """Remove the file, if there is one."""
        self.path.unlink(missing_ok=True)

    def _departures(self, gone: Collection[_Key]) -> list[dict[str, Any]]:
        return [{self._key: key, GONE: True} for key in sorted(gone, key=str)]


def run_lines(path: Path, rules: FileRules) -> RecordLines[Run]:
    """The runs of a session, by their id."""
    return RecordLines(path, rules, Run, key="id", key_kind=int)


def file_lines(path: Path, rules: FileRules) -> RecordLines[AddedFile]:
    """The added files of a session, by their path."""
    return RecordLines(path, rules, AddedFile, key="path", key_kind=str)
