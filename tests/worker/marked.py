"""Processes that carry a mark of the worker's."""

from __future__ import annotations

from pathlib import Path

from beamsession.servers.worker.hooks.leftovers import MARK


def alive(mark: str) -> list[int]:
    """The ids of processes that were started with this mark and have not ended."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
