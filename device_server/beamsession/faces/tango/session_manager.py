"""The Tango device SessionManager: answers reads from the view, hands everything else to the verbs."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import tango
from tango import GreenMode
from tango.server import Device, command, device_property

from beamsession.faces.tango import manager_commands
from beamsession.faces.tango.manager_attributes import ALL_ROWS, METADATA, ROWS, Row, tango_state, value_of
from beamsession.faces.tango.manager_service import ManagerService
from beamsession.faces.tango.pusher import Pusher
from beamsession.faces.tango.read_guard import ReadGuard
from beamsession.faces.tango.text import raise_tango, to_json, to_tango
from beamsession.model.errors import BeamsessionError, InvalidInputError, UnavailableError
from beamsession.model.names import shortened
from beamsession.model.principal import Caller, Principal
from beamsession.model.view import View

_log = logging.getLogger(__name__)
_FACES = ("tango", "epics", "web", "cli", "scripting", "bluesky", "taurus", "hook", "worker")
_TOKEN = re.compile(r'("token"\s*:\s*)"[^"]*"?')
_MAX_REQUEST_ID = 100
_MAX_CLIENT = 100
_CALL_USAGE = (
    'Give JSON {"verb": "session_list", "args": {}, "principal": {"name": "…"}, "face": "cli", "request_id": "…"}.'
)

ServiceFactory = Callable[[str, str], ManagerService]
"""`factory(device name, ConfigFile property)` makes the started service of one device; BeamsessionError: FAULT."""


class _SessionManagerBase(Device):
    """Owns the life of the sessions and runs of one instrument."""

    green_mode = GreenMode.Asyncio
    factory: ServiceFactory

    ConfigFile = device_property(dtype=str, default_value="", doc="the beamline's TOML file; empty: BEAMSESSION_CONFIG")

    async def init_device(self) -> None:
        await super().init_device()  # pyright: ignore[reportGeneralTypeIssues]
        self._service: ManagerService | None = None
        self._fault = ""
        self._guard = ReadGuard()
        for name in ("State", "Status", *(row.name for row in ALL_ROWS)):
            self.set_change_event(name, True, False)
        try:
            self._service = await asyncio.to_thread(type(self).factory, self.get_name(), str(self.ConfigFile))
        except Exception as error:
            self._fail(error)
            return
        self._push_all(self._service.view)
        self._pusher = Pusher(ALL_ROWS, self._push_row, self._push_state)
        self._service.subscribe(self._pusher.notify)

    async def delete_device(self) -> None:
        service, self._service = getattr(self, "_service", None), None
        if service is not None:
            await asyncio.to_thread(service.stop)
            await asyncio.to_thread(self._pusher.stop)

    def _fail(self, error: Exception) -> None:
        """The device stays up in FAULT, so that a client can read why."""
        if isinstance(error, BeamsessionError):
            _log.error("%s: %s", self.get_name(), error.text)
            self._fault = f"{error.text} Then run Init."
        else:
            _log.error("%s cannot work", self.get_name(), exc_info=error)
            self._fault = f"The manager cannot work: {error}. Correct that, then run Init."
        self._push_device_state(tango.DevState.FAULT, self._fault)

    async def dev_state(self) -> tango.DevState:
        """FAULT > INIT > RUNNING > ALARM > ON > STANDBY, from the view; never from alarm limits."""
        if self._service is None:
            return tango.DevState.FAULT if self._fault else tango.DevState.INIT
        return tango_state(self._service.view)

    async def dev_status(self) -> str:
        """What stands and what is wrong, in sentences."""
        return to_tango(self._service.view.status if self._service else self._fault or "Starting.")

    def read_Metadata(self) -> tuple[Any, ...]:
        return self._read(METADATA)

    async def write_Metadata(self, text: str) -> None:
        try:
            values = manager_commands.parse_object(text, 'Give a JSON object such as {"sample": "CeO2"}.')
        except InvalidInputError as error:
            self.refuse("metadata_set", text, error)
        else:
            await self.send("metadata_set", {"values": values, "replace": True})

    Metadata = METADATA.declare(fget="read_Metadata", fset="write_Metadata")

    @command(
        dtype_in=str,
        doc_in="JSON {verb, args, principal, face, request_id, token, client}",
        doc_out="JSON, the verb's answer",
    )
    async def Call(self, text: str) -> str:
        """Have a verb done for the principal who asks; a request id makes a retry harmless."""
        service = self._working()
        try:
            verb, arguments, caller = self._understood(service, text)
        except BeamsessionError as error:
            self.refuse("call", _TOKEN.sub(r"\1…", text), error)
        return to_json(await self._done(service, verb, arguments, caller))

    @command(dtype_in=str, doc_in="the staff token; empty locks again")
    async def Unlock(self, token: str) -> None:
        """Give staff's rights to Tango and Channel Access clients for a limited time."""
        service = self._working()
        try:
            await asyncio.to_thread(service.identity.unlock, token)
        except BeamsessionError as error:
            self.refuse("unlock", "", error)

    async def send(self, verb: str, arguments: dict[str, Any]) -> Any:
        """Have a verb done for the operator."""
        service = self._working()
        return await self._done(service, verb, arguments, Caller(service.identity.operator(), "tango"))

    def refuse(self, verb: str, text: str, error: BeamsessionError) -> None:
        """Log what could not be understood, and raise it for the client."""
        service = self._working()
        service.refuse(verb, text, Caller(service.identity.operator(), "tango"), error)
        raise_tango(error)

    async def _done(self, service: ManagerService, verb: str, arguments: dict[str, Any], caller: Caller) -> Any:
        try:
            return await asyncio.wrap_future(service.submit(verb, arguments, caller))
        except BeamsessionError as error:
            raise_tango(error)

    def _working(self) -> ManagerService:
        if self._service is None:
            raise_tango(UnavailableError(self._fault or "The device is starting.", code="DEVICE_FAULT"))
        return self._service

    def _understood(self, service: ManagerService, text: str) -> tuple[str, dict[str, Any], Caller]:
        data = manager_commands.parse_object(text, _CALL_USAGE)
        unknown = set(data) - {"verb", "args", "principal", "face", "request_id", "token", "client"}
        verb, arguments = data.get("verb"), data.get("args") or {}
        face, request_id = data.get("face", "tango"), data.get("request_id") or ""
        client = data.get("client") or ""
        faults = [
            *(f"'{shortened(str(key))}' is no part of a call" for key in sorted(unknown)),
            *(["'verb' is no text"] if not isinstance(verb, str) else []),
            *(["'args' is no object"] if not isinstance(arguments, dict) else []),
            *([f"'face' is none of {', '.join(_FACES)}"] if face not in _FACES else []),
            *(["'request_id' is no text of up to 100 characters"] if not _is_request_id(request_id) else []),
            *(["'client' is no text of up to 100 characters"] if not _is_client(client) else []),
        ]
        if faults:
            sentence = f"The call cannot be understood: {'; '.join(faults)}."
            raise InvalidInputError(sentence, code="BAD_CALL", remedy=_CALL_USAGE)
        principal: Principal = service.identity.claimed(data.get("principal"), str(data.get("token") or ""))
        return str(verb), arguments, Caller(principal, face, request_id, client)

    def _read(self, row: Row) -> tuple[Any, ...]:
        view = self._working().view
        self._guard.reading(row.name)
        return value_of(row, view), time.time(), row.quality(view)

    def _push_all(self, view: View) -> None:
        for row in ALL_ROWS:
            self._push_row(row, view)
        self._push_state(view)

    def _push_row(self, row: Row, view: View) -> None:
        with self._guard.pushing(row.name):
            self.push_change_event(row.name, value_of(row, view), time.time(), row.quality(view))

    def _push_state(self, view: View) -> None:
        self._push_device_state(tango_state(view), view.status)

    def _push_device_state(self, state: tango.DevState, status: str) -> None:
        # An event of these two carries what the device itself holds, not a value given with it.
        self.set_state(state)
        self.set_status(to_tango(status))
        self.push_change_event("State")
        self.push_change_event("Status")


def _reader(row: Row) -> Any:
    def read(device: _SessionManagerBase) -> tuple[Any, ...]:
        return device._read(row)

    read.__name__, read.__doc__ = f"read_{row.name}", row.doc
    return read


async def _send(device: _SessionManagerBase, verb: str, arguments: dict[str, Any]) -> Any:
    return await device.send(verb, arguments)


def _is_request_id(text: object) -> bool:
    return isinstance(text, str) and len(text) <= _MAX_REQUEST_ID


def _is_client(text: object) -> bool:
    return isinstance(text, str) and len(text) <= _MAX_CLIENT and text.isprintable()


_namespace: dict[str, Any] = {"__doc__": _SessionManagerBase.__doc__, **manager_commands.commands(_send)}
for _row in ROWS:
    _namespace[f"read_{_row.name}"] = _reader(_row)
    _namespace[_row.name] = _row.declare(fget=f"read_{_row.name}")

SessionManager: type[_SessionManagerBase] = type("SessionManager", (_SessionManagerBase,), _namespace)
