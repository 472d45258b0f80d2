"""The Tango device `RunRecorder`: a recorder's commands and its present state."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ValidationError
from tango import DevState, GreenMode
from tango.server import Device, attribute, command, device_property

from beamsession import __version__
from beamsession.faces.tango.read_guard import ReadGuard
from beamsession.faces.tango.recorder_view import RUN_STATES, RecorderView, fault_view, last_run, view_of
from beamsession.faces.tango.text import raise_tango, to_json
from beamsession.model.errors import BeamsessionError, InvalidInputError, UnavailableError
from beamsession.model.order import ConcludeOrder, StopOrder
from beamsession.model.plan import RunKey, RunPlan
from beamsession.model.ports import RecorderPort
from beamsession.model.report import RunReport
from beamsession.model.states import DeviceState
from beamsession.model.value import Value

_PERIOD_S = 0.1
_MAX_ALARMS = 64
_PLAN, _KEY = "a run plan (JSON)", "a run key (JSON: instrument, session_id, run_number)"
M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")
_log = logging.getLogger(__name__)

# Attributes that push change events, with their field of the view.
_PUSHED = {
    "RunState": "run_state",
    "RunFile": "run_file",
    "ReceivedFrames": "received_frames",
    "WrittenFrames": "written_frames",
    "MissingFrames": "missing_frames",
    "ExpectedFrames": "expected_frames",
    "DataRate": "data_rate",
    "Readings": "readings",
    "Report": "report",
    "ProcessIds": "process_ids",
    "Alarms": "alarms",
}


class PathArgument(Value):
    """Argument of Disk and Stat."""

    path: Path


def _shown(field: str, **facts: Any) -> Any:
    """An attribute that is read from the view."""

    def read(self: RunRecorder) -> Any:
        self.guard.reading(field)
        return getattr(self.view, field)

    return attribute(fget=read, read_green_mode=False, **facts)


class RunRecorder(Device):
    """Records runs: takes frames and readings of the configured detectors and writes their files.

    State: INIT while its processes start, ON ready, RUNNING with a run live, ALARM when the next run would fail,
    FAULT when it cannot work (Status says why; Init tries again). A server sets `open_recorder` before it runs; a
    recorder lives as long as the server, whatever happens to the device.
    """

    green_mode = GreenMode.Asyncio
    open_recorder: ClassVar[Callable[[str, str], RecorderPort]]
    _recorders: ClassVar[dict[str, RecorderPort]] = {}

    ConfigFile = device_property(
        dtype=str, default_value="", doc="the beamline's TOML file; empty: from the environment (BEAMSESSION_CONFIG)"
    )

    RunState = _shown("run_state", dtype="DevEnum", enum_labels=list(RUN_STATES), doc="the present run, else the last")
    RunFile = _shown("run_file", dtype=str, doc="the run's NeXus master")
    ReceivedFrames = _shown("received_frames", dtype="DevLong64", doc="over all detectors")
    WrittenFrames = _shown("written_frames", dtype="DevLong64", doc="flushed: a crash does not take them back")
    MissingFrames = _shown("missing_frames", dtype="DevLong64", doc="frames known to be lost")
    ExpectedFrames = _shown("expected_frames", dtype="DevLong64", doc="declared frames; 0 where none are declared")
    DataRate = _shown("data_rate", dtype="DevDouble", unit="MB/s", format="%.1f", min_value=0, doc="written to disk")
    Readings = _shown("readings", dtype="DevLong64", doc="readings written in the run")
    Report = _shown("report", dtype=str, doc="everything, as JSON")
    ProcessIds = _shown("process_ids", dtype=str, doc="JSON: role to process id")
    Alarms = _shown("alarms", dtype=(str,), max_dim_x=_MAX_ALARMS, doc="every problem, as sentences")

    @attribute(dtype=str, doc="of beamsession")
    async def Version(self) -> str:
        return __version__

    async def init_device(self) -> None:
        await super().init_device()  # type: ignore[misc]
        self._last: RunReport | None = None
        self._fault = ""
        self.guard = ReadGuard()
        self._looking = threading.Lock()
        self.view = RecorderView(state=DeviceState.INIT, status="Starting.")
        for name in ("State", "Status", *_PUSHED):
            self.set_change_event(name, True, False)
        await asyncio.to_thread(self._open)
        self._look()
        self._ended = threading.Event()
        threading.Thread(target=self._publish, args=(self._ended,), name="publisher", daemon=True).start()

    async def delete_device(self) -> None:
        self._ended.set()

    async def dev_state(self) -> DevState:
        # Overridden, or Tango would turn ON into ALARM by attribute limits when State is read, and only then.
        return getattr(DevState, self.view.state.value)

    async def dev_status(self) -> str:
        return self.view.status

    @command(dtype_in=str, doc_in=_PLAN, dtype_out=str, doc_out="problems (JSON list); empty if it can be recorded")
    async def Check(self, text: str) -> str:
        return await self._answer(lambda recorder: to_json(recorder.check(_parsed(RunPlan, text))))

    @command(dtype_in=str, doc_in=_PLAN)
    async def Prepare(self, text: str) -> None:
        await self._answer(lambda recorder: recorder.prepare(_parsed(RunPlan, text)))

    @command(dtype_in=str, doc_in=_KEY)
    async def Arm(self, text: str) -> None:
        await self._answer(lambda recorder: recorder.arm(_parsed(RunKey, text)))

    @command(dtype_in=str, doc_in=_KEY)
    async def Pause(self, text: str) -> None:
        await self._answer(lambda recorder: recorder.pause(_parsed(RunKey, text)))

    @command(dtype_in=str, doc_in=_KEY)
    async def Resume(self, text: str) -> None:
        await self._answer(lambda recorder: recorder.resume(_parsed(RunKey, text)))

    @command(dtype_in=str, doc_in=f"{_KEY}, or with reason: then the verdict is ABORTED")
    async def Stop(self, text: str) -> None:
        def stop(recorder: RecorderPort) -> None:
            order = _parsed(StopOrder, text)
            recorder.stop(order.key, order.reason)

        await self._answer(stop)

    @command(dtype_in=str, doc_in=_KEY)
    async def Abort(self, text: str) -> None:
        await self._answer(lambda recorder: recorder.abort(_parsed(RunKey, text)))

    @command(dtype_in=str, doc_in="a run key with others: the reports of the other recorders' parts (JSON)")
    async def Conclude(self, text: str) -> None:
        def conclude(recorder: RecorderPort) -> None:
            order = _parsed(ConcludeOrder, text)
            recorder.conclude(order.key, order.others)

        await self._answer(conclude)

    @command(dtype_in=str, doc_in=_KEY)
    async def Forget(self, text: str) -> None:
        def forget(recorder: RecorderPort) -> None:
            self._look()  # The verdict stays on show until the next run, also where nobody had looked since.
            recorder.forget(_parsed(RunKey, text))

        await self._answer(forget)

    @command(dtype_out=str, doc_out="what it is doing and what has ended (JSON)")
    async def GetReport(self) -> str:
        return await self._answer(lambda recorder: to_json(recorder.report()))

    @command(dtype_in=str, doc_in='JSON {"path"}', dtype_out=str, doc_out="free space and writability (JSON)")
    async def Disk(self, text: str) -> str:
        return await self._answer(lambda recorder: to_json(recorder.disk(_parsed(PathArgument, text).path)))

    @command(dtype_in=str, doc_in='JSON {"path"}', dtype_out=str, doc_out="facts about the path (JSON)")
    async def Stat(self, text: str) -> str:
        return await self._answer(lambda recorder: to_json(recorder.stat(_parsed(PathArgument, text).path)))

    async def _answer(self, work: Callable[[RecorderPort], R]) -> R:
        """The result of `work` on the recorder, done beside the device's loop; errors as DevFailed."""
        try:
            return await asyncio.to_thread(lambda: work(self._recorder()))
        except BeamsessionError as error:
            raise_tango(error)

    def _recorder(self) -> RecorderPort:
        recorder = self._recorders.get(self.get_name())
        if recorder is None:
            raise UnavailableError(self._fault, code="RECORDER_FAULT", remedy="Correct the cause, then call Init.")
        return recorder

    def _open(self) -> None:
        name = self.get_name()
        if name in self._recorders:
            return
        try:
            self._recorders[name] = type(self).open_recorder(name, str(self.ConfigFile))
        except Exception as fault:
            _log.exception("%s cannot work", name)
            self._fault = fault.text if isinstance(fault, BeamsessionError) else f"{type(fault).__name__}: {fault}"

    def _look(self) -> None:
        recorder = self._recorders.get(self.get_name())
        if recorder is None:
            self.view = fault_view(self._fault)
            return
        with self._looking:
            report = recorder.report()
            self._last = report.current or last_run(report, self._last)
            self.view = view_of(report, self._last)

    def _publish(self, ended: threading.Event) -> None:
        """The one place that pushes: what has changed since the last look."""
        shown: RecorderView | None = None
        while not ended.wait(_PERIOD_S):
            try:
                self._look()
                shown = self._push(shown, self.view)
            except Exception:
                _log.exception("the state of %s could not be published", self.get_name())

    def _push(self, before: RecorderView | None, now: RecorderView) -> RecorderView:
        if before is None or before.state is not now.state:
            self.set_state(getattr(DevState, now.state.value))
            self.push_change_event("State")
        if before is None or before.status != now.status:
            self.set_status(now.status)
            self.push_change_event("Status")
        for name, field in _PUSHED.items():
            value = getattr(now, field)
            if before is None or getattr(before, field) != value:
                with self.guard.pushing(field):
                    self.push_change_event(name, value)
        return now


def _parsed(kind: type[M], text: str) -> M:
    try:
        return kind.model_validate_json(text)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the argument"
        raise InvalidInputError(
            f"{where}: {first['msg']}.", value=text[:200], remedy=f"Send a {kind.__name__} as JSON."
        ) from fault
