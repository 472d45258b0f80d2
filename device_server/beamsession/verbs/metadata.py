"""Metadata of a session: set some keys, replace all, show."""

from __future__ import annotations

from typing import Any

from beamsession.model.errors import WrongStateError
from beamsession.model.metadata import check_metadata
from beamsession.model.permissions import Action
from beamsession.model.situation import Command
from beamsession.model.states import IngestState
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.registry import verb


@verb(Action.EDIT, Place.DEVICE)
def metadata_set(ctx: Context, *, values: dict[str, Any], session: int = 0, replace: bool = False) -> dict[str, Any]:
    """Set keys of a session's metadata (0: the open one); null removes a key; `replace` drops all others."""
    check_metadata(values)
    found = ctx.session(session) if session else ctx.permit(ctx.standing().open_session(Command.SET_METADATA))
    with ctx.change() as change:
        found = change.tx.session(found.id)
        if not found.state.is_editable:
            raise WrongStateError(
                f"Session {found.id} is {found.state.value}; its metadata are final.",
                value=found.id,
                remedy="Only sessions that are open or completed can be edited.",
            )
        ingest = change.tx.ingest(found.id)
        if ingest is not None and ingest.state is IngestState.RUNNING:
            raise WrongStateError(
                f"Session {found.id} is on its way to the catalogue at this moment.",
                value=found.id,
                remedy="Wait until it is archived or parked.",
            )
        old = {} if replace else found.metadata
        new = {key: value for key, value in {**old, **values}.items() if value is not None}
        check_metadata(new)
        if new == found.metadata:
            return change.reply(found.metadata)
        change.tx.change_session(found, metadata=new, metadata_edited=True)
        removed = sorted(set(found.metadata) - set(new))
        changed = {key: value for key, value in new.items() if found.metadata.get(key) != value}
        change.tx.event("metadata_changed", session_id=found.id, changed=changed, removed=removed)
        return change.reply(new)


@verb(Action.READ, Place.STORE)
def metadata_show(ctx: Context, *, session: int = 0) -> dict[str, Any]:
    """Show the metadata of a session (0: the open one)."""
    return ctx.session(session).metadata
