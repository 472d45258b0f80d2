"""A SessionManager device seen by our own programs: its command `Call`, with the caller's identity inside."""

from __future__ import annotations

import json
from typing import Any

import tango

from beamsession.faces.tango.text import from_tango, to_json, transport_error
from beamsession.model.principal import Principal

_TIMEOUT_MS = 3000


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
        principal: Principal | None,
        face: str,
        token: str = "",
        request_id: str = "",
        client: str = "",
    ) -> Any:
        """The verb's result; without a principal it is done for the operator.

        Raises UnavailableError (MANAGER_UNREACHABLE) when no answer came, which does not mean that nothing was done:
        the same `request_id` makes asking again harmless. Otherwise the error that the verb raised.
        """
        request = to_json(
            {
                "verb": verb,
                "args": args,
                "principal": _claim(principal) if principal else None,
                "face": face,
                "request_id": request_id,
                "token": token,
                "client": client,
            }
        )
        with tango.EnsureOmniThread():
            try:
                answer = self._connected().command_inout("Call", request)
            except tango.DevFailed as fault:
                error = from_tango(fault)
                if error is None:
                    self._proxy = None
                    error = transport_error(
                        fault,
                        who=f"The session manager {self._device}",
                        code="MANAGER_UNREACHABLE",
                        remedy="Look whether it runs; it is asked again.",
                    )
                raise error from fault
        return json.loads(answer) if answer else None

    def _connected(self) -> tango.DeviceProxy:
        if self._proxy is None:
            proxy = tango.DeviceProxy(self._device)
            proxy.set_timeout_millis(_TIMEOUT_MS)
            self._proxy = proxy
        return self._proxy


def _claim(principal: Principal) -> dict[str, Any]:
    return {"name": principal.name, "role": principal.role.value, "groups": list(principal.groups)}
