"""The immutable picture of an instrument's present state that all readers are answered from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from beamsession.model.alarms import Alarm
from beamsession.model.catalogue_standing import CatalogueState
from beamsession.model.event import Event
from beamsession.model.job import Job
from beamsession.model.report import DiskFacts, RunReport
from beamsession.model.run import Run
from beamsession.model.session import Ingest, Session
from beamsession.model.states import DeviceState, RunState, SessionState


@dataclass(frozen=True)
class View:
    """What every reader is answered from; a new one replaces it after each change.

    `session` is the open one, or the one still completing, else None. `replaced` tells in a sentence what became of the
    session that was open before, as long as this one has no run. `run` is the newest run of the instrument, `report`
    the recorder's word about it. `failed_hooks` are the jobs that nobody has acknowledged, newest first.
    `parked_first` is the one of the parked ingests that is due since longest, `ingest_oldest` the same of those on
    their way, and `ingest_age_s` since when, in steps of ten seconds; `last_ingest` is that of the session completed
    last. `event_count` only grows: a reader that sees it jump has missed a push.
    """

    instrument: str
    data_root: Path
    state: DeviceState = DeviceState.INIT
    status: str = "Starting."
    session: Session | None = None
    replaced: str = ""
    run: Run | None = None
    report: RunReport | None = None
    run_count: int = 0
    disk: DiskFacts | None = None
    ingest_pending: int = 0
    ingest_parked: int = 0
    parked_first: Ingest | None = None
    ingest_oldest: Ingest | None = None
    ingest_age_s: int = 0
    last_ingest: Ingest | None = None
    catalogue_state: CatalogueState = CatalogueState.NONE
    failed_hooks: tuple[Job, ...] = ()
    last_completed: Session | None = None
    session_ids: tuple[int, ...] = ()
    event_count: int = 0
    last_event: Event | None = None
    last_error: str = ""
    alarms: tuple[Alarm, ...] = ()
    started: datetime | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata of the session shown; empty without one."""
        return self.session.metadata if self.session else {}

    @property
    def session_state(self) -> SessionState:
        """State of the session shown; NONE without one."""
        return self.session.state if self.session else SessionState.NONE

    @property
    def run_state(self) -> RunState:
        """State of the newest run; a verdict stays until the next run."""
        return self.run.state if self.run else RunState.NONE
