"""The end of what a program prints, however much that is."""

from __future__ import annotations

import os
import select

MAX_CHARACTERS = 4000
# No character of UTF-8 is longer than four bytes.
_MAX_BYTES = 4 * MAX_CHARACTERS
_CHUNK = 64 * 1024


class OutputTail:
    """Reads a pipe and keeps its end; never waits longer than it is told, whoever holds the other side."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._kept = b""
        self._is_cut = False
        self.is_open = True
        os.set_blocking(descriptor, False)
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def read(self, wait_s: float) -> bool:
        """Take what is there now, at most 64 KiB, or comes within `wait_s` seconds; False if nothing did."""
        if not self.is_open or not self._poll.poll(wait_s * 1000):
            return False
        try:
            chunk = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return False
        self.is_open = bool(chunk)
        kept = self._kept + chunk
        self._is_cut |= len(kept) > _MAX_BYTES
        self._kept = kept[-_MAX_BYTES:]
        return self.is_open

    def text(self) -> str:
        """The last 4000 characters at most, begun with an ellipsis if there were more; no control characters."""
        text = self._kept.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        clean = "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text).strip()
        if not self._is_cut and len(clean) <= MAX_CHARACTERS:
            return clean
        return "…" + clean[-(MAX_CHARACTERS - 1) :]
