"""From a row to the model's value."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from beamsession.model.catalogue_standing import CatalogueStanding, CatalogueState
from beamsession.model.event import Event, Refusal
from beamsession.model.ingest import complaints
from beamsession.model.job import Job, JobKind, JobState
from beamsession.model.plain import plain
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import AddedFile, Ingest, Session, datasets_from_json
from beamsession.model.states import IngestState, RunIntent, RunState, SessionState
from beamsession.store.replies import Reply


def to_session(row: Row[Any]) -> Session:
    """A row of `sessions`."""
    return Session(
        id=row.id,
        instrument=row.instrument,
        name=row.name,
        title=row.title,
        state=SessionState(row.state),
        user=row.user,
        proposal=row.proposal,
        folder=row.folder,
        start=row.start,
        stop=row.stop,
        metadata=row.metadata,
        metadata_edited=row.metadata_edited,
        version=row.version,
        dataset_pid=row.dataset_pid,
        source=row.source,
        run_count=row.run_count,
        last_run_number=row.last_run_number,
    )


def to_run(row: Row[Any]) -> Run:
    """A row of `runs`."""
    return Run(
        id=row.id,
        session_id=row.session_id,
        number=row.number,
        state=RunState(row.state),
        intent=RunIntent(row.intent),
        origin=RunOrigin(row.origin),
        start=row.start,
        stop=row.stop,
        title=row.title,
        file=row.file,
        frames=row.frames,
        detectors=tuple(row.detectors),
        metadata=row.metadata,
        report=row.report,
        reason=row.reason,
        recorder=row.recorder,
        acknowledged=row.acknowledged,
        version=row.version,
        enabled=row.enabled,
        recorded_in=row.recorded_in,
        recorded_as=row.recorded_as,
    )


def to_file(row: Row[Any]) -> AddedFile:
    """A row of `files`."""
    return AddedFile(
        session_id=row.session_id,
        path=row.path,
        added=row.added,
        size=row.size,
        modified=row.modified,
        is_folder=row.is_folder,
    )


def to_ingest(row: Row[Any]) -> Ingest:
    """A row of `ingests`."""
    return Ingest(
        session_id=row.session_id,
        state=IngestState(row.state),
        updated=row.updated,
        pid=row.pid,
        step=row.step,
        detail=row.detail,
        attempts=row.attempts,
        overlay=row.overlay,
        dataset_name=row.dataset_name,
        has_dataset=row.has_dataset,
        in_doubt=row.in_doubt,
        due=row.due,
        code=row.code,
        status=row.status,
        said=row.said,
        problems=complaints(row.problems),
        next_try=row.next_try,
        datasets=datasets_from_json(row.datasets),
    )


def from_ingest(ingest: Ingest) -> dict[str, Any]:
    """The columns of `ingests` that hold it, but for the instrument's."""
    return {**vars(ingest), "problems": plain(ingest.problems), "datasets": plain(ingest.datasets)}


def to_catalogue(row: Row[Any]) -> CatalogueStanding:
    """A row of `catalogues`."""
    return CatalogueStanding(target=row.target, state=CatalogueState(row.state), since=row.since, reason=row.reason)


def to_job(row: Row[Any]) -> Job:
    """A row of `jobs`."""
    return Job(
        id=row.id,
        instrument=row.instrument,
        kind=JobKind(row.kind),
        state=JobState(row.state),
        title=row.title,
        user=row.user,
        created=row.created,
        updated=row.updated,
        session_id=row.session_id,
        arguments=row.arguments,
        progress=row.progress,
        detail=row.detail,
        result=row.result,
        cancel_asked=row.cancel_asked,
        acknowledged=row.acknowledged,
    )


def to_event(row: Row[Any]) -> Event:
    """A row of `events`."""
    return Event(
        seq=row.seq,
        time=row.time,
        instrument=row.instrument,
        kind=row.kind,
        principal=row.principal,
        role=row.role,
        face=row.face,
        session_id=row.session_id,
        run_number=row.run_number,
        payload=row.payload,
        previous=row.previous,
        hash=row.hash,
    )


def to_reply(row: Row[Any]) -> Reply:
    """A row of `replies`."""
    return Reply(verb=row.verb, arguments_hash=row.arguments_hash, value=row.value, time=row.time)


def to_refusal(row: Row[Any]) -> Refusal:
    """A row of `refusals`."""
    return Refusal(
        time=row.time,
        instrument=row.instrument,
        verb=row.verb,
        principal=row.principal,
        face=row.face,
        code=row.code,
        sentence=row.sentence,
        arguments=row.arguments,
    )
