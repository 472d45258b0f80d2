"""The story: start a session, record three runs, complete it, see it in the catalogue; one run with nothing but PVs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from beamsim.demo.server import DemoFailedError
from beamsim.demo.session_pvs import SessionPvs

if TYPE_CHECKING:
    import tango

_LONG_S = 60.0
_CONNECT_S = 30.0
_POLL_S = 0.05
_FRAMES = 60
_OPEN_END = 40
_VERDICTS = ("COMPLETED", "INCOMPLETE", "ABORTED", "FAILED")


@dataclass(frozen=True)
class Outcome:
    """What the story left behind."""

    session: int
    folder: str
    pid: str
    seconds: float


class Story:
    """Tells the story to one SessionManager device; DemoFailedError where it takes a wrong turn.

    `prefix` is that of the beamline's PVs, `session_prefix` that of the session manager's.
    """

    def __init__(self, manager: tango.DeviceProxy, prefix: str, session_prefix: str, console: Console) -> None:
        self._manager = manager
        self._prefix = prefix
        self._pvs = SessionPvs(session_prefix, _LONG_S)
        self._console = console
        self._progress = Progress(
            TextColumn("  {task.description:<34}"),
            BarColumn(bar_width=32),
            TextColumn("{task.completed:>4.0f}/{task.total:.0f} frames  {task.fields[state]:<10}"),
            TimeElapsedColumn(),
            console=console,
        )

    def tell(self) -> Outcome:
        """From Start to the dataset's pid."""
        began = time.monotonic()
        session = self._start()
        folder = str(self._read("Root"))
        with self._progress:
            self._dark_run()
            self._scan()
            self._open_end()
        self._manager.command_inout("Comment", "The peak is where it should be.")
        self._manager.command_inout("Complete")
        self._say(f"Complete: session {session} goes to the catalogue …")
        pid = self._await_pid(session)
        self._say(f"ARCHIVED as [bold]{pid}[/bold]")
        return Outcome(session, folder, pid, time.monotonic() - began)

    def _start(self) -> int:
        facts = {
            "name": "first_light",
            "title": "First light on the simulated beamline",
            "proposal": "p12345",
            "metadata": {"sample": "CeO2", "operator": "demo", "temperature_setpoint": {"value": 295.0, "unit": "K"}},
        }
        session = int(self._manager.command_inout("Start", json.dumps(facts)))
        self._say(
            f"Start: session [bold]{session}[/bold] is {self._read('SessionState')}, its folder {self._read('Root')}"
        )
        return session

    def _dark_run(self) -> None:
        self._record({"frames": _FRAMES, "title": "two detectors"}, _FRAMES * 2, lambda: None)

    def _scan(self) -> None:
        """A fly scan over Channel Access alone: start the run, move the motor through the beam, stop the run."""
        import epics  # after the environment is set

        motor = epics.PV(f"{self._prefix}M1")
        velocity = epics.PV(f"{self._prefix}M1:VELO")
        if not motor.wait_for_connection(_CONNECT_S) or not velocity.wait_for_connection(_CONNECT_S):
            raise DemoFailedError("The motor M1 does not answer.")
        velocity.put(5.0, wait=True)
        motor.put(0.0, wait=True, timeout=_LONG_S)
        velocity.put(1.6, wait=True)
        title = "scan of m1 through the beam"
        self._pvs.put("RunTitle", title)
        self._pvs.command("StartRun")
        number = int(self._pvs.get("RunNumber"))
        task = self._progress.add_task(f"Run {number}: {title}", total=_FRAMES * 2, state="")
        motor.put(5.0, use_complete=True)
        until = time.monotonic() + _LONG_S
        while not motor.put_complete:
            written = int(self._pvs.get("WrittenFrames"))
            self._progress.update(task, completed=written, total=max(_FRAMES * 2, written), state="RECORDING")
            if time.monotonic() > until:
                raise DemoFailedError("The motor M1 does not arrive.")
            time.sleep(_POLL_S)
        self._pvs.command("StopRun")  # its callback is the verdict
        state, written = str(self._pvs.get("RunState")), int(self._pvs.get("WrittenFrames"))
        self._progress.update(task, completed=written, total=written, state=state)
        if state != "COMPLETED":
            raise DemoFailedError(f"Run {number} is {state}: {self._read('Status')}")
        p = self._pvs.prefix
        self._say(f"Run {number} by caput -c: {p}StartRun 1, {p}StopRun 1; RunState {state}, WrittenFrames {written}")

    def _open_end(self) -> None:
        """No declared number: pause, go on, and stop by hand."""
        self._record(
            {"title": "open end, with a pause", "detectors": ["camera"]}, _OPEN_END, self._pause_and_resume, stop=True
        )

    def _pause_and_resume(self) -> None:
        self._await(lambda: int(self._read("WrittenFrames")) >= _OPEN_END // 2, "no frames come in the open run")
        self._manager.command_inout("Pause")
        time.sleep(0.5)
        self._manager.command_inout("Resume")

    def _record(self, plan: dict[str, Any], total: int, meanwhile: Callable[[], None], *, stop: bool = False) -> None:
        number = int(self._manager.command_inout("StartRun", json.dumps(plan)))
        task = self._progress.add_task(f"Run {number}: {plan['title']}", total=total, state="")
        self._await(lambda: self._read("RunState") != "PREPARING", "the run is not prepared")
        meanwhile()
        until = time.monotonic() + _LONG_S
        while (state := self._read("RunState")) not in _VERDICTS:
            written = int(self._read("WrittenFrames"))
            self._progress.update(task, completed=written, state=state)
            if stop and written >= total and state == "RECORDING":
                self._manager.command_inout("StopRun")
            if time.monotonic() > until:
                raise DemoFailedError(f"Run {number} does not end: {self._read('Status')}")
            time.sleep(_POLL_S)
        written = int(self._read("WrittenFrames"))
        self._progress.update(task, completed=written, total=max(total, written), state=state)
        if state != "COMPLETED":
            raise DemoFailedError(f"Run {number} is {state}: {self._read('Status')}")

    def _await_pid(self, session: int) -> str:
        def archived() -> bool:
            return int(self._read("LastCompletedId")) == session and bool(self._read("DatasetPid"))

        self._await(archived, "the session does not arrive in the catalogue")
        return str(self._read("DatasetPid"))

    def _read(self, name: str) -> Any:
        attribute: Any = self._manager.read_attribute(name)
        if name in ("RunState", "SessionState"):
            configuration: Any = self._manager.get_attribute_config(name)
            return configuration.enum_labels[attribute.value]
        return attribute.value

    def _await(self, reached: Callable[[], bool], failure: str) -> None:
        until = time.monotonic() + _LONG_S
        while not reached():
            if time.monotonic() > until:
                raise DemoFailedError(f"After {_LONG_S:.0f} s {failure}: {self._manager.status()}")
            time.sleep(_POLL_S)

    def _say(self, text: str) -> None:
        self._console.print(f"• {text}", highlight=False)
