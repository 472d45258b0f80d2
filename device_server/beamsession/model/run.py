"""A run as the store knows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from beamsession.model.states import RunIntent, RunState


class RunOrigin(StrEnum):
    """Who wrote a run's file."""

    RECORDED = "recorded"
    REGISTERED = "registered"
    IMPORTED = "imported"


@dataclass(frozen=True)
class Run:
    """One acquisition in a session.

    `id` is unique in the store and never changes; `number` counts from 1 inside the session. `recorded_in` is the
    session that it was recorded or registered in, under the number `recorded_as`: a run that was moved since has other
    ones now, and its files still lie where they were written. A run that is not `enabled` stays in the list, and is
    left out of file lists, ZIP archives and the catalogue. `file` is the NeXus master's path,
    absolute on the recorder's host (empty until it is known). `frames` is the declared number of frames per
    detector, None for an open end. `report` is the recorder's last word (`RunReport` as JSON), with completeness.
    `acknowledged` tells whether somebody has seen an unhappy end.
    """

    id: int
    session_id: int
    number: int
    state: RunState
    intent: RunIntent
    origin: RunOrigin
    start: datetime
    stop: datetime | None = None
    title: str = ""
    file: str = ""
    frames: int | None = None
    detectors: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    report: dict[str, Any] = field(default_factory=dict[str, Any])
    reason: str = ""
    recorder: str = ""
    acknowledged: bool = False
    version: int = 1
    enabled: bool = True
    recorded_in: int = 0
    recorded_as: int = 0
