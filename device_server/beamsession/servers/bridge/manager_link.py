"""The session manager for the commands: what was heard of it, and its verbs, called in threads beside the loop."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import tango

from beamsession.faces.tango.manager_client import TangoManager
from beamsession.faces.tango.text import from_tango, transport_error
from beamsession.model.errors import BeamsessionError, UnavailableError

_FACE = "epics"
_UNREACHABLE = "MANAGER_UNREACHABLE"
_RETRY_FOR_S = 10.0
_RETRY_S = 0.25
_AWAY_S = 60.0
_LATE_S = 5.0
_PAGE = 1000
_SIGN_OF_LIFE = "RunState"


class ManagerLink:
    """The port of the commands over Tango."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._manager = TangoManager(device)
        self._proxy: tango.DeviceProxy | None = None
        self._reader = TangoManager(device)
        self._threads = ThreadPoolExecutor(1, "tango command")
        self._lookups = ThreadPoolExecutor(1, "tango lookup")
        self._heard: dict[str, Any] = {}
        self._is_new = asyncio.Event()
        self.connected = False
        self._is_readable = False
        self._is_there = False
        self._away_since = time.monotonic()

    @property
    def heard(self) -> Mapping[str, Any]:
        return self._heard

    def take(self, name: str, value: Any) -> None:
        """A new value of an attribute, None where it cannot be read; who waits for it looks again."""
        if value is not None:
            self._heard[name] = value
        if name == _SIGN_OF_LIFE:
            self._is_readable = value is not None
            self._note_absence()
        self._is_new.set()

    def connect(self, connected: bool) -> None:
        """The manager has come or gone."""
        self.connected = connected
        self._note_absence()
        self._is_new.set()

    def _note_absence(self) -> None:
        """A manager that is in FAULT, and tells nothing of the session, is away too."""
        there = self.connected and self._is_readable
        if self._is_there and not there:
            self._away_since = time.monotonic()
        self._is_there = there

    async def call(self, verb: str, client: str, **arguments: Any) -> Any:
        self._require_connected()
        request_id = uuid.uuid4().hex
        until = time.monotonic() + _RETRY_FOR_S
        while True:
            try:
                answer, count = await self._in_thread(lambda: self._ask(verb, arguments, client, request_id))
                break
            except UnavailableError as error:
                # The same request id: what was done already is not done twice.
                if error.code != _UNREACHABLE:
                    raise
                if time.monotonic() > until:
                    raise self._unanswered(_RETRY_FOR_S) from error
            await asyncio.sleep(_RETRY_S)
        await self._has_heard(count)
        return answer

    async def newest_runs(self, session: int, count: int, newest: int) -> list[dict[str, Any]]:
        """The newest `count` runs of a session, newest first; `newest` is the highest number if it is known, else 0."""
        if newest > count:
            runs = await self._look("run_list", session=session, after=newest - count, limit=_PAGE)
            if len(runs) >= count:  # not if some have moved to another session
                return runs[-count:][::-1]
        return await self._read_all_runs(session, count)

    async def _read_all_runs(self, session: int, count: int) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = []
        after = 0
        while page := await self._look("run_list", session=session, after=after, limit=_PAGE):
            runs, after = [*runs, *page][-count:], page[-1]["number"]
            if len(page) < _PAGE:
                break
        return runs[::-1]

    async def session(self, number: int) -> dict[str, Any]:
        """One session as the store has it, without its contents."""
        return await self._look("session_show", session=number, contents=False)

    async def _look(self, verb: str, **arguments: Any) -> Any:
        """What a verb answers that changes nothing, beside the commands."""

        def ask() -> Any:
            return self._reader.call(verb, arguments, principal=None, face=_FACE)

        return await asyncio.get_running_loop().run_in_executor(self._lookups, ask)

    async def unlock(self, token: str) -> None:
        self._require_connected()
        await self._in_thread(lambda: self._unlock(token))

    async def until(self, reached: Callable[[Mapping[str, Any]], bool]) -> None:
        while not reached(self._heard):
            await self._news(None if self._is_there else self._patience())

    async def _has_heard(self, count: int) -> None:
        """Wait until everything is heard up to event `count`; not for ever, the feed reads again what is missed."""
        until = time.monotonic() + _LATE_S
        while self._heard.get("EventCount", -1) < count and time.monotonic() < until:
            await self._news(until - time.monotonic())

    async def _news(self, timeout: float | None) -> None:
        self._is_new.clear()
        try:
            await asyncio.wait_for(self._is_new.wait(), timeout)
        except TimeoutError:
            if not self._is_there:
                self._patience()

    def _patience(self) -> float:
        """Seconds for which a manager that is away is still waited for; UnavailableError when they are over."""
        left = self._away_since + _AWAY_S - time.monotonic()
        if left <= 0:
            raise self._unanswered(_AWAY_S)
        return left

    def _unanswered(self, seconds: float) -> UnavailableError:
        return UnavailableError(
            f"The session manager {self._device} was asked, but it has not answered for {seconds:.0f} s: "
            "whether it was done is unknown.",
            code=_UNREACHABLE,
            remedy="Look whether it runs; when Connected is 1 again, SessionState and RunState show what was done.",
        )

    def _require_connected(self) -> None:
        if not self.connected:
            raise UnavailableError(
                f"The session manager {self._device} cannot be reached.",
                code=_UNREACHABLE,
                remedy="Look whether it runs; nothing was changed.",
            )

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _ask(self, verb: str, arguments: dict[str, Any], client: str, request_id: str) -> tuple[Any, int]:
        """The verb's answer, and the newest event when it was given."""
        answer = self._manager.call(
            verb, arguments, principal=None, face=_FACE, request_id=request_id, client=client[:100]
        )
        with tango.EnsureOmniThread():
            try:
                attribute: Any = self._connected().read_attribute("EventCount")
            except tango.DevFailed:
                self._proxy = None
                return answer, -1
        return answer, int(attribute.value)

    def _unlock(self, token: str) -> None:
        with tango.EnsureOmniThread():
            try:
                self._connected().command_inout("Unlock", token)
            except UnicodeError as fault:
                raise BeamsessionError(
                    "The token is no plain text.", code="BAD_TOKEN", remedy="Give it as it is."
                ) from fault
            except tango.DevFailed as fault:
                error = from_tango(fault)
                if error is None:
                    self._proxy = None
                    error = transport_error(
                        fault,
                        who=f"The session manager {self._device}",
                        code=_UNREACHABLE,
                        remedy="Look whether it runs.",
                    )
                raise error from fault

    def _connected(self) -> tango.DeviceProxy:
        if self._proxy is None:
            self._proxy = tango.DeviceProxy(self._device)
        return self._proxy
