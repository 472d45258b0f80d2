"""A command line beside real servers: a manager, a recorder without detectors, and a worker played by the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.principal import Principal, Role
from command_line import CommandLine, Done
from manager_server import free_port, manager, recorder, trl, write_config

_TOKEN = "the worker's secret"


class ServedBeamline:
    """Commands are answered by the server; jobs go on when the test says so."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self._line = CommandLine(folder)

    @property
    def environment(self) -> dict[str, str]:
        """What names this beamline to the command line."""
        return {"BEAMSESSION_DEVICE": self.address, "BEAMSESSION_CONFIG": ""}

    def __call__(self, *words: str, **environment: str) -> Done:
        """Run `beamsession <words>`."""
        return self._line(*words, **self.environment, **environment)

    def begin(self, *words: str) -> Any:
        """Start `beamsession <words>`."""
        return self._line.begin(*words, **self.environment)

    def complete(self, *words: str, **environment: str) -> list[str]:
        """What Tab offers for the last of the words."""
        return self._line.complete(*words, **self.environment, **environment)

    def report(self, job: int, state: str, **more: Any) -> bool:
        """Tell of a job as the worker does."""
        arguments = {"job": job, "state": state, **more}
        worker = Principal("worker", Role.WORKER)
        return TangoManager(self.address).call("job_report", arguments, principal=worker, face="worker", token=_TOKEN)

    def ask(self, verb: str, **arguments: Any) -> Any:
        """A verb's answer."""
        return TangoManager(self.address).call(verb, arguments, principal=Principal("ana"), face="cli")


@contextmanager
def served_beamline(folder: Path, tables: str = "") -> Iterator[ServedBeamline]:
    """Both servers for the length of the block; `tables` are further ones of the configuration."""
    port = free_port()
    config = write_config(folder, recorder_port=port)
    config.write_text(config.read_text() + tables)
    (folder / "state").mkdir()
    (folder / "state" / "worker.token").write_text(_TOKEN)
    servers = [recorder(config, port), manager(config)]
    try:
        for server in servers:
            server.start()
        servers[0].proxy("test/session/recorder")
        servers[1].proxy()
        yield ServedBeamline(folder, trl(servers[1].port))
    finally:
        for server in servers:
            server.stop()
