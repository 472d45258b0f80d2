"""Alarms that wait for a person."""

from __future__ import annotations

from beamsession.model.job import JobKind
from beamsession.model.permissions import Action
from beamsession.model.states import RunState
from beamsession.model.verb import Place
from beamsession.verbs.context import Context, shown_run
from beamsession.verbs.registry import verb

_UNHAPPY = (RunState.INCOMPLETE, RunState.ABORTED, RunState.FAILED)


@verb(Action.OPERATE, Place.DEVICE)
def alarm_acknowledge(ctx: Context) -> bool:
    """Acknowledge the unhappy end of the last run and failed hooks: their alarms go; False if there were none."""
    run = shown_run(ctx.store, ctx.instrument.name)
    is_unhappy = run is not None and not run.acknowledged and run.state in _UNHAPPY
    hooks = ctx.store.unseen_failures(ctx.instrument.name, JobKind.HOOK)
    if not is_unhappy and not hooks:
        return False
    with ctx.change() as change:
        if run is not None and is_unhappy:
            change.tx.change_run(run, acknowledged=True)
            state = run.state.value
            change.tx.event("alarm_acknowledged", session_id=run.session_id, run_number=run.number, state=state)
        for job in hooks:
            change.tx.change_job(job, acknowledged=True)
        if hooks:
            change.tx.event("hooks_acknowledged", jobs=[job.id for job in hooks])
        return change.reply(True)
