"""Detectors: which ones the instrument has."""

from __future__ import annotations

from typing import Any

from beamsession.model.permissions import Action
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.registry import verb


@verb(Action.READ, Place.STORE)
def detector_list(ctx: Context) -> list[dict[str, Any]]:
    """List the configured detectors, which a run records where it names none: `name`, `title` and `source` of each."""
    return [
        {"name": detector.name, "title": detector.title, "source": detector.source}
        for detector in ctx.instrument.detectors
    ]
