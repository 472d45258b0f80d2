"""The picture of a recorder that its Tango device shows: every attribute's value, made from one report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from beamsession.faces.tango.text import to_json, to_tango
from beamsession.model.report import Problem, RecorderReport, RunReport
from beamsession.model.states import DeviceState, RunState

RUN_STATES = tuple(state.value for state in RunState)
_MEGABYTE = 1e6
_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class RecorderView:
    """Attributes by their Tango names in snake case; RunState as its index in RUN_STATES, `data_rate` in MB/s.

    `expected_frames` is 0 where no number is declared. A run's numbers stay until the next run.
    """

    state: DeviceState
    status: str
    run_state: int = 0
    run_file: str = ""
    received_frames: int = 0
    written_frames: int = 0
    missing_frames: int = 0
    expected_frames: int = 0
    data_rate: float = 0.0
    readings: int = 0
    report: str = "{}"
    process_ids: str = "{}"
    alarms: tuple[str, ...] = ()


def view_of(report: RecorderReport, last: RunReport | None) -> RecorderView:
    """The view of `report`; `last` is the run to show while none is live."""
    run = report.current or last
    run = run and _own_part(run)
    problems = [problem for problem in report.problems if problem.code != "STARTING"]
    alarms = [problem.text for problem in problems]
    state, status = _state(report, problems)
    shown = RecorderView(
        state=state,
        status=to_tango(" ".join([status, *alarms])),
        report=to_json(report),
        process_ids=to_json(report.pids),
        alarms=tuple(to_tango(alarm) for alarm in alarms),
    )
    return shown if run is None else _with_run(shown, run)


def fault_view(sentence: str) -> RecorderView:
    """The view of a device that has no recorder."""
    return RecorderView(state=DeviceState.FAULT, status=to_tango(sentence), alarms=(to_tango(sentence),))


def last_run(report: RecorderReport, last: RunReport | None) -> RunReport | None:
    """The run to show once none is live: the newest that ended, or the one seen before."""
    if report.finished:
        return max(report.finished, key=lambda run: run.stop or _LONG_AGO)
    return last if last is None or last.state.is_verdict else None


def _own_part(run: RunReport) -> RunReport:
    """Of a shared run's outcome, which its leading recorder tells, what that recorder has recorded itself."""
    if not run.parts:
        return run
    own = run.parts[0].detectors
    return run.model_copy(update={"accounts": tuple(item for item in run.accounts if item.detector in own)})


def _with_run(view: RecorderView, run: RunReport) -> RecorderView:
    return replace(
        view,
        run_state=RUN_STATES.index(run.state.value),
        run_file=to_tango(str(run.master or "")),
        received_frames=run.received,
        written_frames=run.written,
        missing_frames=run.missing,
        expected_frames=run.expected or 0,
        data_rate=run.rate / _MEGABYTE,
        readings=run.readings,
    )


def _state(report: RecorderReport, problems: list[Problem]) -> tuple[DeviceState, str]:
    if report.current is not None:
        run = report.current
        return DeviceState.RUNNING, f"Run {run.key} is {run.state.value.lower()}."
    if starting := [problem.sentence for problem in report.problems if problem.code == "STARTING"]:
        return DeviceState.INIT, " ".join(starting)
    if problems:
        return DeviceState.ALARM, "The next run would fail."
    return DeviceState.ON, "Ready to record."
