"""The worker's beamline, with a recorder that looks at files, and a metadata definition."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beamsession.sessions import session_get_root
from beamsim.scicat import Catalogue
from manager_server import RECORDER, Server, recorder
from worker_rig import Rig, free_port

OPTIONS = """
when = "on_command"
[catalogue.blocks]
files = 100
[[metadata.keys]]
name = "sample"
type = "String"
[[metadata.keys]]
name = "energy"
type = "Double"
default = 12.4
[[metadata.keys]]
name = "exposures"
type = "List"
default = [1, 2]
[[metadata.keys]]
name = "beam_on"
type = "Boolean"
default = true
[[metadata.keys]]
name = "counts"
type = "Integer"
"""
NOWHERE = "tango://127.0.0.1:1/"


class ScriptingRig(Rig):
    """Adds a recorder process to the manager and the worker."""

    def __init__(self, folder: Path, catalogue: Catalogue, options: str = OPTIONS) -> None:
        super().__init__(folder, catalogue, options)
        port = free_port()
        self.config.write_text(self.config.read_text().replace(NOWHERE, f"tango://127.0.0.1:{port}/"))
        self.recorder: Server = recorder(self.config, port)

    def hold_worker(self) -> None:
        """Let the worker do nothing until it is released."""
        self._signal_worker(signal.SIGSTOP)

    def release_worker(self) -> None:
        self._signal_worker(signal.SIGCONT)

    def file(self, name: str, content: bytes = b"data") -> Path:
        """A new file in the open session's folder."""
        path = Path(session_get_root()) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def run(self, name: str, content: bytes = b"data", **more: Any) -> int:
        """A file of the open session's folder, registered as a run of it; the run's number."""
        return self.call("run_register", path=str(self.file(name, content)), **more)

    def _signal_worker(self, number: signal.Signals) -> None:
        assert self.worker is not None
        self.worker.send_signal(number)


@contextmanager
def running_rig(folder: Path, catalogue: Catalogue, options: str = OPTIONS) -> Iterator[ScriptingRig]:
    """All its processes for the length of a block."""
    rig = ScriptingRig(folder, catalogue, options)
    try:
        rig.recorder.start()
        rig.start_manager()
        rig.recorder.proxy(RECORDER)
        rig.start_worker()
        yield rig
    finally:
        rig.close()
        rig.recorder.stop()
