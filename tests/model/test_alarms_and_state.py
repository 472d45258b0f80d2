"""What is wrong at a moment, and which State the device shows for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beamsession.model.alarms import Alarm, Facts, Severity, alarms, device_state, minutes_left
from beamsession.model.clock import utc_now
from beamsession.model.completeness import ClockOffset, Completeness
from beamsession.model.detector import PvaDetector
from beamsession.model.instrument import Instrument
from beamsession.model.plan import InstrumentFacts, RunKey
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import DiskFacts, Problem, RunReport
from beamsession.model.run import Run, RunOrigin
from beamsession.model.sentences import joined, size
from beamsession.model.states import DeviceState, RunIntent, RunState

GIB = 2**30
INSTRUMENT = Instrument(
    facts=InstrumentFacts(name="b"), data_root=Path("/data"), min_free_bytes=GIB, low_free_bytes=10 * GIB
)
BLOCKING = (Alarm("X", Severity.MAJOR, "Something."),)
HARMLESS = (Alarm("X", Severity.MINOR, "Something.", blocks=False),)
UNHAPPY = (RunState.INCOMPLETE, RunState.FAILED, RunState.ABORTED)


def facts(state: RunState | None = None, *, missing: int = 0, acknowledged: bool = False, **changes: Any) -> Facts:
    if state is None:
        return Facts(None, None, None, **changes)
    run = Run(1, 7, 2, state, RunIntent.RECORD, RunOrigin.RECORDED, utc_now(), acknowledged=acknowledged)
    account = Completeness(detector="camera", lost=missing, missing=missing)
    return Facts(run, report_of(state, account), None, **changes)


def report_of(state: RunState, *accounts: Completeness, **more: Any) -> RunReport:
    return RunReport(key=RunKey(instrument="b", session_id=7, run_number=2), state=state, accounts=accounts, **more)


def while_recording(*accounts: Completeness, **more: Any) -> Facts:
    return replace(facts(RunState.RECORDING), report=report_of(RunState.RECORDING, *accounts, **more))


def disk(free: int, **changes: Any) -> Facts:
    return Facts(None, None, DiskFacts(path=Path("/data"), free=free, total=100 * GIB, **changes))


def codes(of: Facts) -> list[str]:
    return [alarm.code for alarm in alarms(INSTRUMENT, of)]


def shown(
    of: Facts, found: tuple[Alarm, ...] = (), *, is_open: bool = True, fault: str = "", starting: bool = False
) -> DeviceState:
    return device_state(of, found, session_open=is_open, fault=fault, starting=starting)


def test_each_state_hides_the_milder_ones() -> None:
    recording = facts(RunState.RECORDING)
    assert shown(recording, BLOCKING, fault="broken", starting=True) is DeviceState.FAULT
    assert shown(recording, BLOCKING, starting=True) is DeviceState.INIT
    assert shown(recording, BLOCKING) is DeviceState.RUNNING
    assert shown(facts(), BLOCKING) is DeviceState.ALARM
    assert shown(facts()) is DeviceState.ON
    assert shown(facts(), is_open=False) is DeviceState.STANDBY


@pytest.mark.parametrize("state", RunState)
def test_running_is_shown_exactly_while_a_recorder_is_at_work(state: RunState) -> None:
    at_work = state.is_live and state is not RunState.LOST
    assert (shown(facts(state), BLOCKING) is DeviceState.RUNNING) == at_work


def test_an_alarm_that_needs_nobody_before_the_next_run_does_not_change_the_state() -> None:
    assert shown(facts(), HARMLESS) is DeviceState.ON


@pytest.mark.parametrize("state", RunState)
def test_an_unhappy_end_is_an_alarm_until_acknowledged(state: RunState) -> None:
    assert codes(facts(state)) == (
        [f"RUN_{state.value}"] if state in UNHAPPY else ["RUN_LOST"] if state is RunState.LOST else []
    )
    assert codes(facts(state, acknowledged=True)) == (["RUN_LOST"] if state is RunState.LOST else [])


def test_missing_frames_are_an_alarm_while_the_run_is_recorded() -> None:
    assert codes(facts(RunState.RECORDING, missing=3)) == ["FRAMES_MISSING"]
    assert codes(facts(RunState.PAUSED, missing=3)) == ["FRAMES_MISSING"]
    assert codes(facts(RunState.COMPLETED, missing=3)) == []


def test_missing_frames_are_told_with_their_causes() -> None:
    lossy = Completeness(detector="camera", lost=5, dropped_by_detector=2, overruns=4)
    (alarm,) = alarms(INSTRUMENT, while_recording(lossy, Completeness(detector="whole")))
    assert alarm.sentence == (
        "Run 2: 9 frames of camera are missing so far (4 found the memory full: the disk is slower than the detector; "
        "2 were dropped by the detector; 3 were lost on the way)."
    )


def test_frames_that_are_only_declared_are_not_missing_yet() -> None:
    waiting = Completeness(detector="camera", expected=20, missing=20)
    for state in (RunState.PREPARING, RunState.RECORDING):
        assert codes(replace(facts(state), report=report_of(state, waiting))) == []


def test_warnings_of_a_live_run_are_alarms_that_block_nothing() -> None:
    gone = Problem(code="PV_GONE", sentence="camera: P:Image is disconnected.", remedy="See whether its IOC runs.")
    silent = Problem(code="NO_FRAMES", sentence="camera: no frame for 12 s.")
    found = alarms(INSTRUMENT, while_recording(warnings=(silent, gone)))
    assert [(alarm.code, alarm.severity, alarm.blocks) for alarm in found] == [
        ("PV_GONE", Severity.MAJOR, False),
        ("NO_FRAMES", Severity.MINOR, False),
    ]
    assert found[0].sentence == "camera: P:Image is disconnected. See whether its IOC runs."
    assert found[1].sentence == "camera: no frame for 12 s."
    ended = replace(facts(RunState.COMPLETED), report=report_of(RunState.COMPLETED, warnings=(gone,)))
    assert codes(ended) == []


@pytest.mark.parametrize(("offset", "words"), [(3.2, "3.2 s behind the"), (-60.0, "60.0 s ahead of the"), (0.9, "")])
def test_clocks_that_are_apart_are_told_while_a_run_is_recorded(offset: float, words: str) -> None:
    clock = ClockOffset(minimum=offset, median=offset, frames=10)
    found = alarms(INSTRUMENT, while_recording(Completeness(detector="camera", clock_offset=clock)))
    assert [alarm.severity for alarm in found] == ([Severity.MINOR] if words else [])
    assert all(words in alarm.sentence for alarm in found)


@pytest.mark.parametrize(
    ("minutes", "severities"), [(31, []), (29, [Severity.MINOR]), (4, [Severity.MAJOR]), (0, [Severity.MAJOR])]
)
def test_a_disk_that_will_soon_be_full_is_told(minutes: int, severities: list[Severity]) -> None:
    rate = 1000 * GIB / 60
    room = DiskFacts(path=Path("/data"), free=minutes * 1000 * GIB + 10 * GIB, total=10**18)
    found = alarms(INSTRUMENT, replace(while_recording(rate=rate), disk=room))
    assert [alarm.severity for alarm in found] == severities
    assert all("full in" in alarm.sentence and "/data" in alarm.sentence for alarm in found)


@pytest.mark.parametrize(
    ("of", "code", "blocks"),
    [
        (disk(GIB - 1), "DISK_FULL", True),
        (disk(GIB), "DISK_LOW", False),
        (disk(10 * GIB - 1), "DISK_LOW", False),
        (disk(50 * GIB, writable=False), "DISK_PROBLEM", True),
        (disk(0, problem="it does not answer"), "DISK_PROBLEM", True),
    ],
)
def test_the_disk_is_watched(of: Facts, code: str, blocks: bool) -> None:
    (alarm,) = alarms(INSTRUMENT, of)
    assert (alarm.code, alarm.blocks) == (code, blocks)
    assert "/data" in alarm.sentence
    assert codes(disk(10 * GIB)) == []


def test_the_worst_problem_comes_first_and_a_parked_ingest_never_blocks() -> None:
    of = replace(disk(5 * GIB), recorder_fault="It is away.", ingest_parked=2)
    found = alarms(INSTRUMENT, of)
    assert [alarm.severity for alarm in found] == [Severity.MAJOR, Severity.MINOR, Severity.MINOR]
    assert found[0].sentence == "It is away."
    assert shown(facts(), alarms(INSTRUMENT, facts(ingest_parked=2))) is DeviceState.ON


def test_sentences_name_run_session_reason_and_remedy() -> None:
    run = facts(RunState.INCOMPLETE).run
    assert run is not None
    (alarm,) = alarms(INSTRUMENT, Facts(replace(run, reason="camera: 3 frames missing"), None, None))
    assert alarm.sentence == (
        "Run 2 of session 7 is INCOMPLETE: camera: 3 frames missing. Acknowledge it with AcknowledgeAlarm."
    )


@pytest.mark.parametrize("reason", ["51 frames are safe.", "51 frames are safe"])
def test_a_reason_that_is_a_sentence_keeps_its_one_full_stop(reason: str) -> None:
    run = facts(RunState.ABORTED).run
    assert run is not None
    (alarm,) = alarms(INSTRUMENT, Facts(replace(run, reason=reason), None, None))
    assert alarm.sentence.endswith("ABORTED: 51 frames are safe. Acknowledge it with AcknowledgeAlarm.")


def test_a_problem_of_the_disk_has_one_full_stop_and_little_room_is_told_in_mib() -> None:
    broken = DiskFacts(path=Path("/data"), problem="/data cannot be written (No space left on device).")
    (alarm,) = alarms(INSTRUMENT, Facts(None, None, broken))
    assert alarm.sentence.endswith("(No space left on device).")
    (alarm,) = alarms(INSTRUMENT, disk(3 << 20))
    assert alarm.sentence.startswith("Only 3 MiB free")


def test_a_master_that_waits_to_be_closed_is_told_and_blocks_nothing() -> None:
    note = Problem(code="MASTER_UNCLOSED", sentence="It waits.", remedy="It is tried again.", blocks=False)
    of = facts()
    found = alarms(INSTRUMENT, replace(of, recorder_problems=(note,)))
    assert [(alarm.code, alarm.sentence) for alarm in found] == [("MASTER_UNCLOSED", "It waits. It is tried again.")]
    assert shown(of, found) is DeviceState.ON


DEAD = Problem(code="PV_TIMEOUT", sentence="B:Image does not answer.", remedy="Start its IOC.", detector="b")
AWAY = Problem(code="RECORDER_UNREACHABLE", sentence="east: It is cut.", recorder="east")
PAIR = INSTRUMENT.model_copy(
    update={
        "recorders": ("main", "east"),
        "detectors": (
            PvaDetector(name="a", pv="A:Image"),
            PvaDetector(name="b", pv="B:Image"),
            PvaDetector(name="c", pv="C:Image", recorder="east"),
        ),
    }
)


def with_run(
    state: RunState | None, detectors: tuple[str, ...], *problems: Problem, session_id: int | None = 7
) -> Facts:
    of = facts(state, acknowledged=True, recorder_problems=problems, session_id=session_id)
    return of if of.run is None else replace(of, run=replace(of.run, detectors=detectors))


@pytest.mark.parametrize("state", [RunState.PREPARING, RunState.RECORDING, RunState.DRAINING, RunState.COMPLETED])
def test_a_dead_detector_is_major_in_its_run_and_minor_beside_it(state: RunState) -> None:
    (of_run,) = alarms(PAIR, with_run(state, ("a", "b"), DEAD))
    assert of_run == Alarm("PV_TIMEOUT", Severity.MAJOR, "B:Image does not answer. Start its IOC.")
    (beside,) = alarms(PAIR, with_run(state, ("a",), DEAD))
    told = "Not in run 2: B:Image does not answer. Start its IOC."
    assert beside == Alarm("PV_TIMEOUT", Severity.MINOR, told, blocks=False)


@pytest.mark.parametrize(
    ("detectors", "severity"), [(("a",), Severity.MINOR), (("a", "c"), Severity.MAJOR), (("c",), Severity.MAJOR)]
)
def test_a_recorder_that_is_away_is_major_where_the_run_needs_it(
    detectors: tuple[str, ...], severity: Severity
) -> None:
    (alarm,) = alarms(PAIR, with_run(RunState.RECORDING, detectors, AWAY))
    assert (alarm.severity, alarm.sentence.startswith("Not in run 2: ")) == (severity, severity is Severity.MINOR)


def test_the_first_recorder_is_needed_for_readings_too() -> None:
    away = AWAY.model_copy(update={"recorder": "main"})
    reading = PAIR.model_copy(update={"readings": (ReadingConfig(name="current", pv="X"),)})
    assert [alarms(of, with_run(RunState.COMPLETED, ("c",), away))[0].severity for of in (PAIR, reading)] == [1, 2]


@pytest.mark.parametrize(("state", "session_id"), [(None, 7), (RunState.COMPLETED, 8), (RunState.COMPLETED, None)])
def test_without_a_run_of_the_open_session_a_dead_detector_needs_a_person(
    state: RunState | None, session_id: int | None
) -> None:
    found = alarms(PAIR, with_run(state, ("a",), DEAD, session_id=session_id))
    assert [(alarm.severity, alarm.blocks) for alarm in found] == [(Severity.MAJOR, True)]


def test_what_is_wrong_with_a_recorder_itself_is_never_beside_the_run() -> None:
    broken = Problem(code="JOURNAL_NOT_WRITABLE", sentence="The journal cannot be written.")
    (alarm,) = alarms(PAIR, with_run(RunState.RECORDING, ("a",), broken))
    assert alarm.severity is Severity.MAJOR


def test_texts_are_joined_as_a_person_would() -> None:
    assert joined("", "a", "b.", "C.") == "a; b. C."
    assert [size(0), size(1023), size(2560 << 10)] == ["0 bytes", "1023 bytes", "2.5 MiB"]
    assert [size(1 << 30), size(1536 << 40)] == ["1 GiB", "1.5 PiB"]


def test_minutes_left_are_told_only_while_something_is_written() -> None:
    facts_of_disk = DiskFacts(path=Path("/data"), free=6_000_000)
    assert minutes_left(facts_of_disk, 1000.0) == pytest.approx(100.0)
    assert minutes_left(facts_of_disk, 0.0) is None
    assert minutes_left(None, 1000.0) is None
