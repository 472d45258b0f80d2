"""A file of JSON objects, one a line: appended durably, and sound again after a crash in the middle of a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from beamsession.archive.placing import dress, replace_file
from beamsession.archive.sync import sync_folder
from beamsession.model.plan import FileRules

_TAIL = 64 * 1024


class LineFile:
    """Objects that all have the key `key`; a line without is damaged.

    What is appended is on the disk before the call returns. A last line that a crash tore is cut off first.
    Methods raise OSError.
    """

    def __init__(self, path: Path, rules: FileRules, *, key: str) -> None:
        self.path = path
        self._rules = rules
        self._key = key

    def append(self, items: Iterable[dict[str, Any]]) -> None:
        """Append `items` after the last whole line; without items only a torn line goes."""
        is_new = not self.path.exists()
        content = _lines(items)
        if is_new and not content:
            return
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, self._rules.file_mode)
        try:
            end, _ = self._sound_end(descriptor)
            if not content and os.fstat(descriptor).st_size == end:
                return
            os.ftruncate(descriptor, end)
            _write_all(descriptor, content, end)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            dress(self.path, self._rules.file_mode, self._rules)
            sync_folder(self.path.parent)

    def replace(self, items: Iterable[dict[str, Any]]) -> None:
        """Make `items` the whole content at once; a file that says the same already is not touched."""
        content = _lines(items)
        if (self.path.read_bytes() if self.path.exists() else b"") == content:
            return
        replace_file(self.path, content, self._rules)

    def read(self) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Number (from 1) and object of each line, None for a damaged one. A torn last line is none at all."""
        if not self.path.exists():
            return
        with self.path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.endswith(b"\n"):
                    yield number, self._parsed(line)

    def last(self) -> dict[str, Any] | None:
        """The last whole line's object."""
        if not self.path.exists():
            return None
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return self._sound_end(descriptor)[1]
        finally:
            os.close(descriptor)

    def _sound_end(self, descriptor: int) -> tuple[int, dict[str, Any] | None]:
        """Where the last whole line ends (bytes), and its object; (0, None) for a file without any."""
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
                found = self._parsed(tail[begin : newline + 1])
                if found is not None:
                    return start + newline + 1, found
                end = begin
            if start == 0:
                return 0, None
            reach *= 4

    def _parsed(self, line: bytes) -> dict[str, Any] | None:
        if not line.endswith(b"\n"):
            return None
        try:
            found = json.loads(line)
        except ValueError:
            return None
        return found if isinstance(found, dict) and self._key in found else None


def _lines(items: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(item, separators=(",", ":"), ensure_ascii=True).encode() + b"\n" for item in items)


def _write_all(descriptor: int, content: bytes, at: int) -> None:
    while content:
        count = os.pwrite(descriptor, content, at)
        content = content[count:]
        at += count
