"""Where closed runs belong: enabled or not, in another session, in a session of their own."""

from __future__ import annotations

from beamsession.model import names
from beamsession.model.errors import InvalidInputError, WrongStateError
from beamsession.model.permissions import Action
from beamsession.model.run import Run
from beamsession.model.session import Session
from beamsession.model.situation import Command
from beamsession.model.states import SessionState
from beamsession.model.verb import Place
from beamsession.verbs.context import Change, Context
from beamsession.verbs.editing import require_editable, session_to_edit
from beamsession.verbs.folder import folder_template, told
from beamsession.verbs.registry import verb
from beamsession.verbs.run import require_new_file
from beamsession.verbs.session import await_ingest


@verb(Action.EDIT, Place.DEVICE)
def run_enable(ctx: Context, *, run: int, session: int = 0) -> bool:
    """Take a run of a session (0: the open one) into file lists, ZIP and catalogue again; False if it was in."""
    return _set_enabled(ctx, run, session, True)


@verb(Action.EDIT, Place.DEVICE)
def run_disable(ctx: Context, *, run: int, session: int = 0) -> bool:
    """Leave a run of a session (0: the open one) out of file lists, ZIP archives and catalogue; False if it was out.

    It stays in the list of runs, and its files stay where they are.
    """
    return _set_enabled(ctx, run, session, False)


@verb(Action.EDIT, Place.DEVICE)
def run_move(ctx: Context, *, runs: list[int], to: int, session: int = 0) -> list[int]:
    """Move closed runs of a session (0: the open one) to another one; return their numbers there.

    Runs of every verdict can be moved. Their files stay where they are until that session goes to the catalogue.
    """
    origin = session_to_edit(ctx, session, Command.SET_METADATA)
    target = ctx.session(to)
    if origin.id == target.id:
        raise InvalidInputError(
            f"The runs are in session {to} already.",
            code="SAME_SESSION",
            value=to,
            remedy="Give another session as the one to move to.",
        )
    with ctx.change() as change:
        origin, target = require_editable(change, origin), require_editable(change, target)
        moved = _moved(change, _closed_runs(change, origin, runs), target)
        return change.reply([run.number for run in moved])


@verb(Action.EDIT, Place.DEVICE)
def run_detach(ctx: Context, *, runs: list[int], name: str = "", session: int = 0) -> int:
    """Make a completed session of closed runs of another one (0: the open one) and return its id.

    It has that one's user, proposal and metadata, and starts and stops with its runs.
    """
    name = names.session_name(name)
    origin = session_to_edit(ctx, session, Command.SET_METADATA)
    with ctx.change() as change:
        origin = require_editable(change, origin)
        closed = _closed_runs(change, origin, runs)
        detached = change.tx.new_session(
            name=name,
            title="",
            user=origin.user,
            proposal=origin.proposal,
            folder=folder_template(ctx, name=name, proposal=origin.proposal),
            metadata=origin.metadata,
            floor=ctx.id_floor,
            start=min(run.start for run in closed),
            stop=max(run.stop or run.start for run in closed),
            state=SessionState.COMPLETED,
            source=f"detached:{origin.id}",
        )
        moved = _moved(change, closed, detached)
        change.tx.event(
            "session_detached",
            session_id=detached.id,
            name=name,
            origin=origin.id,
            proposal=detached.proposal,
            metadata=detached.metadata,
            folder=detached.folder,
            **told(detached),
            **await_ingest(ctx, change, detached),
            runs=[run.number for run in moved],
        )
        return change.reply(detached.id)


def _set_enabled(ctx: Context, number: int, session_id: int, enabled: bool) -> bool:
    session = session_to_edit(ctx, session_id, Command.SET_METADATA)
    with ctx.change() as change:
        session = require_editable(change, session)
        run = change.tx.run(session.id, number)
        if run.enabled == enabled:
            return change.reply(False)
        change.tx.change_run(run, enabled=enabled)
        kind = "run_enabled" if enabled else "run_disabled"
        change.tx.event(kind, session_id=session.id, run_number=number, run_id=run.id)
        return change.reply(True)


def _closed_runs(change: Change, session: Session, numbers: list[int]) -> list[Run]:
    """The runs in the order of their numbers. Raises InvalidInputError, NotFoundError, WrongStateError."""
    if not numbers:
        raise InvalidInputError("No run is named.", code="NO_RUNS", remedy="Give the numbers of the runs.")
    found = [change.tx.run(session.id, number) for number in sorted(set(numbers))]
    live = [run.number for run in found if not run.state.is_verdict]
    if live:
        raise WrongStateError(
            f"Run {live[0]} of session {session.id} has not ended.",
            value=live[0],
            remedy="Wait for its verdict, or abort it with AbortRun.",
        )
    return found


def _moved(change: Change, runs: list[Run], to: Session) -> list[Run]:
    """The runs in their new session, with an event in the history of both."""
    for run in runs:
        require_new_file(change, to, run.file)
    moved = [change.tx.move_run(run, to) for run in runs]
    for old, new in zip(runs, moved, strict=True):
        numbers = {"number": old.number, "new_number": new.number}
        story = {"from": old.session_id, "to": to.id, "run_id": old.id, **numbers}
        change.tx.event("run_moved", session_id=old.session_id, run_number=None, **story)
        change.tx.event("run_moved", session_id=to.id, run_number=new.number, **story)
    return moved
