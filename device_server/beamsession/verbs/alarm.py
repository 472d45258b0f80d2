"""Alarms that wait for a person."""

from __future__ import annotations

from beamsession.model.permissions import Action
from beamsession.model.states import RunState
from beamsession.model.verb import Place
from beamsession.verbs.context import Context, shown_run
from beamsession.verbs.registry import verb

_UNHAPPY = (RunState.INCOMPLETE, RunState.ABORTED, RunState.FAILED)


@verb(Action.OPERATE, Place.DEVICE)
def alarm_acknowledge(ctx: Context) -> bool:
    """Acknowledge the unhappy end of the last run, so that its alarm goes; False if there was none."""
    run = shown_run(ctx.store, ctx.instrument.name)
    if run is None or run.acknowledged or run.state not in _UNHAPPY:
        return False
    with ctx.change() as change:
        change.tx.change_run(run, acknowledged=True)
        change.tx.event("alarm_acknowledged", session_id=run.session_id, run_number=run.number, state=run.state.value)
        return change.reply(True)
