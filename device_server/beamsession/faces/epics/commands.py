"""The work behind each command PV, to its final outcome: the sentence that says what was done, or an error."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from beamsession.faces.epics.port import ManagerPort
from beamsession.model.errors import InvalidInputError, RefusedError
from beamsession.model.names import shortened
from beamsession.model.sentences import ended
from beamsession.model.states import RunState, SessionState

Show = Callable[[Mapping[str, Any]], Awaitable[None]]
"""`show({name: value})` sets PVs in this order."""
Work = Callable[[str, str], Awaitable[str]]
"""`work(text, client)` does a command and tells what was done; `text` is empty where a command takes none."""

_LIVE = (RunState.PREPARING, RunState.RECORDING, RunState.PAUSED, RunState.DRAINING, RunState.LOST)
_OBJECT = 'Give a JSON object such as {"sample": "CeO2"}.'


class SessionCommands:
    """Every command by the name of its PV.

    `inputs` are the values of the writable PVs, `show` sets other PVs (CheckRun has more to tell than a sentence).
    """

    def __init__(self, manager: ManagerPort, inputs: Mapping[str, Any], show: Show) -> None:
        self._manager = manager
        self._inputs = inputs
        self._show = show
        self.works: dict[str, Work] = {
            "Start": self._start,
            "Pause": self._pause,
            "Resume": self._resume,
            "Complete": self._complete,
            "Cancel": self._cancel,
            "StartRun": self._start_run,
            "StopRun": self._stop_run,
            "AbortRun": self._abort_run,
            "AcknowledgeAlarm": self._acknowledge,
            "CheckRun": self._check_run,
            "AddFile": self._add_file,
            "RegisterRun": self._register_run,
            "Comment": self._comment,
            "SetMetadata": self._set_metadata,
            "Unlock": self._unlock,
        }

    async def _start(self, text: str, client: str) -> str:
        metadata = self._inputs["Metadata"]
        session = await self._manager.call(
            "session_start",
            client,
            name=self._inputs["SessionName"],
            title=self._inputs["SessionTitle"],
            proposal=self._inputs["Proposal"],
            metadata=_json_object(metadata) if metadata.strip() else None,
        )
        return f"Session {session} is started."

    async def _pause(self, text: str, client: str) -> str:
        await self._manager.call("session_pause", client)
        return f"{self._session} is paused."

    async def _resume(self, text: str, client: str) -> str:
        await self._manager.call("session_resume", client)
        return f"{self._session} goes on."

    async def _complete(self, text: str, client: str) -> str:
        session, run, was_live = self._session_id, self._run_number, self._run_state in _LIVE
        await self._manager.call("session_complete", client)

        def is_completed(heard: Mapping[str, Any]) -> bool:
            return heard["SessionId"] != session or heard["SessionState"] != SessionState.COMPLETING

        await self._manager.until(is_completed)
        if not was_live:
            return f"Session {session} is completed."
        verdict = await self._verdict(session, run, client)
        return f"Session {session} is completed. {_told(verdict, (RunState.COMPLETED,))}"

    async def _cancel(self, text: str, client: str) -> str:
        session = self._session
        await self._manager.call("session_cancel", client)
        return f"{session} is cancelled."

    async def _start_run(self, text: str, client: str) -> str:
        number = await self._manager.call("run_start", client, title=self._inputs["RunTitle"], **self._selection())
        session = self._session_id

        def has_begun(heard: Mapping[str, Any]) -> bool:
            is_it = heard["RunNumber"] == number and heard["SessionId"] == session
            return not is_it or heard["RunState"] != RunState.PREPARING

        await self._manager.until(has_begun)
        if self._run_number == number and self._run_state in _LIVE:
            return f"Run {number} of session {session} is {self._run_state}."
        return _told(await self._verdict(session, number, client), (RunState.COMPLETED, RunState.INCOMPLETE))

    async def _stop_run(self, text: str, client: str) -> str:
        session, number = self._session_id, self._run_number
        await self._manager.call("run_stop", client)
        return _told(await self._verdict(session, number, client), (RunState.COMPLETED,))

    async def _abort_run(self, text: str, client: str) -> str:
        session, number = self._session_id, self._run_number
        await self._manager.call("run_abort", client)
        return _told(await self._verdict(session, number, client), tuple(RunState))

    async def _acknowledge(self, text: str, client: str) -> str:
        return "Acknowledged." if await self._manager.call("alarm_acknowledge", client) else "Nothing was to be seen."

    async def _check_run(self, text: str, client: str) -> str:
        problems = await self._manager.call("run_check", client, **self._selection())
        lines = [f"{item['sentence']} {item['remedy']}".strip() for item in problems]
        blocking = sum(1 for item in problems if item["blocks"])
        await self._show({"CheckRunMessage": "\n".join(lines), "CheckRunCount": blocking})
        return "A run can start." if not blocking else f"A run cannot start: {blocking} reasons in CheckRunMessage."

    async def _add_file(self, text: str, client: str) -> str:
        added = await self._manager.call("file_add", client, path=text)
        return f"{text} is added." if added else f"{text} was there already."

    async def _register_run(self, text: str, client: str) -> str:
        return f"{text} is run {await self._manager.call('run_register', client, path=text)}."

    async def _comment(self, text: str, client: str) -> str:
        return f"The comment is event {await self._manager.call('comment_add', client, text=text)}."

    async def _set_metadata(self, text: str, client: str) -> str:
        await self._manager.call("metadata_set", client, values=_json_object(text))
        return "The metadata are set."

    async def _unlock(self, text: str, client: str) -> str:
        await self._manager.unlock(text)
        return "Unlocked: Tango and Channel Access clients are staff for a while." if text else "Locked."

    def _selection(self) -> dict[str, Any]:
        """Frames and detectors of the next run; what is not given is left out."""
        frames = self._inputs["RunFrames"]
        names = [name for name in re.split(r"[,\s]+", self._inputs["RunDetectors"]) if name]
        return {**({"frames": frames} if frames else {}), **({"detectors": names} if names else {})}

    async def _verdict(self, session: int, number: int, client: str) -> dict[str, Any]:
        """The run as the store has it, once it has ended."""

        def has_ended(heard: Mapping[str, Any]) -> bool:
            is_it = heard["RunNumber"] == number and heard["SessionId"] in (session, 0)
            return not is_it or RunState(heard["RunState"]).is_verdict

        while True:
            await self._manager.until(has_ended)
            run: dict[str, Any] = await self._manager.call("run_show", client, run=number, session=session)
            if RunState(run["state"]).is_verdict:
                return run
            events = self._manager.heard["EventCount"]
            await self._manager.until(lambda heard, seen=events: heard["EventCount"] != seen)

    @property
    def _session(self) -> str:
        return f"Session {self._session_id}"

    @property
    def _session_id(self) -> int:
        return self._manager.heard.get("SessionId", 0)

    @property
    def _run_number(self) -> int:
        return self._manager.heard.get("RunNumber", 0)

    @property
    def _run_state(self) -> str:
        return self._manager.heard.get("RunState", RunState.NONE)


def _told(run: dict[str, Any], good: tuple[RunState, ...]) -> str:
    """What became of a run; RefusedError RUN_INCOMPLETE and the like where its verdict is none of `good`."""
    state = RunState(run["state"])
    accounts = run["report"].get("accounts", [])
    written = ", ".join(f"{item['written']} frames of {item['detector']}" for item in accounts)
    reason = run["reason"] or (f"{written} are on disk" if written else "")
    sentence = ended(
        f"Run {run['number']} of session {run['session_id']} is {state}" + (f": {reason}" if reason else "")
    )
    if state in good:
        return sentence
    raise RefusedError(
        sentence, code=f"RUN_{state}", value=run["number"], remedy="Acknowledge it with AcknowledgeAlarm."
    )


def _json_object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as fault:
        where = f"{fault.msg} at character {fault.pos}" if isinstance(fault, json.JSONDecodeError) else str(fault)
        raise InvalidInputError(
            f"The metadata are not JSON: {where}.", code="BAD_JSON", value=shortened(text), remedy=_OBJECT
        ) from fault
    if not isinstance(data, dict):
        raise InvalidInputError(
            "The metadata are no JSON object.", code="BAD_JSON", value=shortened(text), remedy=_OBJECT
        )
    return data
