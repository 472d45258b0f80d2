"""The most memory that a worker takes to bring a session to the catalogue: 120 001 files beside 1000.

The real worker and manager, and the stand-in catalogue, with the limits of blocks as they are by default. The
checksums are taken, and the last block is lost on its way, so that the worker also looks what is stored.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from beamsession.model.states import IngestState, SessionState
from beamsim.scicat import Fault, FaultKind, running_catalogue
from rows import Load, load_of, row

sys.path.append(str(Path(__file__).parent.parent / "worker"))

from worker_rig import Rig, eventually

GOAL = 1.3
MANY, FEW = 120_001, 1000
BLOCK_FILES = 10_000
_LIMIT_S = 140.0


def rows() -> list[dict[str, Any]]:
    """One row: the largest resident memory with many files, with few as its reference."""
    few, _ = _ingested(FEW)
    many, seconds = _ingested(MANY)
    return [
        row("ingest_memory_mib", many.peak_mib, few.peak_mib, GOAL, many, unit="MiB", higher_is_better=False),
        row("ingest_120001_files_s", seconds, 0, None, many, unit="s", higher_is_better=False),
    ]


def _ingested(count: int) -> tuple[Load, float]:
    with tempfile.TemporaryDirectory() as place, running_catalogue() as catalogue:
        rig = Rig(Path(place), catalogue)
        try:
            rig.start_manager()
            worker = rig.start_worker()
            session = rig.open_session({})
            _fill(rig.folder_of(session.id), count)
            last = (count + BLOCK_FILES) // BLOCK_FILES
            catalogue.faults.add(Fault(FaultKind.CUT_AFTER, "POST /api/v3/origdatablocks", nth=last))
            begun = time.perf_counter()
            rig.call("session_complete")
            try:
                eventually(
                    lambda: rig.store.session(session.id).state is SessionState.ARCHIVED or _is_parked(rig, session.id),
                    f"{count} files are archived",
                    _LIMIT_S,
                )
            except AssertionError as fault:
                raise AssertionError(f"{rig.store.ingest(session.id)}\n{rig.log()}") from fault
            seconds = time.perf_counter() - begun
            (dataset,) = catalogue.state.datasets.values()
            if dataset["numberOfFiles"] < count or _is_parked(rig, session.id):
                raise AssertionError(f"{dataset['numberOfFiles']} files; {rig.store.ingest(session.id)}")
            return load_of(worker.pid), seconds
        finally:
            rig.close()


def _fill(folder: Path, count: int) -> None:
    """Each in a folder with a thousand others, with a name as long as names of frames are."""
    for number in range(count):
        place = folder / f"scan_{number // 1000:04d}"
        if number % 1000 == 0:
            place.mkdir(parents=True)
        (place / f"a_sample_with_a_long_name_{number:06d}_master.cbf").write_bytes(b"frame")


def _is_parked(rig: Rig, session_id: int) -> bool:
    ingest = rig.store.ingest(session_id)
    return ingest is not None and ingest.state is IngestState.PARKED


if __name__ == "__main__":
    for found in rows():
        print(found)
