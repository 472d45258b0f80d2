"""Every route of the catalogue's interface."""

from __future__ import annotations

from . import (
    attachments,
    auth,
    blocks,
    dataset_reads,
    dataset_updates,
    datasets,
    instruments,
    jobs,
    metadata_keys,
    policies,
    proposals,
    samples,
)
from .answers import Answer
from .backend import Call
from .routing import Route, Router


def health(_call: Call) -> Answer:
    up = {"mongodb": {"status": "up"}}
    return Answer(200, {"status": "ok", "info": up, "error": {}, "details": up})


def explorer(call: Call) -> Answer:
    """A minimal OpenAPI document: the paths that exist, by which clients tell the generations apart."""
    paths: dict[str, dict[str, dict[str, str]]] = {}
    for route in API.routes:
        if not call.backend.site.has(route.name):
            continue
        paths.setdefault(route.path, {})[route.method.lower()] = {"operationId": route.name}
    info = {"title": "SciCat stand-in", "version": call.profile.value}
    return Answer(200, {"openapi": "3.0.0", "info": info, "paths": paths})


API = Router(
    (
        Route("GET", "/api/v3/health", health),
        Route("GET", "/explorer-json", explorer),
        *auth.ROUTES,
        *datasets.ROUTES,
        *dataset_updates.ROUTES,
        *dataset_reads.ROUTES,
        *blocks.ROUTES,
        *attachments.ROUTES,
        *proposals.ROUTES,
        *instruments.ROUTES,
        *samples.ROUTES,
        *policies.ROUTES,
        *jobs.ROUTES,
        *metadata_keys.ROUTES,
    )
)
