"""A session as the store knows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from beamsession.model.states import IngestState, SessionState

_NOT_BEGUN = ("", "waiting")
_AFTER_DATASET = ("block", "verify")


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
class Ingest:
    """How far a completed session is on its way to the catalogue; `detail` is a sentence for a person.

    `overlay` is laid over the session's metadata in the one document sent. `dataset_name` is the name recorded there.
    `has_dataset` once the dataset was created: what was frozen for it is sent whatever becomes of the session.
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

    @property
    def is_under_way(self) -> bool:
        """Whether the worker has begun and not ended: what is changed now would not arrive."""
        return self.state is IngestState.RUNNING or (self.state is IngestState.PENDING and self.step not in _NOT_BEGUN)

    @property
    def may_be_stored(self) -> bool:
        """Whether part of it may be in the catalogue already."""
        return self.is_under_way or self.state is IngestState.DONE or self.has_dataset

    def called_off(self, at: datetime) -> Ingest:
        """The same after its session was started again."""
        return replace(self, state=IngestState.CANCELLED, updated=at, detail="The session was started again.")


def comes_after_dataset(step: str) -> bool:
    """Whether this step of the worker is done only once the dataset was created."""
    return step.startswith(_AFTER_DATASET)
