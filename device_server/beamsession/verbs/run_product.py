"""What is made of closed runs: the quick look, and the copy in one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from beamsession.model.derived import home_session, single_file
from beamsession.model.errors import ConflictError, NotFoundError, RefusedError, WrongStateError
from beamsession.model.job import Job, JobId, JobKind, JobState
from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.run import Run
from beamsession.model.verb import Place
from beamsession.verbs.after_run import ask_for_copy, ask_for_quick_look, has_data
from beamsession.verbs.context import Context
from beamsession.verbs.path import new_file_path
from beamsession.verbs.registry import verb

_SUFFIXES = (".nxs", ".h5", ".hdf5")
_PAGE = 200


@verb(Action.EDIT, Place.DEVICE, tango="MakeQuickLook")
def run_quick_look(ctx: Context, *, run: int, session: int = 0) -> JobId:
    """Make the quick look of a closed run of a session (0: the open one) again; return the job that does it.

    One that still waits or is being made is not asked for twice. It replaces the run's earlier quick look, and nothing
    else.
    """
    found = _closed_run(ctx, run, session)
    for job in _jobs_of(ctx, found, JobKind.QUICK_LOOK, (JobState.WAITING, JobState.RUNNING)):
        if not job.cancel_asked:
            return JobId(job.id)
    with ctx.change() as change:
        return JobId(change.reply(ask_for_quick_look(change, found).id))


@verb(Action.READ, Place.STORE, tango="ShowQuickLook")
def run_quick_look_show(ctx: Context, *, run: int, session: int = 0) -> dict[str, Any]:
    """Show the quick look of a run of a session (0: the open one): its numbers, and where its pictures are.

    `folder` is a path of the server's host, `files` and `thumbnail` are names in it. Raises NotFoundError
    NO_QUICK_LOOK, which says whether it is still being made, or why it could not be.
    """
    found = ctx.store.run(ctx.session(session).id, run)
    newest: Job | None = None
    for job in _jobs_of(ctx, found, JobKind.QUICK_LOOK):
        if job.state is JobState.DONE:
            return {**job.result, "session": found.session_id, "number": found.number, "job": job.id}
        newest = newest or job
    raise _no_quick_look(found, newest)


@verb(Action.EDIT, Place.DEVICE)
def run_pack(ctx: Context, *, run: int, session: int = 0, file_name: str = "") -> JobId:
    """Copy a closed run of a session (0: the open one) into one file, its data packed as they are; return the job.

    Without `file_name` it becomes run_0001_single.nxs in the folder that the run was recorded in. `file_name` is a path
    of the server's host that ends in .nxs, .h5 or .hdf5, below the data root or an allowed root and in no session's
    folder; a relative one counts from the data root. The copy is there as soon as it is whole, and never replaces
    anything.
    """
    found = _closed_run(ctx, run, session)
    named = str(new_file_path(ctx, file_name, _SUFFIXES)) if file_name.strip() else ""
    target = Path(named) if named else single_file(_home_of(ctx, found), found)
    if ctx.recorder.stat(target).exists:
        raise ConflictError(
            f"{target} is there already.", code="FILE_EXISTS", value=str(target), remedy="Give another name."
        )
    with ctx.change() as change:
        return JobId(change.reply(ask_for_copy(change, found, named).id))


def _closed_run(ctx: Context, number: int, session_id: int) -> Run:
    """The run, whose file is there. Raises WrongStateError, RefusedError NO_DATA, NotFoundError FILE_NOT_FOUND."""
    session = ctx.session(session_id)
    run = ctx.store.run(session.id, number)
    if not run.state.is_verdict:
        raise WrongStateError(
            f"Run {number} of session {session.id} has not ended.",
            value=number,
            remedy="Wait for its verdict, or stop it with StopRun.",
        )
    if not run.file or ("accounts" in run.report and not has_data(run.report)):
        raise RefusedError(
            f"Run {number} of session {session.id} has no data.",
            code="NO_DATA",
            value=number,
            remedy="Choose a run that has frames or readings.",
        )
    if not ctx.recorder.stat(Path(run.file)).exists:
        raise NotFoundError(
            f"{run.file} does not exist on the server's host.",
            code="FILE_NOT_FOUND",
            value=run.file,
            remedy="Mount its disk or put it back, then ask again.",
        )
    return run


def _home_of(ctx: Context, run: Run) -> Path:
    return ctx.instrument.data_root / ctx.store.session(home_session(run)).folder


def _jobs_of(ctx: Context, run: Run, kind: JobKind, states: tuple[JobState, ...] = ()) -> Iterator[Job]:
    """The jobs of this kind about the run, newest first, by way of the sessions that it is and was recorded in."""
    for session_id in dict.fromkeys((run.session_id, home_session(run))):
        before: int | None = None
        while page := ctx.store.jobs(
            ctx.instrument.name, states=states, session_id=session_id, kind=kind, limit=_PAGE, before=before
        ):
            yield from (job for job in page if job.arguments["run_id"] == run.id)
            before = page[-1].id


def _no_quick_look(run: Run, newest: Job | None) -> NotFoundError:
    whose = f"of run {run.number} of session {run.session_id}"
    remedy = "Have one made with MakeQuickLook."
    if newest is None:
        sentence = f"There is no quick look {whose}."
    elif newest.state.is_end:
        sentence = f"There is no quick look {whose}, job {newest.id} has {newest.state.value}: {newest.detail}"
        remedy = "Correct that, then have it made with MakeQuickLook."
    else:
        sentence = f"The quick look {whose} is not made yet."
        remedy = f"Wait for job {newest.id}."
    return NotFoundError(sentence, code="NO_QUICK_LOOK", value=plain(run.number), remedy=remedy)
