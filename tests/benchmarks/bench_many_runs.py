"""The last hundred of a session's ten thousand runs, beside the first hundred of another session.

From the verb to the view, which is what a client waits for, and in the record of the session's folder. BENCH_RUNS sets
another number than ten thousand.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from beamsession.archive.folder_record import FolderRecord
from beamsession.model.plan import FileRules
from beamsession.servers.worker.keeper import Keeper
from growth import growth_row
from local_desk import LocalDesk, idle_recorder, open_desk

RUNS = int(os.environ.get("BENCH_RUNS", "10000"))
ROUNDS = 100
GOAL = 1.5
_INSTRUMENT = "beamline"
_PAGE = 500


def rows() -> list[dict[str, Any]]:
    """Two rows: the command and the folder's record; medians in milliseconds."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        recorder = stack.enter_context(idle_recorder(Path(folder) / "recorder"))
        large, small = (
            stack.enter_context(open_desk(_INSTRUMENT, Path(folder) / f"{name}.db", recorder))
            for name in ("large", "small")
        )
        for desk in (large, small):
            desk.change("session_start", name="bench")
        _register(large, RUNS - ROUNDS)
        kept_large, kept_small = _Kept(large), _Kept(small)
        registering = (_one_more(large), _one_more(small))
        recording = (kept_large.keep_one, kept_small.keep_one)
        return [
            growth_row(f"run_register_at_{RUNS}_ms", *registering, rounds=ROUNDS, goal=GOAL),
            growth_row(f"run_record_at_{RUNS}_ms", *recording, rounds=ROUNDS, goal=GOAL),
        ]


def _register(desk: LocalDesk, number: int) -> None:
    for path in desk.new_files(number):
        desk.change("run_register", path=path)


def _one_more(desk: LocalDesk) -> Callable[[], object]:
    paths = iter(desk.new_files(ROUNDS))
    return lambda: desk.change("run_register", path=next(paths))


class _Kept:
    """The worker's record of a desk's sessions; it has had everything that happened before."""

    def __init__(self, desk: LocalDesk) -> None:
        self._desk = desk
        self._keeper = Keeper(
            desk.store, _INSTRUMENT, FolderRecord(desk.instrument.data_root, _INSTRUMENT, FileRules())
        )
        self._seen = 0
        while self._keep(_PAGE):
            pass

    def keep_one(self) -> None:
        """Note the next event: one run more."""
        if not self._keep(1) or self._keeper.first_missing is not None:
            raise RuntimeError("the benchmark's record of a run was not written")

    def _keep(self, limit: int) -> int:
        events = self._desk.store.events(after=self._seen, limit=limit, instrument=_INSTRUMENT)
        self._keeper.keep(events)
        self._seen = events[-1].seq if events else self._seen
        return len(events)


if __name__ == "__main__":
    print(json.dumps(rows(), indent=2))
