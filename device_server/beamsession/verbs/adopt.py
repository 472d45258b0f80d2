"""Taking over a session that another program measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from beamsession.model import names
from beamsession.model.adopted import AdoptedRun, AdoptedSession
from beamsession.model.errors import InvalidInputError, NotFoundError
from beamsession.model.metadata import check_metadata
from beamsession.model.permissions import Action
from beamsession.model.run import RunOrigin
from beamsession.model.session import AddedFile, Session
from beamsession.model.states import RunIntent, RunState, SessionState
from beamsession.model.verb import Place
from beamsession.verbs.context import Change, Context
from beamsession.verbs.folder import folder_template, told
from beamsession.verbs.path import require_no_sessions_in
from beamsession.verbs.registry import verb


@verb(Action.REPORT, Place.DEVICE)
def session_adopt(ctx: Context, *, record: AdoptedSession) -> int | None:
    """The worker has read a session of another program: it gets an id of ours; None if it is here already.

    It is COMPLETED, or ARCHIVED where the catalogue has it, and goes there by RequestIngest only.
    """
    if ctx.store.session_from(ctx.instrument.name, record.source) is not None or _is_our_own(ctx, record):
        return None
    for file in record.files:
        if file.is_folder:
            require_no_sessions_in(ctx, file.path)
    name, title = names.path_token(record.name), names.title(record.title)
    metadata = check_metadata(record.metadata)
    with ctx.change() as change:
        session = change.tx.new_session(
            name=record.name if _is_good(record.name) else name,
            title=title,
            user=record.user,
            proposal=names.proposal(record.proposal),
            folder=folder_template(ctx, name=name, proposal=record.proposal),
            metadata=metadata,
            floor=ctx.id_floor,
            start=record.start,
            stop=record.stop,
            state=SessionState.ARCHIVED if record.dataset_pid else SessionState.COMPLETED,
            source=record.source,
            dataset_pid=record.dataset_pid,
        )
        _add_contents(change, session, record)
        change.tx.event(
            "session_imported",
            session_id=session.id,
            name=session.name,
            title=title,
            proposal=session.proposal,
            metadata=metadata,
            folder=session.folder,
            **told(session),
            pid=record.dataset_pid,
            runs=len(record.runs),
            facts=record.facts,
        )
        return change.reply(session.id)


def _is_our_own(ctx: Context, record: AdoptedSession) -> bool:
    """Whether it is a session of this very store; another beamline may bear the same name and count the same ids."""
    number = record.source.removeprefix(f"beamsession:{ctx.instrument.name}:")
    try:
        return number.isdecimal() and ctx.store.session(int(number)).start == record.start
    except NotFoundError:
        return False


def _is_good(name: str) -> bool:
    try:
        return names.session_name(name) == name
    except InvalidInputError:
        return False


def _add_contents(change: Change, session: Session, record: AdoptedSession) -> None:
    for run in _each_file_once(record.runs):
        change.tx.new_run(
            session,
            origin=RunOrigin.IMPORTED,
            state=RunState(run.state),
            intent=RunIntent.STOP,
            title=names.title(run.title),
            frames=run.frames,
            detectors=run.detectors,
            metadata=check_metadata(run.metadata),
            recorder="",
            file=str(run.file or ""),
            start=run.start,
            stop=run.stop or run.start,
            report=run.report,
            reason=run.reason,
            enabled=run.enabled,
        )
    for file in record.files:
        modified = file.modified or record.stop
        added = AddedFile(session.id, str(file.path), record.stop, file.size, modified, is_folder=file.is_folder)
        change.tx.add_file(added)


def _each_file_once(runs: Iterable[AdoptedRun]) -> Iterator[AdoptedRun]:
    """The runs in their order; a file that was recorded twice is the first one's."""
    seen: set[Path] = set()
    for run in runs:
        if run.file is None:
            yield run
        elif run.file not in seen:
            seen.add(run.file)
            yield run
