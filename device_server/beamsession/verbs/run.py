"""Runs: start, stop, abort, register; check beforehand; list and show; and what their recorder reports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from beamsession.model import names
from beamsession.model.clock import from_text
from beamsession.model.errors import ConflictError, InvalidInputError, NotFoundError, RefusedError
from beamsession.model.hook import HookEvent
from beamsession.model.metadata import check_metadata
from beamsession.model.permissions import Action
from beamsession.model.plain import plain
from beamsession.model.plan import RunPlan
from beamsession.model.report import RunReport
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import Session
from beamsession.model.situation import Command
from beamsession.model.states import RunIntent, RunState, SessionState
from beamsession.model.verb import Place
from beamsession.verbs.after_run import make_after
from beamsession.verbs.context import Change, Context
from beamsession.verbs.hook import call_hooks
from beamsession.verbs.path import existing_path, folder_of
from beamsession.verbs.plan import plan_run
from beamsession.verbs.registry import verb
from beamsession.verbs.session import finish_completing

_MAX_PAGE = 1000


@verb(Action.OPERATE, Place.DEVICE)
def run_start(
    ctx: Context,
    *,
    frames: int | None = None,
    detectors: list[str] | None = None,
    title: str = "",
    metadata: dict[str, Any] | None = None,
) -> int:
    """Start a run and return its number at once, in PREPARING.

    `frames` per detector end the run by themselves; without, it records until StopRun. `detectors` are names of
    configured ones, all without. Raises WrongStateError, InvalidInputError, and RefusedError with every reason why
    the recorder could not record it.
    """
    session = ctx.standing().open_session(Command.START_RUN)
    draft = _draft(ctx, session, frames, detectors, title, metadata)
    _require_recordable(ctx, plan_run(ctx.instrument, session, draft))
    with ctx.change() as change:
        session = change.open_session(Command.START_RUN)
        run = change.tx.new_run(
            session,
            origin=RunOrigin.RECORDED,
            state=RunState.PREPARING,
            intent=RunIntent.RECORD,
            title=draft.title,
            frames=draft.frames,
            detectors=draft.detectors,
            metadata=draft.metadata,
            recorder=draft.recorder,
        )
        change.tx.event(
            "run_started",
            session_id=session.id,
            run_number=run.number,
            title=run.title,
            frames=run.frames,
            detectors=list(run.detectors),
            metadata=run.metadata,
        )
        return change.reply(run.number)


@verb(Action.OPERATE, Place.DEVICE)
def run_stop(ctx: Context) -> None:
    """Stop the open run: what was received is written out, then the verdict is given."""
    with ctx.change() as change:
        run = change.live_run(Command.STOP_RUN)
        if run.state is RunState.LOST:
            change.tx.change_run(run, intent=RunIntent.STOP)
        else:
            change.tx.change_run(run, state=RunState.DRAINING, intent=RunIntent.STOP)
        change.tx.event("run_stopping", session_id=run.session_id, run_number=run.number)


@verb(Action.OPERATE, Place.DEVICE)
def run_abort(ctx: Context) -> None:
    """Abort the open run: frames not yet written are dropped, what is written stays."""
    with ctx.change() as change:
        run = change.live_run(Command.ABORT_RUN)
        if run.state is RunState.LOST:
            _end(ctx, change, run, RunState.ABORTED, "given up while its recorder could not be reached", {})
            return
        change.tx.change_run(run, state=RunState.DRAINING, intent=RunIntent.ABORT)
        change.tx.event("run_aborting", session_id=run.session_id, run_number=run.number)


@verb(Action.OPERATE, Place.DEVICE)
def run_register(ctx: Context, *, path: str, title: str = "", metadata: dict[str, Any] | None = None) -> int:
    """Register a file that another program wrote as a run of the open session; return the run's number."""
    session = ctx.standing().open_session(Command.REGISTER_RUN)
    told = check_metadata(metadata or {})
    facts = existing_path(ctx, folder_of(ctx, session), path)
    with ctx.change() as change:
        session = change.open_session(Command.REGISTER_RUN)
        require_new_file(change, session, str(facts.path))
        run = change.tx.new_run(
            session,
            origin=RunOrigin.REGISTERED,
            state=RunState.COMPLETED,
            intent=RunIntent.STOP,
            title=names.title(title),
            frames=None,
            detectors=(),
            metadata=told,
            recorder="",
            file=str(facts.path),
            stop=change.tx.now,
        )
        event = change.tx.event(
            "run_registered",
            session_id=session.id,
            run_number=run.number,
            file=run.file,
            size=facts.size,
            title=run.title,
            metadata=run.metadata,
        )
        call_hooks(ctx, change, HookEvent.RUN_FINISHED, event)
        return change.reply(run.number)


@verb(Action.READ, Place.DEVICE)
def run_check(ctx: Context, *, frames: int | None = None, detectors: list[str] | None = None) -> list[dict[str, Any]]:
    """List every reason why StartRun would fail now, each with its remedy; empty if it can be recorded.

    Also what may go wrong later: there `blocks` is false, and StartRun does not refuse.
    """
    session = ctx.standing().open_session(Command.START_RUN)
    draft = _draft(ctx, session, frames, detectors, "", None)
    return [plain(problem) for problem in ctx.recorder.check(plan_run(ctx.instrument, session, draft))]


@verb(Action.READ, Place.STORE)
def run_list(ctx: Context, *, session: int = 0, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
    """List the runs of a session (0: the open one) in order, from number `after` on (not included)."""
    count = max(1, min(limit, _MAX_PAGE))
    return [plain(run) for run in ctx.store.runs(ctx.session(session).id, after=after, limit=count)]


@verb(Action.READ, Place.STORE)
def run_show(ctx: Context, *, run: int, session: int = 0) -> dict[str, Any]:
    """Show one run of a session (0: the open one) with its recorder's report."""
    return plain(ctx.store.run(ctx.session(session).id, run))


@verb(Action.REPORT, Place.DEVICE)
def run_report(ctx: Context, *, report: RunReport) -> bool:
    """What a recorder says of a run: recording has begun, or the verdict. False if it changed nothing."""
    run = ctx.store.run(ctx.session(report.key.session_id).id, report.key.run_number)
    if run.state.is_verdict:
        return False
    state, file = _followed(run, report.state), str(report.master or run.file)
    if (state, file) == (run.state, run.file):
        return False
    with ctx.change() as change:
        if report.state.is_verdict:
            _end(ctx, change, run, report.state, report.reason, plain(report), file)
            return change.reply(True)
        change.tx.change_run(run, state=state, file=file, reason="")
        change.tx.event(f"run_{state.value.lower()}", session_id=run.session_id, run_number=run.number)
        return change.reply(True)


@verb(Action.REPORT, Place.DEVICE)
def run_lose(ctx: Context, *, session: int, run: int, reason: str) -> bool:
    """The recorder of a live run cannot be reached: the run is LOST until it is heard of again."""
    found = ctx.store.run(ctx.session(session).id, run)
    if not found.state.is_live or found.state is RunState.LOST:
        return False
    with ctx.change() as change:
        change.tx.change_run(found, state=RunState.LOST, reason=reason)
        change.tx.event("run_lost", session_id=session, run_number=run, reason=reason)
        return change.reply(True)


def require_new_file(change: Change, session: Session, file: str) -> None:
    """Raise ConflictError FILE_REGISTERED where the session has a run with this file: it would be there twice."""
    known = change.tx.run_with_file(session.id, file) if file else None
    if known is not None:
        raise ConflictError(
            f"{file} is run {known.number} of session {session.id} already.",
            code="FILE_REGISTERED",
            value=file,
            remedy="A session has each file once.",
        )


def _draft(
    ctx: Context,
    session: Session,
    frames: int | None,
    detectors: list[str] | None,
    title: str,
    metadata: dict[str, Any] | None,
) -> Run:
    """The run as it would be; the store gives it its id and number."""
    if frames is not None and frames < 1:
        raise InvalidInputError(
            f"A run of {frames} frames cannot be recorded.",
            code="BAD_FRAMES",
            value=frames,
            remedy="Give 1 or more, or leave it out to record until StopRun.",
        )
    known = [detector.name for detector in ctx.instrument.detectors]
    wanted = known if detectors is None else detectors
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise NotFoundError(
            f"There is no detector '{names.shortened(unknown[0])}'.",
            code="UNKNOWN_DETECTOR",
            value=names.shortened(unknown[0]),
            remedy=f"Configured are: {', '.join(known) or 'none'}.",
        )
    if known and not wanted:
        raise InvalidInputError(
            "A run of no detector would record no frame.",
            code="NO_DETECTORS",
            value=[],
            remedy=f"Name some of {', '.join(known)}, or leave detectors out for all.",
        )
    if twice := next((name for name in wanted if wanted.count(name) > 1), None):
        raise InvalidInputError(
            f"The detector '{twice}' is named more than once.",
            code="DETECTOR_TWICE",
            value=twice,
            remedy="Name each detector once.",
        )
    return Run(
        id=0,
        session_id=session.id,
        number=session.last_run_number + 1,
        state=RunState.PREPARING,
        intent=RunIntent.RECORD,
        origin=RunOrigin.RECORDED,
        start=datetime.now(UTC),
        title=names.title(title),
        frames=frames if frames is not None else ctx.instrument.default_run_frames,
        detectors=tuple(name for name in known if name in wanted),
        metadata=check_metadata(metadata or {}),
    )


def _require_recordable(ctx: Context, plan: RunPlan) -> None:
    problems = [problem for problem in ctx.recorder.check(plan) if problem.blocks]
    if not problems:
        return
    first = problems[0]
    raise RefusedError(
        "; ".join(problem.sentence.rstrip(".") for problem in problems) + ".",
        code=first.code,
        value=[problem.code for problem in problems],
        remedy=" ".join(dict.fromkeys(problem.remedy for problem in problems if problem.remedy)),
    )


def _followed(run: Run, reported: RunState) -> RunState:
    """The state a live run takes when its recorder reports `reported`: what was asked last stays visible."""
    if reported.is_verdict:
        return reported
    if run.intent in (RunIntent.STOP, RunIntent.ABORT):
        return RunState.DRAINING
    if reported in (RunState.RECORDING, RunState.PAUSED):
        return RunState.PAUSED if run.intent is RunIntent.PAUSE else RunState.RECORDING
    return reported


def _end(
    ctx: Context, change: Change, run: Run, state: RunState, reason: str, report: dict[str, Any], file: str = ""
) -> None:
    """Give `run` its verdict, and complete its session if it waited for that."""
    ended = report.get("stop")  # the recorder knows it better than we do, who may hear of it much later
    stop = max(from_text(ended), run.start) if ended else change.tx.now
    ended_run = change.tx.change_run(
        run, state=state, intent=RunIntent.STOP, stop=stop, reason=reason, report=report, file=file or run.file
    )
    accounts = [
        {key: item[key] for key in ("detector", "expected", "received", "written", "missing")}
        for item in report.get("accounts", [])
    ]
    event = change.tx.event(
        f"run_{state.value.lower()}",
        session_id=run.session_id,
        run_number=run.number,
        reason=reason,
        file=file or run.file,
        completeness=accounts,
    )
    call_hooks(ctx, change, HookEvent.RUN_FINISHED, event)
    make_after(ctx, change, ended_run)
    session = change.tx.session(run.session_id)
    if session.state is SessionState.COMPLETING and not _other_live(change, run):
        finish_completing(ctx, change, session)


def _other_live(change: Change, run: Run) -> bool:
    return any(
        other.session_id == run.session_id and other.number != run.number
        for other in change.tx.live_runs(change.tx.session(run.session_id).instrument)
    )
