"""How a script asks its manager: as the user who runs it, from any thread, once more after a time-out."""

from __future__ import annotations

import threading
import uuid
from typing import Any

from beamsession.faces.scripting.address import checked, resolved
from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.errors import UnavailableError
from beamsession.model.principal import Principal
from beamsession.user_name import user_name

_FACE = "scripting"
_NO_ANSWER = "MANAGER_UNREACHABLE"
_UNKNOWN = "Look whether it runs; it may have done what was asked without having answered."


class Connection:
    """The one manager that a process talks to; it is looked for at the first call, and kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chosen = ""
        self._device = ""
        self._of_thread = threading.local()

    def choose(self, device: str) -> None:
        """Talk to `device` from now on, or look for the manager again where it is empty."""
        chosen = checked(device) if device else ""
        with self._lock:
            self._chosen, self._device = chosen, ""

    def call(self, verb: str, **arguments: Any) -> Any:
        """The verb's answer; the BeamsessionError of the verb, or UnavailableError where nothing answers.

        After a call without an answer it is asked once more under the same request id, so what was done is not done
        twice.
        """
        client, principal, request_id = self._client(), Principal(user_name()), uuid.uuid4().hex

        def ask() -> Any:
            return client.call(verb, arguments, principal=principal, face=_FACE, request_id=request_id)

        try:
            return ask()
        except UnavailableError as error:
            if error.code != _NO_ANSWER:
                raise
        try:
            return ask()
        except UnavailableError as error:
            raise UnavailableError(error.sentence, code=error.code, value=error.value, remedy=_UNKNOWN) from error

    def _client(self) -> TangoManager:
        """This thread's own client: a client that lost its connection is not one that others are using."""
        with self._lock:
            self._device = self._device or resolved(self._chosen)
            device = self._device
        if getattr(self._of_thread, "device", None) != device:
            self._of_thread.device, self._of_thread.client = device, TangoManager(device)
        return self._of_thread.client


_CONNECTION = Connection()
call = _CONNECTION.call


def use(device: str = "") -> None:
    """Talk to this session manager from now on, in the whole process.

    `device` is `"tango://host:port/domain/family/member"`, or `"domain/family/member"` in the database that TANGO_HOST
    names; empty: look again. Nothing is connected before the first call. Without `use`, the manager is the one
    named by the environment variable BEAMSESSION_DEVICE, else the only one that runs in the Tango database; several are
    an error that names them.
    """
    _CONNECTION.choose(device)
