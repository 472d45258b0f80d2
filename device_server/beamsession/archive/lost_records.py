"""Runs and files that a session's record has lost, with a torn last line for one, and its events still tell of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from beamsession.archive.session_folder import SessionRecord
from beamsession.model.run import Run


def with_lost(record: SessionRecord, told: SessionRecord) -> tuple[SessionRecord, list[str]]:
    """`record` with what only `told` has, the same session by its events alone; and a sentence about each such thing.

    What events do not tell, or tell less of than the record, is left as it is.
    """
    runs, files = {run.number: run for run in record.runs}, {file.path: file for file in record.files}
    complaints: list[str] = []
    for run in _newer(record, told):
        what = "does not have" if run.number not in runs else "has an old state of"
        complaints.append(_lost(record, what, f"run {run.number}"))
        runs[run.number] = run
    for file in told.files:
        if file.path not in files:
            complaints.append(_lost(record, "does not have", f"the file {file.path}"))
            files[file.path] = file
    highest = max(record.session.last_run_number, *runs, 0)
    completed = SessionRecord(
        session=replace(record.session, run_count=len(runs), last_run_number=highest),
        ingest=record.ingest,
        runs=tuple(runs[number] for number in sorted(runs)),
        files=tuple(sorted(files.values(), key=lambda file: (file.added, file.path))),
    )
    return completed, complaints


def count_complaint(counted: int, found: int, record: SessionRecord, told: SessionRecord | None) -> str | None:
    """The sentence about runs that are gone without a trace, None if there are none.

    `counted` is what the session's own file says, `found` how many runs its folder has. `record` is all that is known
    in the end: where the events tell of the same runs, one was moved away and the count was not brought up to date.
    """
    known = {run.number for run in record.runs}
    is_told = told is not None and bool(known) and known == {run.number for run in told.runs}
    if found >= counted or len(known) >= counted or is_told:
        return None
    return f"session {record.session.id} should have {counted} runs by its record, and only {len(known)} can be found"


def _newer(record: SessionRecord, told: SessionRecord) -> Iterator[Run]:
    """Those of `told` that the record has not, or not with all that became of them."""
    recorded = {run.number: run for run in record.runs}
    for run in told.runs:
        known = recorded.get(run.number)
        if known is None:
            yield run
        elif run.version > known.version:  # a run's version counts its changes, and each event tells of one at most
            yield replace(
                known,
                state=run.state,
                intent=run.intent,
                stop=run.stop,
                reason=run.reason,
                file=run.file or known.file,
                enabled=run.enabled,
                acknowledged=run.acknowledged,
                version=run.version,
            )


def _lost(record: SessionRecord, what: str, lost: str) -> str:
    return f"the record of session {record.session.id} {what} {lost}: that is told from its events"
