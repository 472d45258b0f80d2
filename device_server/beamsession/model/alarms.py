"""What is wrong at this moment, how bad it is, and what the device's State makes of it: pure functions of the facts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from beamsession.model.completeness import loss_so_far
from beamsession.model.instrument import Instrument
from beamsession.model.job import Job
from beamsession.model.names import shortened
from beamsession.model.parts import team_of
from beamsession.model.report import DiskFacts, Problem, RunReport
from beamsession.model.run import Run
from beamsession.model.sentences import ended
from beamsession.model.session import Ingest
from beamsession.model.states import DeviceState, RunState

_GIB = 1024**3
_LONGEST_REASON = 300


class Severity(IntEnum):
    """EPICS' alarm severities."""

    NO_ALARM = 0
    MINOR = 1
    MAJOR = 2
    INVALID = 3


_WARNINGS = {"PV_GONE": Severity.MAJOR, "NO_FRAMES": Severity.MINOR}


@dataclass(frozen=True)
class Alarm:
    """One problem in a sentence; `blocks` tells that a person is needed before the next run."""

    code: str
    severity: Severity
    sentence: str
    blocks: bool = True


@dataclass(frozen=True)
class Facts:
    """What alarms are judged from.

    `run` is the newest, `session_id` the open session's. `recorder_fault` tells why no recorder can be asked,
    `recorder_problems` are what the recorders say of themselves and their detectors. `parked_first` is the oldest of
    the parked ingests, `ingest_oldest` of those on their way, since `ingest_age_s` seconds.
    """

    run: Run | None
    report: RunReport | None
    disk: DiskFacts | None
    session_id: int | None = None
    recorder_fault: str = ""
    recorder_problems: tuple[Problem, ...] = ()
    ingest_parked: int = 0
    parked_first: Ingest | None = None
    ingest_oldest: Ingest | None = None
    ingest_age_s: int = 0
    failed_hooks: tuple[Job, ...] = ()


def alarms(instrument: Instrument, facts: Facts) -> tuple[Alarm, ...]:
    """All problems, the worst first."""
    found = [
        *_recorder_alarms(instrument, facts),
        *_disk_alarms(instrument, facts.disk),
        *_space_alarms(instrument, facts),
        *_run_alarms(facts),
        *_detector_alarms(instrument, facts),
        *_ingest_alarms(facts),
        *_ingest_age_alarms(instrument, facts),
        *_hook_alarms(facts),
    ]
    return tuple(sorted(found, key=lambda alarm: -alarm.severity))


def device_state(
    facts: Facts, found: tuple[Alarm, ...], *, session_open: bool, fault: str, starting: bool
) -> DeviceState:
    """FAULT > INIT > RUNNING > ALARM > ON > STANDBY."""
    if fault:
        return DeviceState.FAULT
    if starting:
        return DeviceState.INIT
    if facts.run and facts.run.state in (RunState.RECORDING, RunState.DRAINING, RunState.PREPARING, RunState.PAUSED):
        return DeviceState.RUNNING
    if any(alarm.blocks for alarm in found):
        return DeviceState.ALARM
    return DeviceState.ON if session_open else DeviceState.STANDBY


def minutes_left(disk: DiskFacts | None, rate: float) -> float | None:
    """Minutes until the disk is full at `rate` bytes per second; None where nothing is written."""
    if disk is None or rate <= 0:
        return None
    return disk.free / rate / 60


def _recorder_alarms(instrument: Instrument, facts: Facts) -> list[Alarm]:
    unreachable = [Alarm("RECORDER_UNREACHABLE", Severity.MAJOR, facts.recorder_fault)] if facts.recorder_fault else []
    return [*unreachable, *(_recorder_alarm(instrument, facts, problem) for problem in facts.recorder_problems)]


def _recorder_alarm(instrument: Instrument, facts: Facts, problem: Problem) -> Alarm:
    if not problem.blocks:
        return Alarm(problem.code, Severity.MINOR, problem.text, blocks=False)
    run = _present_run(facts)
    if run is None or _takes_part(instrument, run, problem):
        return Alarm(problem.code, Severity.MAJOR, problem.text)
    return Alarm(problem.code, Severity.MINOR, f"Not in run {run.number}: {problem.text}", blocks=False)


def _present_run(facts: Facts) -> Run | None:
    """The run that a person has in mind: the live one, or the last one of the open session."""
    run = facts.run
    return run if run is not None and (run.state.is_live or run.session_id == facts.session_id) else None


def _takes_part(instrument: Instrument, run: Run, problem: Problem) -> bool:
    """Whether the problem is about a detector or a recorder of the run, or about none in particular."""
    if problem.detector:
        return problem.detector in run.detectors
    detectors = [item for item in instrument.detectors if item.name in run.detectors]
    has_scalars = bool(instrument.readings or instrument.constants)
    return not problem.recorder or problem.recorder in team_of(detectors, instrument.recorders, has_scalars=has_scalars)


def _disk_alarms(instrument: Instrument, disk: DiskFacts | None) -> list[Alarm]:
    if disk is None:
        return []
    if disk.problem or not disk.writable:
        reason = disk.problem or "it cannot be written"
        return [Alarm("DISK_PROBLEM", Severity.MAJOR, f"The data root {disk.path} has a problem: {ended(reason)}")]
    room = f"{disk.free / _GIB:.1f} GiB" if disk.free >= _GIB / 10 else f"{disk.free >> 20} MiB"
    free = f"{room} free on the data disk {disk.path}"
    if disk.free < instrument.min_free_bytes:
        return [Alarm("DISK_FULL", Severity.MAJOR, f"Only {free}: no run can start. Free some space.")]
    if disk.free < instrument.low_free_bytes:
        return [Alarm("DISK_LOW", Severity.MINOR, f"Only {free}.", blocks=False)]
    return []


def _space_alarms(instrument: Instrument, facts: Facts) -> list[Alarm]:
    """How soon the disk will be full while something is written."""
    minutes = minutes_left(facts.disk, facts.report.rate if facts.report else 0.0)
    if minutes is None or facts.disk is None or minutes >= max(instrument.low_minutes, instrument.min_minutes):
        return []
    sentence = f"The data disk {facts.disk.path} is full in {minutes:.0f} min at {_rate(facts)}. Free some space."
    severity = Severity.MAJOR if minutes < instrument.min_minutes else Severity.MINOR
    return [Alarm("DISK_SOON_FULL", severity, sentence, blocks=False)]


def _detector_alarms(instrument: Instrument, facts: Facts) -> list[Alarm]:
    """What is wrong with the detectors of a live run and does not end it."""
    run, report = facts.run, facts.report
    if run is None or report is None or not run.state.is_live or run.state is RunState.LOST:
        return []
    found = [
        Alarm(warning.code, _WARNINGS.get(warning.code, Severity.MINOR), warning.text, blocks=False)
        for warning in report.warnings
    ]
    return [*found, *_clock_alarms(instrument, report)]


def _clock_alarms(instrument: Instrument, report: RunReport) -> list[Alarm]:
    return [
        Alarm(
            "CLOCK_SKEW",
            Severity.MINOR,
            f"The clock of {item.detector} is {item.clock_offset.words}: frames and readings are matched by time. "
            "Synchronise both hosts.",
            blocks=False,
        )
        for item in report.accounts
        if item.clock_offset is not None and item.clock_offset.exceeds(instrument.max_clock_skew_s)
    ]


def _rate(facts: Facts) -> str:
    return f"{facts.report.rate / 1e6:.3g} MB/s" if facts.report else ""


def _run_alarms(facts: Facts) -> list[Alarm]:
    run, report = facts.run, facts.report
    if run is None:
        return []
    if run.state is RunState.LOST:
        return [
            Alarm(
                "RUN_LOST",
                Severity.MAJOR,
                f"Run {run.number} of session {run.session_id} is lost: its recorder does not answer.",
            )
        ]
    if run.state in (RunState.RECORDING, RunState.PAUSED) and report is not None and report.reason:
        return [Alarm("RUN_TROUBLE", Severity.MAJOR, f"Run {run.number} has a problem: {report.reason}")]
    if run.state in (RunState.RECORDING, RunState.PAUSED) and report is not None:
        losing = [account for account in report.accounts if account.lost_so_far]
        return [Alarm("FRAMES_MISSING", Severity.MAJOR, f"Run {run.number}: {loss_so_far(item)}.") for item in losing]
    if run.state in (RunState.INCOMPLETE, RunState.FAILED, RunState.ABORTED) and not run.acknowledged:
        reason = f": {run.reason}" if run.reason else ""
        told = ended(f"Run {run.number} of session {run.session_id} is {run.state.value}{reason}")
        sentence = f"{told} Acknowledge it with AcknowledgeAlarm."
        return [Alarm(f"RUN_{run.state.value}", Severity.MAJOR, sentence)]
    return []


def _ingest_alarms(facts: Facts) -> list[Alarm]:
    if not facts.ingest_parked:
        return []
    return [Alarm("INGEST_PARKED", Severity.MINOR, _parked_sentence(facts), blocks=False)]


def _parked_sentence(facts: Facts) -> str:
    count, first = facts.ingest_parked, facts.parked_first
    if first is None:
        return f"{count} completed sessions wait for a person before they can go to the catalogue."
    why = ended(shortened(first.detail, _LONGEST_REASON) or "nobody said why")
    others = f" {count - 1} more wait too: list them with ListIngests." if count > 1 else ""
    return f"Session {first.session_id} waits for a person before it can go to the catalogue: {why}{others}"


def _ingest_age_alarms(instrument: Instrument, facts: Facts) -> list[Alarm]:
    """How long the oldest is on its way, whatever the reason; a single failure is no alarm."""
    oldest, hours = facts.ingest_oldest, facts.ingest_age_s / 3600
    if oldest is None or hours < instrument.ingest_alarm_age_h:
        return []
    why = ended(shortened(oldest.detail, _LONGEST_REASON) or f"it is at the step '{oldest.step}'")
    age = f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"
    sentence = f"Session {oldest.session_id} is on its way to the catalogue for {age}: {why}"
    return [Alarm("INGEST_OLD", Severity.MINOR, sentence, blocks=False)]


def _hook_alarms(facts: Facts) -> list[Alarm]:
    if not facts.failed_hooks:
        return []
    job = facts.failed_hooks[0]
    others = f" ({len(facts.failed_hooks) - 1} more failed.)" if len(facts.failed_hooks) > 1 else ""
    sentence = f"{job.detail} (job {job.id}){others} Acknowledge it with AcknowledgeAlarm."
    return [Alarm("HOOK_FAILED", Severity.MINOR, sentence, blocks=False)]
