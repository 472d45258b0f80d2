"""The life of a session: start, pause, resume, complete, cancel, start again, archive."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from beamsession.model import names
from beamsession.model.clock import to_text
from beamsession.model.errors import BeamsessionError, RefusedError, UnavailableError, WrongStateError
from beamsession.model.hook import HookEvent
from beamsession.model.ingest import waiting
from beamsession.model.permissions import Action
from beamsession.model.sentences import ended, size
from beamsession.model.session import Ingest, Session, reached
from beamsession.model.situation import Command
from beamsession.model.states import IngestState, RunIntent, RunState, SessionState
from beamsession.model.verb import Place
from beamsession.verbs.context import Change, Context
from beamsession.verbs.folder import folder_template
from beamsession.verbs.hook import call_hooks
from beamsession.verbs.plan import run_key
from beamsession.verbs.registry import verb

T = TypeVar("T")
_SOON_S = 1.0
_LEAVES_EMPTY = ("session_started", "session_paused", "session_resumed")
_NOT_AT_WORK = (RunState.PREPARING, RunState.LOST)  # the recorder learns later what was asked of the run


@verb(Action.OPERATE, Place.DEVICE, tango="Start")
def session_start(
    ctx: Context,
    *,
    name: str = "",
    title: str = "",
    metadata: dict[str, Any] | None = None,
    proposal: str = "",
) -> int:
    """Start a session and return its id.

    An open session is completed first (its run drains); one without runs, files, comments or changed metadata is
    cancelled. The event says which, in `previous`. Without metadata the session gets the defaults of the metadata
    definition. Raises InvalidInputError for a bad name, title, proposal or metadata, and RefusedError where the data
    root cannot be written.
    """
    name, title, proposal = names.session_name(name), names.title(title), names.proposal(proposal)
    metadata = ctx.instrument.definition.at_start(metadata)
    _require_data_root(ctx)
    with ctx.change() as change:
        previous = _close_open_session(ctx, change)
        session = change.tx.new_session(
            name=name,
            title=title,
            user=ctx.caller.principal.name,
            proposal=proposal,
            folder=folder_template(ctx, name=name, proposal=proposal),
            metadata=metadata,
            floor=ctx.id_floor,
        )
        event = change.tx.event(
            "session_started",
            session_id=session.id,
            name=name,
            title=title,
            proposal=proposal,
            metadata=metadata,
            folder=session.folder,
            previous=previous,
        )
        call_hooks(ctx, change, HookEvent.SESSION_STARTED, event)
        return change.reply(session.id)


@verb(Action.EDIT, Place.DEVICE)
def session_restart(ctx: Context, *, session: int) -> int:
    """Open a completed session again and return its id: its runs go on with the next number.

    An open session is completed first, as at Start. The open session itself is resumed if it is paused. Raises
    WrongStateError for a session that is archived, cancelled, or has begun its way to the catalogue.
    """
    found = ctx.session(session)
    _see_paused(ctx)
    with ctx.change() as change:
        if change.session is not None and change.session.id == found.id:
            if change.session.state is SessionState.PAUSED:
                _resume(change, change.session)
            return change.reply(found.id)
        found = _require_restartable(change, found)
        previous = _close_open_session(ctx, change)
        change.tx.change_session(found, state=SessionState.STARTED, stop=None)
        ingest = change.tx.ingest(found.id)
        if ingest is not None:
            change.tx.set_ingest(ingest.called_off(change.tx.now))
        event = change.tx.event("session_restarted", session_id=found.id, previous=previous)
        call_hooks(ctx, change, HookEvent.SESSION_STARTED, event)
        return change.reply(found.id)


@verb(Action.OPERATE, Place.DEVICE, tango="Pause")
def session_pause(ctx: Context) -> None:
    """Pause the session: no run can start, and the frames of an open run are not recorded until Resume."""
    with ctx.change() as change:
        session = change.open_session(Command.PAUSE)
        change.tx.change_session(session, state=SessionState.PAUSED)
        run = change.own_run
        if run and run.state is RunState.RECORDING:
            change.tx.change_run(run, state=RunState.PAUSED, intent=RunIntent.PAUSE)
        elif run and run.state in _NOT_AT_WORK:
            change.tx.change_run(run, intent=RunIntent.PAUSE)
        change.tx.event("session_paused", session_id=session.id, run_number=_number(change))


@verb(Action.OPERATE, Place.DEVICE, tango="Resume")
def session_resume(ctx: Context) -> None:
    """Resume the paused session, and with it the recording of an open run."""
    _see_paused(ctx)
    with ctx.change() as change:
        _resume(change, change.open_session(Command.RESUME))


@verb(Action.OPERATE, Place.DEVICE, tango="Complete")
def session_complete(ctx: Context) -> None:
    """Complete the session; with a run open it is COMPLETING until that run's frames are on disk."""
    with ctx.change() as change:
        change.open_session(Command.COMPLETE)
        _complete(ctx, change)


@verb(Action.OPERATE, Place.DEVICE, tango="Cancel")
def session_cancel(ctx: Context) -> None:
    """Cancel a session that has no run: its folder goes, its record and id stay as CANCELLED."""
    with ctx.change() as change:
        session = change.open_session(Command.CANCEL)
        runs = session.last_run_number
        if runs:
            raise WrongStateError(
                f"Session {session.id} has had {runs} runs and cannot be cancelled.",
                value=session.id,
                remedy="Complete it with Complete.",
            )
        _cancel(change, session)


@verb(Action.REPORT, Place.DEVICE)
def session_archive(ctx: Context, *, session: int, pid: str, name: str = "") -> None:
    """The catalogue holds this session under `pid`, in a dataset of this name: it becomes ARCHIVED."""
    session = ctx.session(session).id
    with ctx.change() as change:
        found = change.tx.session(session)
        if found.state is SessionState.ARCHIVED and found.dataset_pid == pid:
            return
        if found.state is not SessionState.COMPLETED:
            raise WrongStateError(
                f"Session {session} is {found.state.value} and cannot be archived.",
                value=session,
                remedy="Only a completed session goes to the catalogue.",
            )
        archive(ctx, change, found, pid, name)


def archive(ctx: Context, change: Change, session: Session, pid: str, name: str) -> None:
    """Have the completed session be ARCHIVED under `pid`."""
    change.tx.change_session(session, state=SessionState.ARCHIVED, dataset_pid=pid)
    done = Ingest(session.id, IngestState.DONE, change.tx.now, pid=pid, step="done", dataset_name=name)
    known = change.tx.ingest(session.id) or done
    stored = reached(known.datasets, len(known.datasets) + 1)
    change.tx.set_ingest(replace(done, overlay=known.overlay, has_dataset=True, datasets=stored))
    link = _told_link(ctx.instrument.link_of(pid))
    event = change.tx.event("session_archived", session_id=session.id, pid=pid, name=name, **link)
    call_hooks(ctx, change, HookEvent.SESSION_ARCHIVED, event)


def finish_completing(ctx: Context, change: Change, session: Session, *, because: str = "") -> None:
    """Complete `session`, whose last run has ended, inside the transaction that ended it."""
    session = change.tx.change_session(session, state=SessionState.COMPLETED, stop=change.tx.now)
    event = change.tx.event(
        "session_completed",
        session_id=session.id,
        runs=session.run_count,
        **await_ingest(ctx, change, session),
        **_why(because),
    )
    call_hooks(ctx, change, HookEvent.SESSION_FINISHED, event)


def await_ingest(ctx: Context, change: Change, session: Session) -> dict[str, Any]:
    """A session that is completed now goes to the catalogue, where that is configured; what its event says of that."""
    if not ctx.instrument.ingest_on_complete:
        return {}
    due = change.tx.now + timedelta(seconds=ctx.instrument.ingest_hold_s)
    change.tx.set_ingest(waiting(session.id, change.tx.now, due))
    return {"ingest": IngestState.PENDING.value, "due": to_text(due)}


def _told_link(link: str) -> dict[str, Any]:
    return {"link": link} if link else {}


def _see_paused(ctx: Context) -> None:
    """Have the open run's pause begun before it ends: the recorder need not have been told of it yet."""
    standing = ctx.standing()
    session, run = standing.session, standing.own_run
    if session is None or run is None or run.state is not RunState.PAUSED:
        return
    key = run_key(session, run.number)
    with suppress(BeamsessionError, TimeoutError):  # One that is not there is told what was asked of it last.
        for report in _soon(lambda: ctx.recorder.report().live):
            if report.key == key and RunState.RECORDING in {report.state, *(part.state for part in report.parts)}:
                ctx.recorder.pause(key)


def _soon(ask: Callable[[], T]) -> T:
    """What is answered at once, by one that may hang for longer than clients wait. Raises TimeoutError."""
    asker = ThreadPoolExecutor(1, "asker")
    try:
        return asker.submit(ask).result(_SOON_S)
    finally:
        asker.shutdown(wait=False)


def _resume(change: Change, session: Session) -> None:
    change.tx.change_session(session, state=SessionState.STARTED)
    run = change.own_run
    if run and run.state is RunState.PAUSED:
        change.tx.change_run(run, state=RunState.RECORDING, intent=RunIntent.RECORD)
    elif run and run.state in _NOT_AT_WORK:
        change.tx.change_run(run, intent=RunIntent.RECORD)
    change.tx.event("session_resumed", session_id=session.id, run_number=_number(change))


def _require_restartable(change: Change, session: Session) -> Session:
    found = change.tx.session(session.id)
    if found.state is not SessionState.COMPLETED:
        raise WrongStateError(
            f"Session {found.id} is {found.state.value} and cannot be started again.",
            value=found.id,
            remedy="Only a completed session that is not yet archived can be started again.",
        )
    ingest = change.tx.ingest(found.id)
    if ingest is not None and ingest.may_be_stored:
        raise WrongStateError(
            f"Part of session {found.id} may be in the catalogue already.",
            value=found.id,
            remedy="Wait until it is archived, and start a new session.",
        )
    return found


def _why(because: str) -> dict[str, Any]:
    """What an event says of a reason that is not the command itself."""
    return {"because": because} if because else {}


def _complete(ctx: Context, change: Change, *, because: str = "") -> None:
    session = change.session
    assert session is not None
    run = change.own_run
    if run is None:
        finish_completing(ctx, change, session, because=because)
        return
    change.tx.change_session(session, state=SessionState.COMPLETING)
    if run.state is RunState.LOST:
        change.tx.change_run(run, intent=RunIntent.STOP)
    elif run.state is not RunState.DRAINING:
        change.tx.change_run(run, state=RunState.DRAINING, intent=RunIntent.STOP)
    change.tx.event("session_completing", session_id=session.id, run_number=run.number, **_why(because))


def _cancel(change: Change, session: Session, *, because: str = "") -> None:
    change.tx.change_session(session, state=SessionState.CANCELLED, stop=change.tx.now)
    change.tx.event("session_cancelled", session_id=session.id, folder=session.folder, **_why(because))


def _close_open_session(ctx: Context, change: Change) -> dict[str, Any] | None:
    """Complete or cancel the open session for another one; what was done to it, None without one."""
    session = change.session
    if session is None:
        return None
    whose, because = f"Session {session.id} '{session.name}' was still open", "another session was started"
    if _is_untouched(change, session):
        _cancel(change, session, because=because)
        return {"session": session.id, "done": "cancelled", "sentence": f"{whose} and empty: it was cancelled."}
    run = change.own_run
    _complete(ctx, change, because=because)
    if run is None:
        return {"session": session.id, "done": "completed", "sentence": f"{whose}: it was completed first."}
    sentence = f"{whose} with run {run.number}: it is completed as soon as that run is written."
    return {"session": session.id, "done": "completing", "sentence": sentence}


def _is_untouched(change: Change, session: Session) -> bool:
    """Whether nothing was put in and nothing done with it: a session that once had a run, or was completed, had."""
    if session.last_run_number or session.metadata_edited:
        return False
    events = change.tx.events(session_id=session.id)
    return all(event.kind in _LEAVES_EMPTY or event.kind.startswith("job_") for event in events)


def _require_data_root(ctx: Context) -> None:
    try:
        disk = ctx.recorder.disk(ctx.instrument.data_root)
        root = ctx.recorder.stat(ctx.instrument.data_root)
    except UnavailableError:
        return  # a session needs no recorder, only its runs do; the alarm says that it is away
    if disk.problem or not disk.writable:
        raise RefusedError(
            ended(f"The data root {ctx.instrument.data_root} cannot be written: {disk.problem or 'no permission'}"),
            code="ROOT_NOT_WRITABLE",
            value=str(ctx.instrument.data_root),
            remedy="Mount it writable, or correct its owner and mode, then start again.",
        )
    if not root.is_folder:
        raise RefusedError(
            f"The data root {ctx.instrument.data_root} is no folder on the recorder's host.",
            code="ROOT_MISSING",
            value=str(ctx.instrument.data_root),
            remedy="Make it or mount it, or correct data.root in the configuration.",
        )
    if disk.free < ctx.instrument.min_free_bytes:
        raise RefusedError(
            f"Only {size(disk.free)} are free below {ctx.instrument.data_root}.",
            code="DISK_FULL",
            value=disk.free,
            remedy=f"Free some space: {size(ctx.instrument.min_free_bytes)} are needed (data.min_free_gib).",
        )


def _number(change: Change) -> int | None:
    return change.own_run.number if change.own_run else None
