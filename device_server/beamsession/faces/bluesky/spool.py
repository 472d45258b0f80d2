"""What is still to be told to the manager, in order; on disk too, where a folder is given."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Spool:
    """A queue that one thread fills and another empties; an entry is gone only once it is `done`.

    With a `folder`, each entry is a file in it until then, and entries that an earlier process left come first.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._changed = threading.Condition()
        self._entries: deque[tuple[Path | None, Entry]] = deque()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("*.json")):
                self._entries.append((path, json.loads(path.read_text(encoding="utf-8"))))

    def put(self, entry: Entry) -> None:
        """Add an entry at the end."""
        with self._changed:
            self._entries.append((self._stored(entry), entry))
            self._changed.notify_all()

    def first(self, timeout: float | None = None) -> Entry | None:
        """The oldest entry, waited for; None after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._entries, timeout)
            return self._entries[0][1] if self._entries else None

    def done(self) -> None:
        """The oldest entry need not be told any more."""
        with self._changed:
            path, _ = self._entries.popleft()
            if path is not None:
                path.unlink(missing_ok=True)
            self._changed.notify_all()

    def wait_empty(self, timeout: float) -> bool:
        """Whether all was told within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._entries, timeout)

    def __len__(self) -> int:
        with self._changed:
            return len(self._entries)

    def _stored(self, entry: Entry) -> Path | None:
        if self._folder is None:
            return None
        path = self._folder / f"{time.time_ns():020d}-{os.getpid()}.json"
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(entry, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        return path
