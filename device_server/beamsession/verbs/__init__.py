"""What every face can ask for: one file per noun, each verb declared once."""

from beamsession.verbs import (
    adopt,
    alarm,
    comment,
    detector,
    event,
    file,
    ingest,
    job,
    metadata,
    run,
    run_place,
    run_product,
    session,
    session_create,
    session_list,
    transfer,
)
from beamsession.verbs.registry import REGISTRY

__all__ = [
    "REGISTRY",
    "adopt",
    "alarm",
    "comment",
    "detector",
    "event",
    "file",
    "ingest",
    "job",
    "metadata",
    "run",
    "run_place",
    "run_product",
    "session",
    "session_create",
    "session_list",
    "transfer",
]
