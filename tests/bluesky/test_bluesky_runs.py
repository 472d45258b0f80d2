"""Plans that record runs: documents, pauses, and every way in which a plan can end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from bluesky import plan_stubs as bps
from bluesky.plans import count
from bluesky.utils import MsgGenerator, RunEngineInterrupted

from beamsession.faces.bluesky import (
    RunInfo,
    RunResult,
    open_session,
    record_run,
    recorded,
    run_wrapper,
    session_wrapper,
)
from beamsession.model.errors import BeamsessionError, NotFoundError, RefusedError, WrongStateError
from beamsession.model.states import RunState
from bluesky_rig import Rig
from system_up import eventually

CAMERA = ["camera"]


class StallError(RuntimeError):
    """What the motor of a failing plan says."""


def frames_on_disk(path: str, detector: str = "camera") -> int:
    with h5py.File(path) as master:
        data: Any = master[f"entry/{detector}/data"]
        return len(data)


def steps(rig: Rig, reached: Callable[[], bool]) -> MsgGenerator[Any]:
    """Steps with checkpoints until `reached`."""
    while not reached():
        yield from bps.checkpoint()
        yield from bps.sleep(0.05)


def written(rig: Rig, at_least: int) -> Callable[[], bool]:
    return lambda: rig.client.read("WrittenFrames") >= at_least


def started(rig: Rig, name: str = "runs") -> None:
    rig.engine(open_session(rig.session, name))


def test_declared_frames_are_recorded_and_told_of(rig: Rig) -> None:
    def plan() -> MsgGenerator[Any]:
        yield from open_session(rig.session, "declared", metadata={"sample": "CeO2"}, proposal="p1")
        return (yield from record_run(rig.session, frames=8, title="dark", metadata={"shutter": 0}, md={"who": "me"}))

    rig.engine(plan())
    result = rig.session.run.result
    assert isinstance(result, RunResult)
    assert (result.state, dict(result.written)) == (RunState.COMPLETED, {"camera": 8, "monitor": 8})
    run = rig.show(1)
    [start] = rig.documents.of("start")
    assert (run["title"], run["metadata"]["shutter"]) == ("dark", 0)
    assert run["metadata"]["bluesky"]["uid"] == start["uid"]
    assert run["metadata"]["bluesky"]["scan_id"] == start["scan_id"]
    assert run["metadata"]["bluesky"]["who"] == "me"
    assert start["beamsession"]["session"] == rig.newest
    with h5py.File(result.file) as master:
        assert start["uid"] in str(master["entry/run/metadata_json"][()])  # pyright: ignore[reportIndexIssue]
    descriptors = {doc["name"]: doc for doc in rig.documents.of("descriptor")}
    assert set(descriptors) == {"camera", "monitor"}
    key = descriptors["camera"]["data_keys"]["session-camera"]
    assert (key["external"], key["dtype_numpy"], key["shape"]) == ("STREAM:", "<u2", [48, 64])
    resource = next(doc for doc in rig.documents.of("stream_resource") if doc["data_key"] == "session-camera")
    assert resource["mimetype"] == "application/x-hdf5"
    assert resource["uri"] == f"file://localhost{Path(result.file).with_name('run_0001_camera.h5')}"
    assert resource["parameters"]["dataset"] == "/entry/data/data"
    assert resource["parameters"]["chunk_shape"] == [1, 48, 64]
    assert rig.documents.of("stop")[0]["num_events"] == {"camera": 8, "monitor": 8}


def test_an_inner_plan_is_recorded_while_documents_tell_of_its_frames(rig: Rig) -> None:
    started(rig)
    rig.engine(record_run(rig.session, steps(rig, written(rig, 20)), detectors=CAMERA))
    result = rig.session.run.result
    assert result is not None
    assert result.state is RunState.COMPLETED
    ranges = [doc["indices"] for doc in rig.documents.of("stream_datum")]
    assert len(ranges) > 1, "frames are told of while they come"
    assert [item["start"] for item in ranges] == [0, *(item["stop"] for item in ranges[:-1])]
    assert ranges[-1]["stop"] == result.written["camera"] == frames_on_disk(result.file)


def test_a_plan_of_others_is_recorded_by_a_wrapper(rig: Rig) -> None:
    plan = recorded(rig.session, detectors=CAMERA)(count)
    rig.engine(session_wrapper(plan([rig.session.WrittenFrames], num=3, delay=0.1), rig.session, "wrapped"))
    run = rig.show(1)
    assert (run["state"], run["metadata"]["bluesky"]["plan_name"]) == ("COMPLETED", "count")
    assert run["title"].startswith("count")
    assert rig.client.ask("session_show", session=rig.newest)["state"] == "COMPLETED"
    assert rig.documents.of("stop")[0]["num_events"]["primary"] == 3
    assert {doc["name"] for doc in rig.documents.of("descriptor")} == {"primary", "camera"}


def test_each_bluesky_run_of_a_plan_is_a_run(rig: Rig) -> None:
    started(rig)

    def twice() -> MsgGenerator[Any]:
        for _ in range(2):
            yield from count([rig.session.RunNumber], num=1)

    rig.engine(run_wrapper(twice(), rig.session, frames=3, detectors=CAMERA))
    uids = [doc["uid"] for doc in rig.documents.of("start")]
    assert [run["metadata"]["bluesky"]["uid"] for run in rig.client.ask("run_list")] == uids


def test_a_pause_gates_the_frames_until_the_engine_resumes(rig: Rig) -> None:
    started(rig)
    paused: list[bool] = []

    def inner() -> MsgGenerator[Any]:
        yield from steps(rig, written(rig, 5))
        if not paused:
            paused.append(True)
            yield from bps.pause()
        before = rig.client.read("WrittenFrames")
        yield from steps(rig, written(rig, before + 5))

    with pytest.raises(RunEngineInterrupted):
        rig.engine(record_run(rig.session, inner(), detectors=CAMERA))
    assert rig.client.read("SessionState") == "PAUSED"
    rig.client.await_attribute("RunState", "PAUSED")
    rig.engine.resume()
    result = rig.session.run.result
    assert result is not None
    assert result.state is RunState.COMPLETED
    assert rig.client.read("SessionState") == "STARTED"
    report = rig.show(1)["report"]
    assert len(report["pauses"]) == 1
    told = rig.documents.of("stream_datum")
    numbers = [number for doc in told for number in range(doc["seq_nums"]["start"], doc["seq_nums"]["stop"])]
    assert numbers == list(range(1, result.written["camera"] + 1)), "each frame is told of once"


def test_a_run_with_frames_missing_fails_the_plan(rig: Rig) -> None:
    started(rig)
    with pytest.raises(RefusedError, match="INCOMPLETE") as error:
        rig.engine(record_run(rig.session, steps(rig, written(rig, 3)), frames=5000, detectors=CAMERA, grace_s=0.2))
    assert error.value.code == "RUN_INCOMPLETE"
    assert rig.show(1)["state"] == "INCOMPLETE"
    [stop] = rig.documents.of("stop")
    assert stop["exit_status"] == "fail"
    assert "INCOMPLETE" in stop["reason"]
    assert rig.client.read("SessionState") == "STARTED"


def test_missing_frames_can_be_taken_as_they_are(rig: Rig) -> None:
    started(rig)
    inner = steps(rig, written(rig, 3))
    rig.engine(record_run(rig.session, inner, frames=5000, detectors=CAMERA, grace_s=0.2, require_complete=False))
    assert rig.session.run.result is not None
    assert rig.session.run.result.state is RunState.INCOMPLETE
    assert rig.documents.of("stop")[0]["exit_status"] == "success"


@pytest.mark.parametrize(("on_failure", "state"), [("complete", "COMPLETED"), ("keep_open", "STARTED")])
def test_a_plan_that_fails_aborts_its_run_with_the_reason(rig: Rig, on_failure: Any, state: str) -> None:
    def failing() -> MsgGenerator[Any]:
        yield from steps(rig, written(rig, 3))
        raise StallError("the motor stalled")

    recording = record_run(rig.session, failing(), detectors=CAMERA)
    with pytest.raises(StallError):
        rig.engine(session_wrapper(recording, rig.session, "fails", on_failure=on_failure))
    run = rig.show(1)
    assert run["state"] == "ABORTED"
    assert frames_on_disk(run["file"]) == run["report"]["accounts"][0]["written"] >= 3
    assert "the motor stalled" in rig.await_comment("Run 1 is aborted by a Bluesky plan")
    assert rig.client.ask("session_show", session=rig.newest)["state"] == state
    assert rig.documents.of("stop")[0]["exit_status"] == "fail"


def paused_recording(rig: Rig, **options: Any) -> None:
    """A RunEngine that was paused while a run was recorded in a session of its own."""

    def endless() -> MsgGenerator[Any]:
        yield from steps(rig, written(rig, 3))
        yield from bps.pause()
        yield from steps(rig, lambda: False)

    recording = record_run(rig.session, endless(), detectors=CAMERA, **options)
    with pytest.raises(RunEngineInterrupted):
        rig.engine(session_wrapper(recording, rig.session, "ended"))


def test_an_aborted_plan_aborts_its_run(rig: Rig) -> None:
    paused_recording(rig)
    rig.engine.abort("lunch")
    assert rig.show(1)["state"] == "ABORTED"
    assert rig.client.ask("session_show", session=rig.newest)["state"] == "COMPLETED"
    assert rig.documents.of("stop")[0]["exit_status"] == "abort"


@pytest.mark.parametrize(("frames", "verdict"), [(None, "COMPLETED"), (5000, "INCOMPLETE")])
def test_a_stopped_plan_stops_its_run(rig: Rig, frames: int | None, verdict: str) -> None:
    paused_recording(rig, frames=frames, grace_s=0.2)
    rig.engine.stop()
    run = rig.show(1)
    assert run["state"] == verdict
    assert rig.client.ask("session_show", session=rig.newest)["state"] == "COMPLETED"
    assert rig.documents.of("stop")[0]["num_events"]["camera"] == run["report"]["accounts"][0]["written"]


def test_a_halted_plan_leaves_an_aborted_run_and_an_open_session(rig: Rig) -> None:
    paused_recording(rig)
    rig.engine.halt()
    rig.client.await_attribute("RunState", "ABORTED")
    rig.await_comment("its plan was halted")
    rig.client.await_attribute("SessionState", "STARTED")


def test_a_pause_while_a_run_begins_starts_it_once(rig: Rig) -> None:
    started(rig)

    def pause() -> None:
        eventually(lambda: rig.client.ask("run_list"), "a run")
        rig.engine.request_pause()

    thread = threading.Thread(target=pause)
    thread.start()
    with pytest.raises(RunEngineInterrupted):
        # No number is declared: how many frames come during the pause, and are not recorded, is a matter of luck.
        rig.engine(record_run(rig.session, bps.sleep(2), detectors=CAMERA))
    thread.join()
    rig.engine.resume()
    assert rig.session.run.result is not None
    assert rig.session.run.result.state is RunState.COMPLETED
    assert len(rig.client.ask("run_list")) == 1


def test_the_run_flies_by_bluesky_messages_too(rig: Rig) -> None:
    started(rig)
    run = rig.session.run

    def fly() -> MsgGenerator[Any]:
        yield from bps.open_run()
        yield from bps.stage(run)
        yield from bps.prepare(run, RunInfo(frames=5, detectors=CAMERA, title="flown"), wait=True)
        yield from bps.kickoff(run, wait=True)
        yield from bps.complete(run, wait=True)
        yield from bps.unstage(run)
        yield from bps.close_run()

    rig.engine(fly())
    assert run.result is not None
    assert (run.result.state, run.result.written) == (RunState.COMPLETED, {"camera": 5})


def test_a_failure_elsewhere_interrupts_a_recording_that_runs(rig: Rig) -> None:
    """Abort from another thread, in the middle of a wait."""
    started(rig)

    def abort() -> None:
        eventually(lambda: rig.client.ask("run_list"), "a run")
        rig.client.await_attribute("RunState", "RECORDING")
        eventually(written(rig, 3), "frames")
        rig.engine.abort("by another thread")

    thread = threading.Thread(target=abort)
    thread.start()
    with pytest.raises(RunEngineInterrupted):
        rig.engine(record_run(rig.session, frames=100000, detectors=CAMERA))
    thread.join()
    assert rig.show(1)["state"] == "ABORTED"


def test_a_run_without_a_session_is_refused_before_anything_begins(rig: Rig) -> None:
    with pytest.raises(BeamsessionError, match="No session is open"):
        rig.engine(record_run(rig.session, frames=3))
    assert rig.documents.of("start") == []


def test_a_run_that_cannot_be_recorded_says_why(rig: Rig) -> None:
    started(rig)
    with pytest.raises(NotFoundError, match="There is no detector 'nobody'"):
        rig.engine(record_run(rig.session, frames=3, detectors=["nobody"]))
    assert rig.documents.of("stop")[0]["exit_status"] == "fail"
    assert rig.client.ask("run_list") == []


def test_a_second_run_is_refused_while_one_is_open(rig: Rig) -> None:
    started(rig)
    rig.client.StartRun({"detectors": CAMERA})
    with pytest.raises(WrongStateError):
        rig.engine(record_run(rig.session, frames=3))
    assert rig.client.read("RunState") in ("PREPARING", "RECORDING")
