"""Finding session folders below a data root, by their record and by their name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Formatter

from beamsession.model.own_names import EVENTS_FILE, RUNS_FILE, SESSION_FILE

_RECORD = (SESSION_FILE, EVENTS_FILE, RUNS_FILE)
_ID = "(?P<session>[0-9]{1,18})"


def session_folders(folder: Path, on_other: Callable[[Path], None]) -> Iterator[Path]:
    """The folders below `folder` that hold a record or a part of one; `on_other` gets each other folder."""
    for child in sorted(folder.iterdir()):
        if child.name.startswith(".") or child.is_symlink() or not child.is_dir():
            continue
        if any((child / name).exists() for name in _RECORD):
            yield child
        else:
            on_other(child)
            yield from session_folders(child, on_other)


class FolderNames:
    """Reads the id out of the names that the template `data.template` makes."""

    def __init__(self, data_root: Path, template: str) -> None:
        self._root = data_root
        parts: list[str] = []
        for literal, name, _, _ in Formatter().parse(template):
            parts.append(re.escape(literal))
            if name is not None:
                parts.append("[^/]+" if name != "session" or _ID in parts else _ID)
        self._pattern = re.compile("".join(parts))

    def session_id(self, folder: Path) -> int | None:
        """The id of the session whose folder has this name; None where it is no such name."""
        match = self._pattern.fullmatch(folder.relative_to(self._root).as_posix())
        return int(match["session"]) if match else None
