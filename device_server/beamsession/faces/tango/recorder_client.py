"""A recorder behind Tango."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import tango
from pydantic import TypeAdapter

from beamsession.faces.tango.text import from_tango, to_json, transport_error
from beamsession.model.abridged import abridged
from beamsession.model.order import ConcludeOrder, StopOrder
from beamsession.model.plan import RunKey, RunPlan
from beamsession.model.report import DiskFacts, FileFacts, Problem, RecorderReport, RunReport

_TIMEOUT_MS = 3000
_PROBLEMS = TypeAdapter(tuple[Problem, ...])


class TangoRecorder:
    """Implements `beamsession.model.ports.RecorderPort` over a RunRecorder device.

    `device` is a name (`a/b/c`) or a full one (`tango://host:port/a/b/c#dbase=no`). The recorder need not live when
    this is made, and is found again after it was away. May be used from several threads. What the recorder refuses
    is raised as it raised it; what keeps the call from it is UnavailableError (RECORDER_UNREACHABLE).
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self._lock = threading.Lock()
        self._proxy: tango.DeviceProxy | None = None

    def check(self, plan: RunPlan) -> tuple[Problem, ...]:
        """Every reason why this run would fail."""
        return _PROBLEMS.validate_json(self._call("Check", abridged(plan)))

    def prepare(self, plan: RunPlan) -> None:
        """Begin this run."""
        self._call("Prepare", abridged(plan))

    def arm(self, key: RunKey) -> None:
        """Record a shared run."""
        self._call("Arm", key)

    def pause(self, key: RunKey) -> None:
        """Let frames pass unrecorded."""
        self._call("Pause", key)

    def resume(self, key: RunKey) -> None:
        """Record again."""
        self._call("Resume", key)

    def stop(self, key: RunKey, reason: str = "") -> None:
        """Write what was received, close, give the verdict."""
        self._call("Stop", StopOrder(**dict(key), reason=reason) if reason else key)

    def abort(self, key: RunKey) -> None:
        """Drop what is not yet written."""
        self._call("Abort", key)

    def conclude(self, key: RunKey, others: tuple[RunReport, ...]) -> None:
        """What became of the other parts of a shared run."""
        self._call("Conclude", ConcludeOrder(**dict(key), others=others))

    def forget(self, key: RunKey) -> None:
        """The outcome is safe elsewhere."""
        self._call("Forget", key)

    def report(self) -> RecorderReport:
        """What it is doing and what has ended."""
        return RecorderReport.model_validate_json(self._ask("GetReport"))

    def disk(self, path: Path) -> DiskFacts:
        """The disk that holds `path`, on the recorder's host."""
        return DiskFacts.model_validate_json(self._call("Disk", {"path": path}))

    def stat(self, path: Path) -> FileFacts:
        """Facts about `path` on the recorder's host."""
        return FileFacts.model_validate_json(self._call("Stat", {"path": path}))

    def _call(self, command: str, argument: Any) -> str:
        return self._ask(command, to_json(argument))

    def _ask(self, command: str, *arguments: str) -> str:
        # Threads that Tango did not start have to be made known to it.
        with tango.EnsureOmniThread():
            try:
                return self._connected().command_inout(command, *arguments)
            except tango.DevFailed as failure:
                if error := from_tango(failure):
                    raise error from None
                with self._lock:
                    self._proxy = None
                raise transport_error(
                    failure,
                    who=f"The recorder {self.device}",
                    code="RECORDER_UNREACHABLE",
                    remedy="See whether its server runs.",
                ) from failure

    def _connected(self) -> tango.DeviceProxy:
        with self._lock:
            if self._proxy is None:
                self._proxy = tango.DeviceProxy(self.device)
                self._proxy.set_timeout_millis(_TIMEOUT_MS)
            return self._proxy
