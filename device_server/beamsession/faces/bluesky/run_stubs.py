"""Plans and wrappers that record runs: each Bluesky run of a plan becomes a run of the session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator, RequestStop, make_decorator

from beamsession.faces.bluesky.bluesky_run import MARK
from beamsession.faces.bluesky.messages import asked, awaited
from beamsession.faces.bluesky.plain_document import plain_document
from beamsession.faces.bluesky.run_info import RunInfo, RunResult
from beamsession.faces.bluesky.session_run import SessionRun
from beamsession.model.errors import InvalidInputError
from beamsession.model.states import RunState

if TYPE_CHECKING:
    from beamsession.faces.bluesky.device import SessionManagerDevice

GRACE_S = 5.0


def record_run(
    session: SessionManagerDevice,
    plan: MsgGenerator[Any] | None = None,
    *,
    frames: int | None = None,
    detectors: Sequence[str] | None = None,
    title: str = "",
    metadata: Mapping[str, Any] | None = None,
    documents: bool = True,
    grace_s: float = GRACE_S,
    require_complete: bool = True,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[RunResult]:
    """Record one run, as one Bluesky run, and return how it ended.

    With a `plan` (of stubs: it opens no Bluesky run itself) it is recorded while that goes on, then stopped; without,
    until the declared `frames` of each detector are there. The other arguments are those of `run_wrapper`; `md` goes
    into the start document.
    """
    if plan is None and frames is None:
        raise InvalidInputError(
            "A run without a plan and without declared frames would never end.",
            code="BAD_FRAMES",
            remedy="Give `frames`, or a plan to be recorded.",
        )

    @bpp.run_decorator(md={"plan_name": "record_run", **(md or {})})
    def inner() -> MsgGenerator[Any]:
        yield from (plan if plan is not None else _until_it_ends(session.run))

    yield from run_wrapper(
        inner(),
        session,
        frames=frames,
        detectors=detectors,
        title=title,
        metadata=metadata,
        documents=documents,
        grace_s=grace_s,
        require_complete=require_complete,
    )
    assert session.run.result is not None
    return session.run.result


def run_wrapper(
    plan: MsgGenerator[Any],
    session: SessionManagerDevice,
    *,
    frames: int | None = None,
    detectors: Sequence[str] | None = None,
    title: str = "",
    metadata: Mapping[str, Any] | None = None,
    documents: bool = True,
    grace_s: float = GRACE_S,
    require_complete: bool = True,
) -> MsgGenerator[Any]:
    """Record a run for each Bluesky run that `plan` opens, from open_run to close_run.

    The start document goes into the run's metadata as `bluesky`; with `documents`, frames are told of in streams called
    after their detectors, at each checkpoint and at the end. After the plan's last step, declared frames that are
    on their way have `grace_s`. A run that is not COMPLETED makes the plan fail (RefusedError), unless
    `require_complete` is False. A plan that fails or is aborted aborts the run; one that is stopped (RE.stop) stops it.
    """
    info = RunInfo(frames, detectors, title, metadata or {}, documents)
    recording = _Recording(session, info, grace_s, require_complete)
    try:
        result = yield from bpp.plan_mutator(plan, recording.process)
    except GeneratorExit:
        raise  # halted: no message gets through any more, and the run is aborted when it is unstaged
    except BaseException as error:
        yield from recording.end(None if isinstance(error, RequestStop) else _words(error))
        raise
    yield from recording.end(None)
    return result


recorded = make_decorator(run_wrapper)
"""`run_wrapper` as a decorator: `@recorded(session, frames=10)`."""


@dataclass
class _Recording:
    """What `run_wrapper` does at which message."""

    session: SessionManagerDevice
    info: RunInfo
    grace_s: float
    require_complete: bool
    active: bool = False
    key: Any = None
    own: list[Msg] = field(default_factory=list)
    """Messages that are put in here, and looked at once more; they are not ours to change twice."""

    @property
    def run(self) -> SessionRun:
        return self.session.run

    def process(self, msg: Msg) -> tuple[MsgGenerator[Any] | None, MsgGenerator[Any] | None]:
        """For `plan_mutator`: what comes in place of the message, and what after it."""
        if any(msg is own for own in self.own):
            self.own = [own for own in self.own if own is not msg]
            return None, None
        match msg.command:
            case "open_run" if not self.active and MARK not in msg.kwargs:  # not recorded by a wrapper inside already
                return self._begin(msg), None
            case "close_run" if self.active and msg.run == self.key:
                return self._close(msg), None
            case "checkpoint" if self.active:
                return None, self._publish()
            case _:
                return None, None

    def _begin(self, msg: Msg) -> MsgGenerator[Any]:
        """Open the Bluesky run with our mark, and start the session's run with its start document."""
        found = yield from asked(self.session.calls, "session_show", contents=False)
        starts: list[Mapping[str, Any]] = []
        token = yield Msg("subscribe", None, lambda _, doc: starts.append(doc), "start")
        mark = {MARK: {"session": found["id"], "manager": self.session.calls.address}}
        uid = yield self._mine(msg._replace(kwargs={**msg.kwargs, **mark}))
        yield Msg("unsubscribe", None, token=token)
        yield from bps.stage(self.run)
        info = self._described(starts[-1] if starts else {"uid": uid})
        yield from awaited(lambda: self.run.prepare(info))
        self.active, self.key = True, msg.run  # from here on the run is ours to end
        yield from awaited(self.run.kickoff)
        yield self._mine(Msg("checkpoint"))
        return uid

    def _described(self, start: Mapping[str, Any]) -> RunInfo:
        told = plain_document(start, MARK)
        plan_name, scan_id = told.get("plan_name", "plan"), told.get("scan_id", "")
        title = self.info.title or f"{plan_name} {scan_id}".strip()
        return replace(self.info, title=title[:200], metadata={**self.info.metadata, "bluesky": told})

    def _close(self, msg: Msg) -> MsgGenerator[Any]:
        """End the session's run before the Bluesky run; a verdict that is not wanted makes both fail."""
        status, reason = msg.kwargs.get("exit_status"), msg.kwargs.get("reason")
        failed = status not in (None, "success")
        result = yield from self.end(str(reason or status) if failed else None)
        if status is None and self.require_complete and result.state is not RunState.COMPLETED:
            kwargs = {**msg.kwargs, "exit_status": "fail", "reason": result.sentence}
            yield self._mine(msg._replace(kwargs=kwargs))
            result.require_complete()
        return (yield self._mine(msg))

    def end(self, failure: str | None) -> MsgGenerator[Any]:
        """Stop the run, or abort it with a reason, tell of its last frames, and let go of it."""
        if not self.active:
            return self.run.result
        self.active = False
        if failure is None:
            yield from awaited(lambda: self.run.finish(self.grace_s))
        else:
            yield from awaited(lambda: self.run.give_up(failure))
        yield from self._publish()
        yield from bps.unstage(self.run)
        return self.run.result

    def _publish(self) -> MsgGenerator[None]:
        """Emit the documents of the frames that are on disk and were not told of before."""
        for stream in (yield from awaited(self.run.refresh)):
            if not stream.is_declared:
                stream.is_declared = True
                yield from bps.declare_stream(stream, name=stream.detector, collect=True)
            yield from bps.collect(stream, name=stream.detector)
            # After a pause the RunEngine counts events again from its last checkpoint: these are not to be repeated.
            yield self._mine(Msg("checkpoint"))

    def _mine(self, msg: Msg) -> Msg:
        self.own.append(msg)
        return msg


def _until_it_ends(run: SessionRun) -> MsgGenerator[None]:
    going_on = True
    while going_on:
        yield from bps.checkpoint()
        going_on = yield from awaited(run.is_recording)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
