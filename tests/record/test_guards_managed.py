"""What goes wrong in a run is told while it happens, and afterwards in attributes, alarms, store and file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tango

from beamsession.model.states import RunState
from frame_server import FrameServer, image_of, stored, value_in, wait_until
from frozen import freeze, thaw
from managed_frames import ManagedFrames

HOUR_NS = 3_600_000_000_000
COMPLETENESS = "/entry/instrument/eiger/completeness"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedFrames]:
    server = FrameServer()
    server.post(0, image_of(0))
    managed = ManagedFrames(tmp_path_factory.mktemp("managed"), server)
    try:
        managed.await_ready()
        yield managed
    finally:
        managed.stop()
        server.stop()


@pytest.fixture
def beamline(shared: ManagedFrames) -> Iterator[ManagedFrames]:
    yield shared
    if shared.read("RunState") in ("RECORDING", "PAUSED"):
        shared.end_run(shared.read("RunNumber"))
    shared.ask("alarm_acknowledge")


def post(beamline: ManagedFrames, *ids: int, late_ns: int = 0) -> None:
    for unique_id in ids:
        beamline.server.post(unique_id, image_of(unique_id), time.time_ns() - late_ns)


def text_in(path: Path, name: str) -> str:
    return value_in(path, name).decode()


def moment_ns(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6) * 1000


def test_a_run_that_does_not_fit_on_the_disk_is_refused_with_both_numbers(beamline: ManagedFrames) -> None:
    (problem,) = beamline.ask("run_check", frames=10**12)
    assert (problem["code"], problem["blocks"]) == ("NO_SPACE_FOR_FRAMES", True)
    assert "The run needs 1.364 PiB (1000000000000 frames of 1.5 KiB from eiger)" in problem["sentence"]
    with pytest.raises(tango.DevFailed) as refused:
        beamline.ask("run_start", frames=10**12)
    reason: Any = refused.value.args[0]
    assert reason.reason == "NO_SPACE_FOR_FRAMES"
    assert "are free below" in reason.desc


def test_missing_frames_are_alarmed_at_once_and_the_verdict_is_the_same_everywhere(beamline: ManagedFrames) -> None:
    number = beamline.start_run()
    post(beamline, 1, 2, 5)
    sentence = beamline.await_alarm("missing so far")
    assert sentence == f"Run {number}: 2 frames of eiger are missing so far (2 were lost on the way)."
    assert beamline.read("RunState") == "RECORDING"
    beamline.await_value("DroppedFrames", 2)
    assert beamline.quality("DroppedFrames") is tango.AttrQuality.ATTR_ALARM
    assert beamline.read("AlarmSeverity") == "MAJOR"

    run = beamline.end_run(number)
    reason = "eiger: 2 frames missing (ids 3-4)"
    assert (run["state"], run["reason"], run["report"]["accounts"][0]["missing"]) == ("INCOMPLETE", reason, 2)
    assert (beamline.read("RunState"), beamline.read("DroppedFrames")) == ("INCOMPLETE", 2)
    assert beamline.quality("RunState") is tango.AttrQuality.ATTR_ALARM
    assert beamline.proxy.state() is tango.DevState.ALARM
    assert reason in beamline.await_alarm("INCOMPLETE")
    master = Path(run["file"])
    assert (text_in(master, "/entry/run/state"), text_in(master, "/entry/run/reason")) == ("INCOMPLETE", reason)
    assert value_in(master, f"{COMPLETENESS}/missing") == 2
    assert value_in(master, f"{COMPLETENESS}/gaps").tolist() == [[3, 4]]


def test_frames_lost_at_the_end_are_found_by_the_detectors_counter(beamline: ManagedFrames) -> None:
    beamline.server.made.post(100, timestamp=time.time())
    number = beamline.start_run()
    post(beamline, 1, 2)
    beamline.server.made.post(105, timestamp=time.time())
    beamline.await_value("WrittenFrames", 2)
    run = beamline.end_run(number)
    assert run["reason"] == "eiger: 3 frames missing (the detector made 5, 2 came)"
    assert run["state"] == "INCOMPLETE"
    assert value_in(Path(run["file"]), f"{COMPLETENESS}/produced") == 5


def test_clocks_that_are_apart_are_measured_told_and_kept(beamline: ManagedFrames) -> None:
    number = beamline.start_run()
    post(beamline, 1, 2, 3, late_ns=HOUR_NS)
    assert "s behind the recorder's" in beamline.await_alarm("The clock of eiger is 36")
    assert beamline.read("AlarmSeverity") == "MINOR"
    run = beamline.end_run(number)
    assert run["state"] == "COMPLETED"
    offset = run["report"]["accounts"][0]["clock_offset"]
    assert 3600 <= offset["minimum"] <= offset["median"] < 3700
    with h5py.File(run["file"], "r") as file:
        dataset = stored(file, "/entry/instrument/eiger/clock_difference")
        assert (dataset[()], dataset.attrs["units"]) == (offset["minimum"], "s")
    hints = beamline.ask("run_check")
    assert [(hint["code"], hint["blocks"]) for hint in hints] == [("CLOCK_SKEW", False)]

    number = beamline.start_run()  # It refuses nothing, and is gone after a run with a good clock.
    post(beamline, 1)
    beamline.await_value("WrittenFrames", 1)
    beamline.end_run(number)
    assert beamline.ask("run_check") == []


def test_a_detector_that_stands_still_is_told_until_it_goes_on(beamline: ManagedFrames) -> None:
    number = beamline.start_run()
    assert "eiger: no frame for" in beamline.await_alarm("no frame for")
    assert beamline.read("AlarmSeverity") == "MINOR"
    post(beamline, 1)
    beamline.await_alarm("no frame for", gone=True)
    assert beamline.end_run(number)["state"] == "COMPLETED"


def test_an_ioc_that_was_restarted_in_a_run_leaves_no_completed_run(beamline: ManagedFrames) -> None:
    number = beamline.start_run()
    post(beamline, 1, 2)
    beamline.await_value("WrittenFrames", 2)
    beamline.server.go_away()
    assert "DET:Image" in beamline.await_alarm("disconnected")
    assert beamline.read("AlarmSeverity") == "MAJOR"
    beamline.server.come_back(empty=True)
    beamline.await_alarm("disconnected", gone=True)
    post(beamline, 1, 2)
    beamline.await_value("WrittenFrames", 4)
    run = beamline.end_run(number)
    doubt = "frames may be missing: its source disconnected, and its unique ids began anew"
    assert (run["state"], run["reason"]) == ("INCOMPLETE", f"eiger: {doubt}")
    assert (run["report"]["accounts"][0]["missing"], run["report"]["accounts"][0]["disconnections"]) == (0, 1)
    assert beamline.read("RunState") == "INCOMPLETE"
    assert doubt in beamline.await_alarm("INCOMPLETE")
    assert text_in(Path(run["file"]), "/entry/run/state") == "INCOMPLETE"
    assert text_in(Path(run["file"]), f"{COMPLETENESS}/doubt") == doubt


def test_recorded_pauses_are_those_that_frames_were_left_out_by(beamline: ManagedFrames) -> None:
    number = beamline.start_run()
    posted: dict[int, int] = {}

    def post_until(reached: Any) -> None:
        while not reached():
            unique_id = len(posted) + 1
            posted[unique_id] = time.time_ns() // 1000 * 1000
            beamline.server.post(unique_id, image_of(unique_id), posted[unique_id])
            time.sleep(0.002)

    for _ in range(2):
        before = beamline.read("WrittenFrames")
        post_until(lambda before=before: beamline.read("WrittenFrames") > before)
        beamline.ask("session_pause")
        post_until(lambda: beamline.recorder.report().current.state == "PAUSED")  # type: ignore[union-attr]
        skipped = _skipped(beamline)
        post_until(lambda skipped=skipped: _skipped(beamline) > skipped)
        beamline.ask("session_resume")
        post_until(lambda: beamline.recorder.report().current.state == "RECORDING")  # type: ignore[union-attr]
    run = beamline.end_run(number)
    pauses = [(moment_ns(pause["start"]), moment_ns(pause["stop"])) for pause in run["report"]["pauses"]]
    assert len(pauses) == 2
    wanted = [key for key, at in posted.items() if not any(start < at <= stop for start, stop in pauses)]
    master = Path(run["file"])
    assert list(value_in(master, "/entry/instrument/eiger/sequence_number")) == wanted
    assert (run["state"], run["report"]["accounts"][0]["skipped"]) == ("COMPLETED", len(posted) - len(wanted))
    start = moment_ns(text_in(master, "/entry/start_time"))
    logged = value_in(master, "/entry/run/pauses/time") * 1e9 + start
    assert np.allclose(logged, np.ravel(pauses), atol=1e6, rtol=0)


def _skipped(beamline: ManagedFrames) -> int:
    current = beamline.recorder.report().current
    assert current is not None
    return current.accounts[0].skipped


def test_the_manager_answers_while_the_disk_stands_still(beamline: ManagedFrames) -> None:
    number = beamline.start_run()
    session = beamline.read("SessionId")
    post(beamline, 1, 2, 3)
    beamline.await_value("WrittenFrames", 3)
    writer = beamline.recorder.report().pids["eiger.writer"]
    freeze(writer)
    try:
        wait_until("it stands still", lambda: _state_of(writer) == "T")
        post(beamline, 4, 5, 6)
        beamline.await_value("ReceivedFrames", 6)
        assert beamline.proxy.state() is tango.DevState.RUNNING
        assert (beamline.read("SessionId"), beamline.read("WrittenFrames")) == (session, 3)
        assert beamline.ask("session_show")["id"] == session
        beamline.ask("comment_add", text="the disk is slow")
        beamline.ask("run_stop")
        assert beamline.read("RunState") == "DRAINING"
        assert "the disk may hang" in wait_until("it is told", lambda: beamline.recorder.report().current.reason)  # type: ignore[union-attr]
        assert (beamline.read("SessionId"), _state_of(writer)) == (session, "T")
    finally:
        thaw(writer)
    run = beamline.end_run(number)
    assert (run["state"], run["report"]["accounts"][0]["written"]) == ("COMPLETED", 6)


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_a_pause_that_is_ended_at_once_is_in_the_run_all_the_same(beamline: ManagedFrames) -> None:
    number = beamline.start_run()
    for _ in range(3):
        beamline.ask("session_pause")
        beamline.ask("session_resume")
        wait_until("the recorder records again", lambda: recorded_state(beamline) is RunState.RECORDING)
    pauses = beamline.end_run(number)["report"]["pauses"]
    assert len(pauses) == 3
    assert all(moment_ns(pause["start"]) < moment_ns(pause["stop"]) for pause in pauses)


def recorded_state(beamline: ManagedFrames) -> RunState | None:
    current = beamline.recorder.report().current
    return current.state if current else None


def test_a_session_is_resumed_in_time_though_the_recorder_stands_still(beamline: ManagedFrames) -> None:
    number = beamline.start_run()
    recorder = beamline.recorder.report().pids["control"]
    freeze(recorder)
    try:
        beamline.ask("session_pause")
        begin = time.monotonic()
        beamline.ask("session_resume")
        assert time.monotonic() - begin < 3  # as long as clients wait
    finally:
        thaw(recorder)
    wait_until("the recorder records", lambda: recorded_state(beamline) is RunState.RECORDING)
    post(beamline, 1, 2)
    beamline.await_value("WrittenFrames", 2)
    assert beamline.end_run(number)["state"] == "COMPLETED"
