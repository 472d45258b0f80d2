"""Hooks: what the beamline wants to be run when something has happened is noted with the event itself."""

from __future__ import annotations

from beamsession.model.event import Event
from beamsession.model.hook import HookEvent
from beamsession.model.job import JobKind
from beamsession.verbs.context import Change, Context


def call_hooks(ctx: Context, change: Change, on: HookEvent, event: Event) -> None:
    """Ask the worker to run the hooks that wait for this; noted in the transaction of `event`, so none is lost."""
    for hook in ctx.instrument.hooks:
        if hook.on is on:
            change.tx.new_job(
                JobKind.HOOK,
                f"Run the hook {hook.name}.",
                {"hook": hook.name, "event": event.as_json()},
                session_id=event.session_id,
            )
