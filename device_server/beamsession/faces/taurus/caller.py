"""How the panel has verbs done: as the user who is logged in, and once more where no answer came."""

from __future__ import annotations

import uuid
from typing import Any

from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.errors import UnavailableError
from beamsession.model.principal import Principal
from beamsession.user_name import user_name

_FACE = "taurus"
_NO_ANSWER = "MANAGER_UNREACHABLE"


class ManagerCaller:
    """The manager at one address, for one thread."""

    def __init__(self, address: str) -> None:
        self._manager = TangoManager(address)
        self._principal = Principal(user_name())

    def read(self, verb: str, **arguments: Any) -> Any:
        """The answer of a verb that changes nothing. Raises BeamsessionError."""
        return self._manager.call(verb, arguments, principal=self._principal, face=_FACE)

    def order(self, verb: str, **arguments: Any) -> Any:
        """The answer of a verb, which is done once even where it is asked for twice. Raises BeamsessionError."""
        request_id = uuid.uuid4().hex
        try:
            return self._order(verb, arguments, request_id)
        except UnavailableError as error:
            if error.code != _NO_ANSWER:
                raise
        return self._order(verb, arguments, request_id)

    def _order(self, verb: str, arguments: dict[str, Any], request_id: str) -> Any:
        return self._manager.call(verb, arguments, principal=self._principal, face=_FACE, request_id=request_id)
