"""A SessionManager device seen by our own programs: its command `Call`, with the caller's identity inside."""

from __future__ import annotations

import json
from typing import Any

import tango

from beamsession.model.errors import BeamsessionError, UnavailableError, error_from_json
from beamsession.model.principal import Principal

_TIMEOUT_MS = 3000
# What cppTango and the Tango database call their own troubles, as opposed to an answer of the device.
_TRANSPORT = ("API_", "DB_", "TRANSIENT", "COMM_FAILURE", "OBJECT_NOT_EXIST")


class TangoManager:
    """One manager by its device name or full address; connects at the first call and again after a failure."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._proxy: tango.DeviceProxy | None = None

    def call(
        self,
        verb: str,
        args: dict[str, Any],
        *,
        principal: Principal,
        face: str,
        token: str = "",
        request_id: str = "",
    ) -> Any:
        """The verb's result.

        Raises UnavailableError (MANAGER_UNREACHABLE) when no answer came, which does not mean that nothing was done:
        the same `request_id` makes asking again harmless. Otherwise the error that the verb raised.
        """
        request = json.dumps(
            {
                "verb": verb,
                "args": args,
                "principal": {"name": principal.name, "role": principal.role.value, "groups": list(principal.groups)},
                "face": face,
                "request_id": request_id,
                "token": token,
            },
            ensure_ascii=True,
        )
        with tango.EnsureOmniThread():
            try:
                answer = self._connected().command_inout("Call", request)
            except tango.DevFailed as fault:
                raise self._meaning(fault) from fault
        return json.loads(answer) if answer else None

    def _connected(self) -> tango.DeviceProxy:
        if self._proxy is None:
            proxy = tango.DeviceProxy(self._device)
            proxy.set_timeout_millis(_TIMEOUT_MS)
            self._proxy = proxy
        return self._proxy

    def _meaning(self, fault: tango.DevFailed) -> BeamsessionError:
        first = fault.args[0]
        reason, sentence = str(first.reason), str(first.desc)
        is_transport = isinstance(fault, tango.ConnectionFailed | tango.CommunicationFailed)
        if not is_transport and not reason.startswith(_TRANSPORT):
            return error_from_json({"code": reason, "sentence": sentence})
        self._proxy = None
        return UnavailableError(
            f"The session manager {self._device} does not answer: {sentence.strip()}",
            code="MANAGER_UNREACHABLE",
            value=self._device,
            remedy="Look whether it runs; it is asked again.",
        )
