"""A file of events, one JSON line each in the order of their numbers: none missing, none twice, whatever crashed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from beamsession.archive.placing import dress, sync_folder
from beamsession.model.event import Event
from beamsession.model.plan import FileRules

_TAIL = 64 * 1024


class EventLines:
    """Appends events to one file; what is there already is found by its sequence number.

    Every append is on the disk before it returns. A last line that a crash tore is cut off and written again.
    """

    def __init__(self, path: Path, rules: FileRules) -> None:
        self._path = path
        self._rules = rules

    def append(self, events: Iterable[Event]) -> int:
        """Append those events that come after the last one in the file; how many that were. Raises OSError."""
        ordered = sorted(events, key=lambda event: event.seq)
        if not ordered:
            return 0
        is_new = not self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, self._rules.file_mode)
        try:
            end, last = _sound_end(descriptor)
            fresh = [event for event in ordered if event.seq > last]
            if not fresh and os.fstat(descriptor).st_size == end:
                return 0
            os.ftruncate(descriptor, end)
            _write_all(descriptor, b"".join(_line(event) for event in fresh), end)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            dress(self._path, self._rules.file_mode, self._rules)
            sync_folder(self._path.parent)
        return len(fresh)

    def read(self) -> Iterator[dict[str, Any]]:
        """The events in the file in their JSON form; a torn last line is left out."""
        if not self._path.exists():
            return
        with self._path.open("rb") as stream:
            for line in stream:
                found = _parsed(line)
                if found is None:
                    return
                yield found

    def last_seq(self) -> int:
        """The number of the last whole event, 0 if there is none."""
        if not self._path.exists():
            return 0
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _sound_end(descriptor)[1]
        finally:
            os.close(descriptor)


def _line(event: Event) -> bytes:
    return json.dumps(event.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def _sound_end(descriptor: int) -> tuple[int, int]:
    """Where the last whole line ends (bytes) and its event's number; (0, 0) for a file without any."""
    size = os.fstat(descriptor).st_size
    reach = _TAIL
    while True:
        start = max(size - reach, 0)
        tail = os.pread(descriptor, size - start, start)
        end = len(tail)
        while (newline := tail.rfind(b"\n", 0, end)) >= 0:
            begin = tail.rfind(b"\n", 0, newline) + 1
            if begin == 0 and start > 0:
                break  # The line begins before what was read.
            found = _parsed(tail[begin : newline + 1])
            if found is not None:
                return start + newline + 1, int(found["seq"])
            end = begin
        if start == 0:
            return 0, 0
        reach *= 4


def _parsed(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("seq"), int) else None


def _write_all(descriptor: int, content: bytes, at: int) -> None:
    while content:
        count = os.pwrite(descriptor, content, at)
        content = content[count:]
        at += count
