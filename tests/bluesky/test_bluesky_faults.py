"""Plans among others who act on the same session, and beside servers that are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator, RunEngineInterrupted

from beamsession.faces.bluesky import open_session, record_run, session_wrapper
from beamsession.model.errors import RefusedError, WrongStateError
from bluesky_rig import Rig
from system_up import eventually

CAMERA = ["camera"]

KILLED = """
import os, signal, sys
from bluesky import RunEngine
from ophyd_async.core import init_devices
from beamsession.faces.bluesky import SessionManagerDevice, open_session, record_run

RE = RunEngine({}, context_managers=[])
with init_devices():
    session = SessionManagerDevice(sys.argv[1])
once = session.calls.once

def killed_at_the_answer(verb, *arguments):
    answer = once(verb, *arguments)
    if verb == "run_start":
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

RE(open_session(session, "killed early"))
session.calls.once = killed_at_the_answer
RE(record_run(session, frames=1000000, detectors=["camera"]))
"""

INTERRUPTED = """
import sys
from bluesky import RunEngine, plan_stubs as bps
from bluesky.utils import RunEngineInterrupted
from ophyd_async.core import init_devices
from beamsession.faces.bluesky import SessionManagerDevice, record_run, session_wrapper

def inner():
    print("recording", flush=True)
    while True:
        yield from bps.checkpoint()
        yield from bps.sleep(0.3)

RE = RunEngine({})
with init_devices():
    session = SessionManagerDevice(sys.argv[1])
plan = session_wrapper(record_run(session, inner(), detectors=["camera"]), session, "interrupted")
go_on = lambda: RE(plan)
while True:
    try:
        go_on()
    except RunEngineInterrupted:
        print("paused", flush=True)
        sys.stdin.readline()
        go_on = RE.resume
"""


def steps(reached: Callable[[], bool]) -> MsgGenerator[Any]:
    while not reached():
        yield from bps.checkpoint()
        yield from bps.sleep(0.05)


def written(rig: Rig, at_least: int) -> Callable[[], bool]:
    return lambda: rig.client.read("WrittenFrames") >= at_least


def started(rig: Rig, name: str = "faults") -> None:
    rig.engine(open_session(rig.session, name))


@contextmanager
def plan_process(rig: Rig, folder: Path, text: str) -> Iterator[subprocess.Popen[str]]:
    program = folder / "plan.py"
    program.write_text(text)
    process = subprocess.Popen(
        [sys.executable, str(program), rig.client.address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def says(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"it never said {word}")


@pytest.mark.crash
def test_a_plan_killed_as_its_run_begins_leaves_no_run_behind(rig: Rig, tmp_path: Path) -> None:
    with plan_process(rig, tmp_path, KILLED) as process:
        assert process.wait(90) == -signal.SIGKILL
        rig.client.await_attribute("RunState", "ABORTED")
    rig.await_comment("the program that recorded it is gone")
    assert rig.client.read("SessionState") == "STARTED"


@pytest.mark.crash
def test_ctrl_c_pauses_at_once_when_given_twice_and_a_paused_session_stays_so_when_killed(
    rig: Rig, tmp_path: Path
) -> None:
    with plan_process(rig, tmp_path, INTERRUPTED) as process:
        says(process, "recording")
        eventually(written(rig, 3), "frames")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        says(process, "paused")
        assert rig.client.read("SessionState") == "PAUSED"
        before = rig.client.read("WrittenFrames")
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        eventually(written(rig, before + 3), "frames after it")
        process.send_signal(signal.SIGINT)  # at the next checkpoint
        says(process, "paused")
        process.kill()
        process.wait()
        rig.client.await_attribute("RunState", "ABORTED")
    rig.await_comment("the program that recorded it is gone")
    assert rig.client.read("SessionState") == "PAUSED"


def test_a_plan_aborted_while_its_run_begins_aborts_that_run(rig: Rig) -> None:
    """The answer of StartRun is lost on the plan that was interrupted, and the run has begun."""
    started(rig)
    once, asked, on = rig.session.calls.once, threading.Event(), threading.Event()

    def slow(verb: str, *arguments: Any) -> Any:
        answer = once(verb, *arguments)
        if verb == "run_start" and not asked.is_set():
            asked.set()
            assert on.wait(60)
        return answer

    def interrupt() -> None:
        assert asked.wait(60)
        rig.engine.request_pause()

    thread = threading.Thread(target=interrupt)
    thread.start()
    rig.session.calls.once = slow  # pyright: ignore[reportAttributeAccessIssue]
    try:
        with pytest.raises(RunEngineInterrupted):
            rig.engine(record_run(rig.session, steps(lambda: False), detectors=CAMERA))
        thread.join()
        assert rig.client.read("SessionState") == "PAUSED"
        rig.engine.abort("before it began")
    finally:
        on.set()
        del rig.session.calls.once
    assert rig.show(1)["state"] == "ABORTED"
    assert rig.client.read("SessionState") == "STARTED"


def test_a_recording_inside_another_is_refused_and_the_outer_one_is_ended(rig: Rig) -> None:
    started(rig)
    seen: list[str] = []

    def inner() -> MsgGenerator[Any]:
        yield from steps(written(rig, 3))
        try:
            yield from bpp.set_run_key_wrapper(record_run(rig.session, frames=3, detectors=CAMERA), "inside")
        except WrongStateError as error:
            seen.append(error.code)
        yield from steps(written(rig, 6))

    rig.engine(record_run(rig.session, inner(), detectors=CAMERA))
    assert seen == ["RUN_OPEN"]
    assert [run["state"] for run in rig.client.ask("run_list")] == ["COMPLETED"]


def test_a_session_completed_by_somebody_else_ends_the_run_and_no_other(rig: Rig) -> None:
    started(rig, "theirs to end")
    first = rig.newest

    def inner() -> MsgGenerator[Any]:
        yield from steps(written(rig, 3))
        rig.client.Complete()
        rig.client.await_attribute("SessionState", "NONE")
        rig.client.Start("the next group")
        rig.client.StartRun({"detectors": CAMERA})
        rig.client.await_attribute("RunState", "RECORDING")
        raise RuntimeError("and then the motor stalled")

    with pytest.raises(RuntimeError, match="stalled"):
        rig.engine(record_run(rig.session, inner(), detectors=CAMERA))
    assert rig.client.ask("run_show", run=1, session=first)["state"] == "COMPLETED"
    assert rig.client.read("RunState") == "RECORDING", "the next group's run goes on"
    assert rig.comments() == []
    rig.client.AbortRun()
    rig.client.await_verdict()


def test_a_next_session_is_neither_resumed_nor_completed_with_ours(rig: Rig) -> None:
    def inner() -> MsgGenerator[Any]:
        yield from steps(written(rig, 3))
        yield from bps.pause()
        yield from bps.null()

    with pytest.raises(RunEngineInterrupted):
        rig.engine(session_wrapper(record_run(rig.session, inner(), detectors=CAMERA), rig.session, "ours"))
    rig.client.Complete()
    rig.client.await_attribute("SessionState", "NONE")
    rig.client.Start("the next group")
    rig.client.Pause()
    rig.engine.resume()
    assert rig.client.read("SessionState") == "PAUSED"
    assert rig.client.read("SessionName") == "the next group"


def test_a_session_paused_by_somebody_else_stays_so_over_a_pause_of_the_plan(rig: Rig) -> None:
    started(rig)

    def inner() -> MsgGenerator[Any]:
        yield from steps(written(rig, 3))
        rig.client.Pause()
        yield from bps.pause()
        yield from bps.null()

    with pytest.raises(RunEngineInterrupted):
        rig.engine(record_run(rig.session, inner(), detectors=CAMERA))
    rig.engine.resume()
    assert rig.client.read("SessionState") == "PAUSED"
    assert rig.session.run.result is not None
    assert rig.show(1)["state"] == rig.session.run.result.state.value


@pytest.mark.crash
@pytest.mark.parametrize("role", ["session_manager", "run_recorder"])
def test_a_server_killed_in_the_middle_leaves_an_honest_run(rig: Rig, role: str) -> None:
    started(rig)
    pids: list[int] = []

    def inner() -> MsgGenerator[Any]:
        yield from steps(written(rig, 3))
        if not pids:
            pids.append(rig.up.kill(role))
        yield from bps.sleep(1)

    recording = record_run(rig.session, inner(), detectors=CAMERA, require_complete=role == "run_recorder")
    if role == "run_recorder":
        with pytest.raises(RefusedError, match="ABORTED"):
            rig.engine(recording)
    else:
        rig.engine(recording)
    eventually(lambda: rig.up.ready["pids"].get(role) not in (None, pids[0]), "a new one")
    rig.client.await_verdict()
    run = rig.show(1)
    assert run["state"] == ("ABORTED" if role == "run_recorder" else "COMPLETED")
    assert rig.documents.of("stop")[0]["exit_status"] == ("fail" if role == "run_recorder" else "success")
    assert rig.documents.of("stop")[0]["num_events"]["camera"] <= run["report"]["accounts"][0]["written"]
    assert Path(run["file"]).exists()
