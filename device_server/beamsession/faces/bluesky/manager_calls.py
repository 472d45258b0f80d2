"""How Bluesky asks the session manager: as the user who runs the plan, again and again until it answers."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from typing import Any

from beamsession.faces.scripting.address import resolved
from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.errors import UnavailableError
from beamsession.model.principal import Principal
from beamsession.user_name import user_name

_FACE = "bluesky"
_NO_ANSWER = "MANAGER_UNREACHABLE"
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
PATIENCE_S = 60.0  # a manager that is restarted is back by then


class ManagerCalls:
    """Verbs of one session manager; `device` is its address as `beamsession.sessions.use` takes it.

    May be used by any thread. A request id makes asking again harmless: what was done is not done twice.
    """

    def __init__(self, device: str = "") -> None:
        self._device = device
        self._address = ""
        self._of_thread = threading.local()

    @property
    def address(self) -> str:
        """The manager's address; looked for in the Tango database where none was given."""
        self._address = self._address or resolved(self._device)
        return self._address

    def once(self, verb: str, arguments: dict[str, Any], request_id: str = "") -> Any:
        """The verb's answer; its BeamsessionError, or UnavailableError MANAGER_UNREACHABLE where none came."""
        return self._client().call(
            verb, arguments, principal=Principal(user_name()), face=_FACE, request_id=request_id or new_request_id()
        )

    async def ask(
        self, verb: str, arguments: dict[str, Any], request_id: str = "", patience_s: float = PATIENCE_S
    ) -> Any:
        """The same without blocking the event loop; a manager that does not answer is asked again for `patience_s`."""
        request_id = request_id or new_request_id()
        until, pause = time.monotonic() + patience_s, _FIRST_PAUSE_S
        while True:
            try:
                return await asyncio.to_thread(self.once, verb, arguments, request_id)
            except UnavailableError as error:
                if error.code != _NO_ANSWER or time.monotonic() > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _client(self) -> TangoManager:
        """This thread's own client: a client that lost its connection is not one that others are using."""
        if getattr(self._of_thread, "client", None) is None:
            self._of_thread.client = TangoManager(self.address)
        return self._of_thread.client


def new_request_id() -> str:
    """An id that no other request has."""
    return uuid.uuid4().hex


def is_no_answer(error: Exception) -> bool:
    """Whether nothing answered, so that asking again later makes sense."""
    return isinstance(error, UnavailableError) and error.code in (_NO_ANSWER, "TANGO_DATABASE", "DEVICE_FAULT")
