"""The event log: read it, follow it, verify its chain."""

from __future__ import annotations

from typing import Any

from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.registry import verb

_MAX_PAGE = 1000


@verb(Action.READ, Place.STORE)
def event_list(ctx: Context, *, after: int = 0, limit: int = 100, session: int | None = None) -> list[dict[str, Any]]:
    """List events in order, from sequence number `after` on (not included), of one session or of all."""
    found = ctx.store.events(
        after=after, limit=max(1, min(limit, _MAX_PAGE)), instrument=ctx.instrument.name, session_id=session
    )
    return [event.as_json() for event in found]


@verb(Action.READ, Place.STORE)
def refusal_list(ctx: Context, *, limit: int = 100) -> list[dict[str, Any]]:
    """List the newest refused commands with their reasons, newest first."""
    return [
        plain(item) for item in ctx.store.refusals(instrument=ctx.instrument.name, limit=max(1, min(limit, _MAX_PAGE)))
    ]


@verb(Action.READ, Place.STORE, tango="VerifyEvents")
def event_verify(ctx: Context) -> dict[str, Any]:
    """Verify the hash chain over the whole log: how many events were checked, and the first bad one if any."""
    return plain(ctx.store.verify_chain())
