"""Metadata of a session: set some keys, replace all, show."""

from __future__ import annotations

from typing import Any

from beamsession.model.metadata import check_metadata, is_same
from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.situation import Command
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.editing import require_editable, session_to_edit
from beamsession.verbs.registry import verb


@verb(Action.EDIT, Place.DEVICE)
def metadata_set(ctx: Context, *, values: dict[str, Any], session: int = 0, replace: bool = False) -> dict[str, Any]:
    """Set keys of a session's metadata (0: the open one); null removes a key; `replace` drops all others.

    Values are typed by the beamline's definition. Raises InvalidInputError that names every key whose value does not
    fit, or that is mandatory and would be missing.
    """
    check_metadata(values)
    found = session_to_edit(ctx, session, Command.SET_METADATA)
    with ctx.change() as change:
        found = require_editable(change, found)
        dropped = {key: None for key in found.metadata if key not in values} if replace else {}
        checked = ctx.instrument.definition.checked({**values, **dropped}, old=found.metadata)
        kept = {} if replace else found.metadata
        new = {key: value for key, value in {**kept, **checked}.items() if value is not None}
        check_metadata(new)
        if is_same(new, found.metadata):
            return change.reply(found.metadata)
        change.tx.change_session(found, metadata=new, metadata_edited=True)
        removed = sorted(set(found.metadata) - set(new))
        changed = {key: value for key, value in new.items() if not is_same(found.metadata.get(key), value)}
        change.tx.event("metadata_changed", session_id=found.id, changed=changed, removed=removed)
        return change.reply(new)


@verb(Action.READ, Place.STORE)
def metadata_show(ctx: Context, *, session: int = 0) -> dict[str, Any]:
    """Show the metadata of a session (0: the open one)."""
    return ctx.session(session).metadata


@verb(Action.READ, Place.STORE, tango="MetadataDefinition")
def metadata_definition(ctx: Context) -> list[dict[str, Any]]:
    """List the keys that the beamline defines for metadata, in order.

    Each has `name`, `type`, `default` (typed, null without one), `default_text`, `units`, `choices`, `mandatory` and
    `help`.
    """
    return [
        {**plain(key), "default": key.typed_default, "default_text": key.default_text}
        for key in ctx.instrument.definition.keys
    ]
