"""A beamline without detectors: the real manager, worker and recorder, the stand-in catalogue, a data folder."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from beamsession.config import Beamline, load
from beamsession.faces.tango.manager_client import TangoManager
from beamsession.faces.tango.recorder_client import TangoRecorder
from beamsession.model.errors import UnavailableError
from beamsession.model.job import Job
from beamsession.model.principal import Principal, Role
from beamsession.model.session import Session
from beamsession.store import Store
from beamsim.scicat import Catalogue, running_catalogue

LIMIT_S = 40.0


def eventually(condition: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
    """The first truthy value of `condition`; AssertionError with `what` after the limit."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {limit_s:.0f} s: {what}")


def free_port() -> int:
    """A port on loopback that nobody listens on at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Rig:
    """Starts and kills the processes; every state is in `folder`.

    The options are lines of the configuration's tables [catalogue] and [data], `tables` are further ones.
    """

    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue,
        catalogue_options: str = "",
        *,
        data_options: str = "",
        tables: str = "",
        has_catalogue: bool = True,
        has_recorder: bool = False,
    ) -> None:
        self.folder = folder
        self.data_root = folder / "data"
        self.data_root.mkdir()
        self.state = folder / "state"
        self.state.mkdir()
        self.catalogue = catalogue
        self.config = folder / "beamline.toml"
        (self.state / "worker.token").write_text(secrets.token_hex(8))
        (folder / "password").write_text("ingestor")
        self._port, self._recorder_port = free_port(), free_port() if has_recorder else 1
        self.config.write_text(self._toml(data_options, tables))
        if has_catalogue:
            self.set_catalogue(catalogue_options)
        self.worker: subprocess.Popen[bytes] | None = None
        self.manager: subprocess.Popen[bytes] | None = None
        self.recorder_process: subprocess.Popen[bytes] | None = None
        self._store: Store | None = None

    @property
    def beamline(self) -> Beamline:
        return load(self.config)

    @property
    def address(self) -> str:
        return f"tango://127.0.0.1:{self._port}/test/session/manager#dbase=no"

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = Store.open(self.beamline.store_url, migrate=False)
        return self._store

    def start_manager(self) -> None:
        command = [sys.executable, "-m", "beamsession.servers.manager.main", "test", "-nodb"]
        command += ["-dlist", "test/session/manager", "-ORBendPoint", f"giop:tcp:127.0.0.1:{self._port}"]
        self.manager = self._start(command, "manager")
        eventually(self._manager_answers, "the manager answers")

    def start_recorder(self) -> None:
        """Needs `has_recorder`; without it every verb that looks at a file, or records, is refused."""
        command = [sys.executable, "-m", "beamsession.servers.recorder", "test", "-nodb"]
        command += ["-dlist", "test/session/recorder", "-ORBendPoint", f"giop:tcp:127.0.0.1:{self._recorder_port}"]
        self.recorder_process = self._start(command, "recorder")
        recorder = TangoRecorder(f"tango://127.0.0.1:{self._recorder_port}/test/session/recorder#dbase=no")
        eventually(lambda: _answers(recorder.report), "the recorder answers")

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "beamsession.servers.worker"]
        command += ["--config", str(self.config), "--manager", self.address]
        self.worker = self._start(command, "worker")
        return self.worker

    def kill_worker(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait(LIMIT_S)

    def kill_manager(self) -> None:
        assert self.manager is not None
        self.manager.kill()
        self.manager.wait(LIMIT_S)

    def call(self, verb: str, **arguments: Any) -> Any:
        """A verb as a trusted program would call it."""
        token = (self.state / "worker.token").read_text()
        manager = TangoManager(self.address)
        principal = Principal("anna", Role.STAFF)
        return manager.call(verb, arguments, principal=principal, face="cli", token=token, request_id=str(uuid4()))

    def completed_session(self, files: dict[str, bytes], **arguments: Any) -> Session:
        """A session with these files in its folder, completed."""
        session = self.open_session(files, **arguments)
        self.call("session_complete")
        return self.store.session(session.id)

    def open_session(self, files: dict[str, bytes], **arguments: Any) -> Session:
        """A session with these files in its folder, started."""
        session_id = _id(self.call("session_start", **({"name": "Łukasz 2θ"} | arguments)))
        for name, content in files.items():
            path = self.folder_of(session_id) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return self.store.session(session_id)

    def folder_of(self, session_id: int) -> Path:
        """The session's data folder."""
        return self.data_root / self.store.session(session_id).folder

    def ended(self, job_id: int) -> Job:
        """The job once it has ended."""

        def look() -> Job | None:
            job = self.store.job(job_id)
            return job if job.state.is_end else None

        try:
            return eventually(look, f"job {job_id} has ended")
        except AssertionError as fault:
            raise AssertionError(f"{self.store.job(job_id)}\n{self.log()}") from fault

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def cleared(self) -> Rig:
        """The same with an empty catalogue and without an open session."""
        if self.store.open_session("B1"):
            self.call("session_complete")
        self.catalogue.faults.clear()
        self.catalogue.requests.clear()
        for stored in (self.catalogue.state.datasets, self.catalogue.state.blocks, self.catalogue.state.attachments):
            stored.clear()
        return self

    def new_folder(self) -> Path:
        """An empty folder outside the data root, from where files may be taken."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def close(self) -> None:
        for process in (self.worker, self.manager, self.recorder_process):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait(LIMIT_S)
        if self._store is not None:
            self._store.close()

    def _start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {"BEAMSESSION_CONFIG": str(self.config), "TANGO_HOST": "127.0.0.1:1"}
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def _manager_answers(self) -> bool:
        assert self.manager is not None
        assert self.manager.poll() is None, self.log()
        return _answers(lambda: self.call("session_list"))

    def set_catalogue(self, options: str = "") -> None:
        """Write the [catalogue] table, with these lines in it, at the end of the configuration."""
        self.config.write_text(self.config.read_text() + self._catalogue_toml() + options)

    def _toml(self, data_options: str, tables: str) -> str:
        return f"""
state_dir = "{self.state}"
[instrument]
name = "B1"
[data]
root = "{self.data_root}"
min_free_gib = 0
low_free_gib = 0
allowed_roots = ["{self.folder}"]
{data_options}
[tango]
recorder_url = "tango://127.0.0.1:{self._recorder_port}/test/session/recorder#dbase=no"
{tables}
"""

    def _catalogue_toml(self) -> str:
        return f"""
[catalogue]
url = "{self.catalogue.url}"
username = "ingestor"
password_file = "{self.folder / "password"}"
owner_group_without_proposal = "visitors"
ingestor_group = "ingestor"
contact_email = "beamline@your.site"
pid_prefix = "beamsim"
settle_s = 0.3
first_retry_s = 0.3
longest_retry_s = 1.0
"""


@dataclass(frozen=True)
class AtWork:
    """The options of a beamline whose servers all run: to start them takes longer than most tests.

    The tests of a module that name the same options share one, so they kill nothing, take no other session or file for
    theirs, and leave no ingest under way.
    """

    catalogue_options: str = ""
    data_options: str = ""
    tables: str = ""
    has_catalogue: bool = True
    has_recorder: bool = False

    @contextmanager
    def running(self, folder: Path) -> Iterator[Rig]:
        """Such a beamline for the length of a block."""
        with running_catalogue() as catalogue:
            rig = Rig(folder, catalogue, **asdict(self))
            try:
                rig.start_manager()
                if self.has_recorder:
                    rig.start_recorder()
                rig.start_worker()
                yield rig
            finally:
                rig.close()


def _answers(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except UnavailableError:
        return False
    return True


def _id(answer: Any) -> int:
    return int(answer["id"] if isinstance(answer, dict) else answer)
