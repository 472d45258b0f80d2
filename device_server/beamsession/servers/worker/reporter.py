"""Telling the manager what was done: through its verbs, because it alone writes the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.errors import UnavailableError
from beamsession.model.principal import Principal, Role
from beamsession.servers.worker.reports import Report

FACE = "worker"


class Reporter(Protocol):
    """Where reports go."""

    def send(self, report: Report, request_id: str = "") -> Any:
        """What the verb answers; the same `request_id` twice counts once.

        Raises UnavailableError when nobody answers, else what the verb raises.
        """
        ...


class ManagerReporter:
    """Reports through the manager's `Call`; the token is read from its file each time, so that it can be renewed."""

    def __init__(self, manager: TangoManager, worker_name: str, token_file: Path) -> None:
        self._manager = manager
        self._principal = Principal(worker_name, Role.WORKER)
        self._token_file = token_file

    def send(self, report: Report, request_id: str = "") -> Any:
        """See `Reporter`."""
        return self._manager.call(
            report.verb,
            report.arguments,
            principal=self._principal,
            face=FACE,
            token=self._token(),
            request_id=request_id or str(uuid4()),
        )

    def require_token(self) -> None:
        """Raises UnavailableError NO_WORKER_TOKEN where there is none to be read."""
        self._token()

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
