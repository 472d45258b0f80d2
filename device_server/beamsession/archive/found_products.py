"""Quick looks and single-file copies found beside the runs again: the jobs that made them, for a store that was lost.

The events tell which jobs there were, the files whether what they made is still there and is ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from beamsession.archive.derived_files import is_derived
from beamsession.archive.new_name import ends_in
from beamsession.model.derived import LONG_LISTS, copy_end, home_session, quick_look_folder, single_file, stem_of
from beamsession.model.event import Event
from beamsession.model.job import Job, JobKind, JobState
from beamsession.model.run import Run
from beamsession.model.session import Session

_MADE_OF_RUNS = (JobKind.QUICK_LOOK.value, JobKind.PACK.value)


def found_jobs(
    data_root: Path, sessions: Mapping[int, Session], runs: Iterable[Run], events: Iterable[Event]
) -> Iterator[Job]:
    """The jobs of one instrument that are done, and whose files are there: of quick looks the newest of each run.

    `sessions` are by id, `runs` have their ids, `events` are in order.
    """
    requests: dict[int, Event] = {}
    done: dict[int, Event] = {}
    for event in events:
        if event.kind == "job_requested" and event.payload.get("job") in _MADE_OF_RUNS:
            requests[event.seq] = event
        elif event.kind == "job_done" and event.payload.get("job_id") in requests:
            done[event.payload["job_id"]] = event
    known = {run.id: run for run in runs if home_session(run) in sessions}
    newest: dict[int, Job] = {}
    for seq, end in sorted(done.items()):
        request = requests[seq]
        run = known.get(request.payload["arguments"].get("run_id"))
        if run is None:
            continue
        home = data_root / sessions[home_session(run)].folder
        if request.payload["job"] == JobKind.QUICK_LOOK:
            newest[run.id] = _job(request, end, JobKind.QUICK_LOOK, _quick_look(quick_look_folder(home, run), run))
            continue
        named = str(request.payload["arguments"].get("target", ""))
        copy = Path(named) if named else single_file(home, run)
        if made := _copy(copy, copy_end(f"{request.instrument}-job-{seq}")):
            yield _job(request, end, JobKind.PACK, made)
    yield from (job for job in newest.values() if job.result)


def _job(request: Event, end: Event, kind: JobKind, result: dict[str, Any]) -> Job:
    return Job(
        id=request.seq,
        instrument=request.instrument,
        kind=kind,
        state=JobState.DONE,
        title=str(request.payload.get("title", "")),
        user=request.principal,
        created=request.time,
        updated=end.time,
        session_id=request.session_id,
        arguments=request.payload["arguments"],
        progress=1.0,
        detail=str(end.payload.get("detail", "")),
        result=result,
    )


def _quick_look(folder: Path, run: Run) -> dict[str, Any]:
    """What its job had told; empty where it is not there, damaged or not ours."""
    path = folder / f"{stem_of(run)}_quicklook.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        if not is_derived(path):
            return {}
        told = json.loads(path.read_text(encoding="utf-8"))
        for detector in told["detectors"]:
            for name in LONG_LISTS:
                detector.pop(name, None)
        pictures = sorted(item.name for item in folder.iterdir() if item != path and is_derived(item))
        return {**told, "folder": str(folder), "files": [*pictures, path.name]}
    return {}


def _copy(path: Path, end: bytes) -> dict[str, Any]:
    """The same of a copy."""
    with suppress(OSError):
        if ends_in(path, end):
            return {"file": str(path), "size": path.stat().st_size}
    return {}
