"""A session as the store knows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from beamsession.model.complaint import Complaint
from beamsession.model.states import DatasetState, IngestState, SessionState

_NOT_BEGUN = ("", "waiting")
_AFTER_DATASET = ("block", "attachments", "verify")
_LATER_DATASET = re.compile(r"dataset (?!1 )\d+ of ")


@dataclass(frozen=True)
class Session:
    """One named period of acquisition on one instrument.

    `folder` is relative to the instrument's data root. `version` counts the changes of this record: a change is
    conditional on it. `metadata_edited` tells whether anybody touched the metadata after Start. `source` says where a
    session came from that was not started here: `created`, `detached:<id>`, `pshell:<folder>`,
    `beamsession:<instrument>:<id>`; else it is empty. `last_run_number` is the highest number ever given to a run of
    this session, which is not `run_count` any more once runs were moved.
    """

    id: int
    instrument: str
    name: str
    title: str
    state: SessionState
    user: str
    proposal: str
    folder: str
    start: datetime
    stop: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    metadata_edited: bool = False
    version: int = 1
    dataset_pid: str = ""
    source: str = ""
    run_count: int = 0
    last_run_number: int = 0


@dataclass(frozen=True)
class AddedFile:
    """A file or folder that belongs to a session beside its runs; `path` is absolute on the server's host.

    `size` in bytes and `modified` are as found when it was added.
    """

    session_id: int
    path: str
    added: datetime
    size: int
    modified: datetime
    is_folder: bool = False


@dataclass(frozen=True)
class IngestDataset:
    """One dataset that a session becomes in the catalogue; `run` is None where it is no one run's, `bytes` its size."""

    pid: str
    run: int | None
    files: int
    bytes: int
    state: DatasetState = DatasetState.WAITING


@dataclass(frozen=True)
class Ingest:
    """How far a completed session is on its way to the catalogue; `detail` is a sentence for a person.

    `overlay` is laid over the session's metadata in the one document sent. `dataset_name` is the name recorded there.
    `pid` is that of the first of `datasets`, which are in the order of sending; empty before the files are listed.
    `has_dataset` once the dataset was created: what was frozen for it is sent whatever becomes of the session;
    `in_doubt` while a request to create it may have been obeyed. `due` is since when it ought to be there.

    Where it waits or is parked, `code` is the stable code of the reason, `status` the HTTP status of the catalogue's
    last answer (0: none), `said` what the catalogue said, `problems` what that means for our own settings, and
    `next_try` when it is tried again by itself.
    """

    session_id: int
    state: IngestState
    updated: datetime
    pid: str = ""
    step: str = ""
    detail: str = ""
    attempts: int = 0
    overlay: dict[str, Any] = field(default_factory=dict[str, Any])
    dataset_name: str = ""
    has_dataset: bool = False
    in_doubt: bool = False
    due: datetime | None = None
    code: str = ""
    status: int = 0
    said: str = ""
    problems: tuple[Complaint, ...] = ()
    next_try: datetime | None = None
    datasets: tuple[IngestDataset, ...] = ()

    @property
    def is_under_way(self) -> bool:
        """Whether the worker has begun and not ended: what is changed now would not arrive."""
        return self.state is IngestState.RUNNING or (self.state is IngestState.PENDING and self.step not in _NOT_BEGUN)

    @property
    def may_be_stored(self) -> bool:
        """Whether part of it may be in the catalogue already."""
        return self.is_under_way or self.has_dataset

    def called_off(self, at: datetime) -> Ingest:
        """The same after its session was started again."""
        return self.ended_as_cancelled(at, "The session was started again.")

    def ended_as_cancelled(self, at: datetime, detail: str) -> Ingest:
        """The same, not to be sent any more, and why."""
        return replace(
            self,
            state=IngestState.CANCELLED,
            updated=at,
            detail=detail,
            code="",
            status=0,
            said="",
            problems=(),
            next_try=None,
        )


def comes_after_dataset(step: str) -> bool:
    """Whether this step of the worker is done only once the dataset was created."""
    return step.startswith(_AFTER_DATASET) or _LATER_DATASET.match(step) is not None


def datasets_from_json(items: Sequence[Mapping[str, Any]]) -> tuple[IngestDataset, ...]:
    """What was written as JSON objects with these fields; without `state` they wait."""
    return tuple(
        IngestDataset(
            pid=str(item["pid"]),
            run=None if item["run"] is None else int(item["run"]),
            files=int(item["files"]),
            bytes=int(item["bytes"]),
            state=DatasetState(item.get("state", DatasetState.WAITING)),
        )
        for item in items
    )


def reached(datasets: Sequence[IngestDataset], number: int) -> tuple[IngestDataset, ...]:
    """The same when that one (from 1) is being sent and those before it are stored; 0: nothing new is known."""
    if not number:
        return tuple(datasets)
    states = {-1: DatasetState.STORED, 0: DatasetState.SENDING, 1: DatasetState.WAITING}
    return tuple(
        replace(dataset, state=states[(own > number) - (own < number)]) for own, dataset in enumerate(datasets, start=1)
    )
