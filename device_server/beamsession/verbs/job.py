"""Jobs: what the worker was asked to do, how far it is; end one that is not wanted any more."""

from __future__ import annotations

from typing import Any

from beamsession.model.job import JobState
from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.registry import verb

_MAX_PAGE = 1000


@verb(Action.READ, Place.STORE)
def job_list(
    ctx: Context,
    *,
    states: list[JobState] | None = None,
    session: int | None = None,
    limit: int = 100,
    before: int | None = None,
) -> list[dict[str, Any]]:
    """List jobs, newest first: by states, and of one session; `before` continues after that job."""
    count, wanted = max(1, min(limit, _MAX_PAGE)), tuple(states or ())
    found = ctx.store.jobs(ctx.instrument.name, states=wanted, session_id=session, limit=count, before=before)
    return [plain(job) for job in found]


@verb(Action.READ, Place.STORE)
def job_show(ctx: Context, *, job: int) -> dict[str, Any]:
    """Show how far a job is, or how it ended."""
    return plain(ctx.job(job))


@verb(Action.OPERATE, Place.DEVICE)
def job_cancel(ctx: Context, *, job: int) -> bool:
    """Ask the worker to end a job, which leaves nothing half done; False if it has ended already."""
    found = ctx.job(job)
    if found.state.is_end or found.cancel_asked:
        return False
    with ctx.change() as change:
        change.tx.change_job(found, cancel_asked=True)
        change.tx.event("job_cancel_asked", session_id=found.session_id, job_id=found.id)
        return change.reply(True)


@verb(Action.REPORT, Place.DEVICE)
def job_report(
    ctx: Context,
    *,
    job: int,
    state: JobState,
    progress: float = 0.0,
    detail: str = "",
    result: dict[str, Any] | None = None,
) -> bool:
    """The worker says how far a job is; False if it has ended already."""
    found = ctx.job(job)
    if found.state.is_end:
        return False
    with ctx.change() as change:
        share = 1.0 if state is JobState.DONE else max(0.0, min(progress, 1.0))
        change.tx.change_job(found, state=state, progress=share, detail=detail, result=result or found.result)
        kind = "job_progress" if state is found.state is JobState.RUNNING else f"job_{state.value}"
        change.tx.event(
            kind, session_id=found.session_id, job_id=job, job=found.kind.value, detail=detail, progress=round(share, 4)
        )
        return change.reply(True)
