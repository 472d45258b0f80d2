"""Whether the catalogue can be reached, as the worker finds it."""

from __future__ import annotations

from beamsession.model.catalogue_standing import CatalogueStanding, CatalogueState
from beamsession.model.permissions import Action
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.registry import verb


@verb(Action.REPORT, Place.DEVICE)
def catalogue_report(ctx: Context, *, target: str, state: CatalogueState, reason: str = "") -> bool:
    """The worker says whether the catalogue `target` can be reached; False if that is no news."""
    known = {item.target: item.state for item in ctx.store.catalogues(ctx.instrument.name)}
    if known.get(target) is state:
        return False
    with ctx.change() as change:
        change.tx.set_catalogue(ctx.instrument.name, CatalogueStanding(target, state, change.tx.now, reason))
        change.tx.event(f"catalogue_{state.value.lower()}", target=target, reason=reason)
        return change.reply(True)
