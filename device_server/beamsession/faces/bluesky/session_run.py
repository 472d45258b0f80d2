"""The run that a plan records: what the RunEngine stages, prepares, kicks off, pauses and completes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bluesky.protocols import Flyable, Pausable, Preparable, Stageable
from ophyd_async.core import AsyncStatus, Device

from beamsession.faces.bluesky.frame_files import FramePlace, frame_facts, frame_places
from beamsession.faces.bluesky.frame_stream import FrameStream
from beamsession.faces.bluesky.guard_process import GuardProcess
from beamsession.faces.bluesky.manager_calls import ManagerCalls, new_request_id
from beamsession.faces.bluesky.run_info import RunInfo, RunResult
from beamsession.faces.scripting.values import plain_object
from beamsession.model.errors import (
    BeamsessionError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    WrongStateError,
)
from beamsession.model.states import RunState

_log = logging.getLogger(__name__)
_FIRST_LOOK_S = 0.05
_LOOK_S = 0.5
_PAUSE_PATIENCE_S = 5.0
_LOST_PATIENCE_S = 60.0  # for a recorder that cannot be reached, once the run is to end


class SessionRun(Device, Stageable, Preparable, Flyable, Pausable):
    """Flyable: `prepare(RunInfo(…))`, `kickoff` until it is recording, `complete` until it has its verdict.

    When the RunEngine pauses, the session is paused and the frames of the run are not recorded; both go on when it
    resumes. A run that is still open when it is unstaged (a plan was halted) is aborted, and so is one whose process
    was killed. `streams` are its frames by detector, for `collect`; `result` is how the last run ended.
    """

    def __init__(self, calls: ManagerCalls, name: str = "") -> None:
        self._calls = calls
        self._guard = GuardProcess()
        self._info: RunInfo | None = None
        self._request_id = ""
        self._open = False
        self._paused = False
        self._places: list[FramePlace] | None = None
        self.session = 0
        self.number = 0
        self.result: RunResult | None = None
        self.streams: dict[str, FrameStream] = {}
        super().__init__(name=name)

    @property
    def is_open(self) -> bool:
        """Whether a run was started here that has no verdict yet, as far as is known here."""
        return self._open

    @property
    def info(self) -> RunInfo:
        """What the run was prepared with."""
        if self._info is None:
            raise InvalidInputError("No run was prepared.", code="NOT_PREPARED", remedy="Yield `prepare` first.")
        return self._info

    @AsyncStatus.wrap
    async def stage(self) -> None:
        """Nothing is done at the manager: a run begins with `kickoff`."""
        if not self._open:
            self._info = None

    @AsyncStatus.wrap
    async def unstage(self) -> None:
        """Abort a run that is still open: its plan did not come to an end."""
        if self._open:
            await self.give_up("its plan was halted")

    @AsyncStatus.wrap
    async def prepare(self, value: RunInfo) -> None:
        """Say what is to be recorded with the next `kickoff`; a RunEngine that was paused may say it again.

        Raises WrongStateError RUN_OPEN where the run before has not ended: it is not forgotten for another one.
        """
        if value is self._info:
            return
        if self._open and self.number and not RunState((await self._show())["state"]).is_verdict:
            raise WrongStateError(
                f"Run {self.number} of session {self.session} is still recorded by a plan.",
                code="RUN_OPEN",
                value=self.number,
                remedy="One plan records one run at a time: end that one first.",
            )
        self._info, self._request_id = value, new_request_id()
        self._open, self._paused, self._places = False, False, None
        self.session, self.number, self.result, self.streams = 0, 0, None, {}

    @AsyncStatus.wrap
    async def kickoff(self) -> None:
        """Start the run and wait until it records.

        Raises the manager's reasons, RefusedError with the verdict if it ended before, and UnavailableError
        FILES_NOT_VISIBLE if documents of its frames are wanted and cannot be made here; then nothing is recorded.
        """
        info = self.info
        if not self.session:
            found = await self._calls.ask("session_show", {"contents": False})
            self.session = found["id"]
            intent = {"after": found["last_run_number"], **_arguments(info)}
            await asyncio.to_thread(self._guard.watch, self._calls.address, {"session": self.session, "intent": intent})
        await self._begin()
        run = await self._wait_while(RunState.NONE, RunState.PREPARING)
        if RunState(run["state"]) in (RunState.FAILED, RunState.ABORTED):
            raise RefusedError(self._ended(run).sentence, code="RUN_NOT_STARTED", value=self.number)
        if info.documents:
            try:
                self._places = await asyncio.to_thread(frame_places, Path(run["file"]))
            except BeamsessionError as error:
                await self.give_up(error.sentence)
                raise

    @AsyncStatus.wrap
    async def complete(self) -> None:
        """Wait for the verdict; a run without declared frames is stopped for that."""
        if self._open and self.info.frames is None:
            await self.finish(0)
        elif self._open:
            self._ended(await self._wait_for_verdict())

    async def _begin(self) -> None:
        """Start the run, or learn its number where that was done before its answer came."""
        self._open = True  # from here on it may be recorded, whether an answer comes or not
        try:
            self.number = await self._calls.ask("run_start", _arguments(self.info), self._request_id)
        except UnavailableError:
            raise
        except BeamsessionError:
            self._open = False
            self._guard.release()
            raise
        word = {"session": self.session, "run": self.number}
        await asyncio.to_thread(self._guard.watch, self._calls.address, word)

    async def finish(self, grace_s: float) -> RunResult:
        """Stop the run, write out what has come, and wait for the verdict.

        A run whose frames were declared may first end by itself for `grace_s`: the last ones may be on their way.
        """
        if self._open:
            run = await self._wait_for_verdict(grace_s if self.info.frames is not None else 0)
            if not RunState(run["state"]).is_verdict:
                await self._tell("run_stop")
                run = await self._wait_for_verdict(lost_s=_LOST_PATIENCE_S)
            self._ended(run)
        await self.resume()
        assert self.result is not None
        return self.result

    async def give_up(self, reason: str) -> RunResult | None:
        """Abort the run; the reason becomes a comment. None if no run was open."""
        if self._open and not self.number:
            with contextlib.suppress(WrongStateError, RefusedError):  # then there is none
                await self._begin()
        if self._open:
            run = await self._show()
            if not RunState(run["state"]).is_verdict:  # else the run that is open now is somebody else's
                text = f"Run {self.number} is aborted by a Bluesky plan: {_words(reason) or 'no reason given'}"
                await self._tell("comment_add", {"text": text})
                await self._tell("run_abort")
                run = await self._wait_for_verdict(lost_s=_LOST_PATIENCE_S)
            self._ended(run)
        await self.resume()
        return self.result

    async def is_recording(self) -> bool:
        """Whether the run goes on; looks again after a moment."""
        if self._open:
            run = await self._wait_for_verdict(_LOOK_S)
            if RunState(run["state"]).is_verdict:
                self._ended(run)
        return self._open

    async def refresh(self) -> list[FrameStream]:
        """The streams that have frames which no document tells of yet."""
        for place in self._places or ():
            if self._open and not place.grows:
                continue
            facts = await asyncio.to_thread(frame_facts, place)
            if facts is None:
                continue
            if place.detector not in self.streams:
                name = f"{self.parent.name if self.parent else self.name}-{place.detector}"
                source, run = f"{self._calls.address}#{place.detector}", f"{self.session}/{self.number}"
                self.streams[place.detector] = FrameStream(name, source, run, place, facts)
            self.streams[place.detector].grown(facts.count)
        return [stream for stream in self.streams.values() if stream.has_news]

    async def pause(self) -> None:
        """The RunEngine pauses: frames are not recorded until `resume`."""
        if not self._open or self._paused:
            return
        try:
            if not await self._is_here():
                return
            await self._calls.ask("session_pause", {}, patience_s=_PAUSE_PATIENCE_S)
            self._paused = True
        except WrongStateError:
            return  # somebody else has paused it, or the run has just ended
        except BeamsessionError as error:
            _log.error("The session is not paused, its run records on: %s", error.text)

    async def resume(self) -> None:
        """Go on, if it was paused by `pause`; a session that somebody else has resumed meanwhile is left alone."""
        if self._paused:
            if await self._is_here():
                await self._tell("session_resume")
            self._paused = False

    async def _is_here(self) -> bool:
        """Whether the session that is open is the one of this run."""
        try:
            return (await self._calls.ask("session_show", {"contents": False}))["id"] == self.session
        except (NotFoundError, WrongStateError):
            return False

    async def _tell(self, verb: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Ask for what may have happened already."""
        try:
            await self._calls.ask(verb, dict(arguments or {}))
        except WrongStateError as error:
            _log.info("%s is not needed: %s", verb, error.text)

    async def _show(self) -> Mapping[str, Any]:
        return await self._calls.ask("run_show", {"session": self.session, "run": self.number})

    async def _wait_for_verdict(self, limit_s: float | None = None, lost_s: float | None = None) -> Mapping[str, Any]:
        unsettled = (state for state in RunState if not state.is_verdict)
        return await self._wait_while(*unsettled, limit_s=limit_s, lost_s=lost_s)

    async def _wait_while(
        self, *states: RunState, limit_s: float | None = None, lost_s: float | None = None
    ) -> Mapping[str, Any]:
        """The run once it is in none of `states`, or as it is after `limit_s`, or after being LOST for `lost_s`."""
        begin = seen = time.monotonic()
        pause = _FIRST_LOOK_S
        while True:
            run = await self._show()
            if RunState(run["state"]) not in states:
                return run
            now = time.monotonic()
            seen = seen if run["state"] == RunState.LOST else now
            left = float("inf") if limit_s is None else begin + limit_s - now
            if lost_s is not None:
                left = min(left, seen + lost_s - now)
            if left <= 0:
                return run
            await asyncio.sleep(min(pause, left))
            pause = min(1.5 * pause, _LOOK_S)

    def _ended(self, run: Mapping[str, Any]) -> RunResult:
        self._open = False
        self._guard.release()
        self.result = RunResult.of(self.session, run)
        return self.result


def _arguments(info: RunInfo) -> dict[str, Any]:
    return {
        "frames": info.frames,
        "detectors": None if info.detectors is None else list(info.detectors),
        "title": info.title,
        "metadata": plain_object(info.metadata),
    }


def _words(reason: str) -> str:
    """A reason as a comment can carry it."""
    return "".join(sign if sign.isprintable() else " " for sign in " ".join(reason.split()))[:9_000]
