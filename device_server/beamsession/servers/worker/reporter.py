"""Telling the manager how far an ingest is: through its verbs, because it alone writes the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.errors import UnavailableError
from beamsession.model.principal import Principal, Role
from beamsession.model.states import IngestState

FACE = "worker"


class IngestReporter(Protocol):
    """Where an ingest's progress goes. Methods raise UnavailableError when nobody answers, else what the verb says.

    The same `request_id` twice counts once.
    """

    def report(
        self, session_id: int, state: IngestState, step: str, detail: str, pid: str, *, request_id: str = ""
    ) -> None:
        """How far it is; `detail` is a sentence for a person."""
        ...

    def archived(self, session_id: int, pid: str, *, request_id: str = "") -> None:
        """The session is in the catalogue under `pid`."""
        ...


class ManagerReporter:
    """Reports through the manager's `Call`; the token is read from its file each time, so that it can be renewed."""

    def __init__(self, manager: TangoManager, worker_name: str, token_file: Path) -> None:
        self._manager = manager
        self._principal = Principal(worker_name, Role.WORKER)
        self._token_file = token_file

    def report(
        self, session_id: int, state: IngestState, step: str, detail: str, pid: str, *, request_id: str = ""
    ) -> None:
        """The verb `ingest_report`."""
        arguments = {"session": session_id, "state": state.value, "step": step, "detail": detail, "pid": pid}
        self._call("ingest_report", arguments, request_id)

    def archived(self, session_id: int, pid: str, *, request_id: str = "") -> None:
        """The verb `session_archive`."""
        self._call("session_archive", {"session": session_id, "pid": pid}, request_id)

    def _call(self, verb: str, arguments: dict[str, Any], request_id: str) -> None:
        self._manager.call(
            verb,
            arguments,
            principal=self._principal,
            face=FACE,
            token=self._token(),
            request_id=request_id or str(uuid4()),
        )

    def _token(self) -> str:
        try:
            return self._token_file.read_text(encoding="ascii").strip()
        except OSError as fault:
            raise UnavailableError(
                f"The worker's token file {self._token_file} cannot be read: {fault.strerror}.",
                code="NO_WORKER_TOKEN",
                value=str(self._token_file),
                remedy="`beamsession up` makes it; else write a secret there, mode 0600, for manager and worker.",
            ) from fault
