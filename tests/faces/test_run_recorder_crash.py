"""Whatever of a recorder is killed, what it had acknowledged is in files that open plainly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from beamsession.faces.tango.recorder_client import TangoRecorder
from beamsession.model.states import RunState
from beamsim.detector_client import DetectorClient
from beamsim.running import Beamline
from recorder_server import RecorderServer, answer, begin, is_alive, outcome, value_in, wait_until, written

pytestmark = pytest.mark.crash


@pytest.fixture
def server(beamline: Beamline, tmp_path: Path) -> Iterator[RecorderServer]:
    server = RecorderServer.configured(tmp_path, beamline)
    yield server
    server.close()


def stored(path: Path) -> int:
    """Frames that a program which knows nothing of us can read."""
    return len(value_in(path, "entry/data/data"))


@pytest.mark.parametrize(
    "victims", [("control",), ("control", "fast.writer"), ("control", "fast.receiver", "readings")]
)
def test_after_kill_9_of_the_control_process_the_next_one_ends_the_run(
    server: RecorderServer, pva_detector: DetectorClient, victims: tuple[str, ...]
) -> None:
    client = server.start()
    plan = server.plan()
    begin(client, plan)
    pva_detector.start(0, period=0.005)
    wait_until("frames are written", lambda: written(client) > 20)
    pids = client.report().pids
    safe = written(client)
    for victim in victims:
        os.kill(pids[victim], 9)
    assert server.process is not None
    server.process.wait()

    client = server.start()
    ended = outcome(client, plan)
    pva_detector.stop()
    assert ended.state is RunState.ABORTED
    assert f"{ended.written} frames are safe" in ended.reason
    assert ended.start is not None
    assert stored(plan.data_file("fast")) == ended.written >= safe
    assert value_in(plan.master, "entry/run/state") == b"ABORTED"
    assert len(value_in(plan.master, "entry/instrument/fast/data")) == ended.written
    assert len(value_in(plan.master, "entry/instrument/current/value")) > 0
    wait_until("no orphan is left", lambda: not any(is_alive(pid) for pid in pids.values()))

    server.terminate()
    client = server.start()
    assert client.report().finished == (ended,)
    client.forget(plan.key)
    after = server.plan(2, frames=5)
    begin(client, after)
    pva_detector.start(5, period=0.005)
    assert outcome(client, after).state is RunState.COMPLETED


def test_a_run_that_is_recovered_is_shown_while_the_server_answers(
    server: RecorderServer, pva_detector: DetectorClient
) -> None:
    client = server.start()
    plan = server.plan()
    begin(client, plan)
    pids = client.report().pids
    # A writer that does not end keeps its file: the next process has to wait for it.
    os.kill(pids["fast.writer"], 19)
    server.kill()
    try:
        client = server.launch()
        wait_until("it answers", lambda: _current_state(server) is RunState.DRAINING)
        assert client.report().finished == ()
    finally:
        with suppress(ProcessLookupError):  # it is ended where it is waited for too long
            os.kill(pids["fast.writer"], 18)
    assert outcome(client, plan).state is RunState.ABORTED


def test_sigterm_closes_the_files_in_order(server: RecorderServer, pva_detector: DetectorClient) -> None:
    client = server.start()
    plan = server.plan()
    begin(client, plan)
    pva_detector.start(0, period=0.005)
    wait_until("frames are written", lambda: written(client) > 20)
    safe, pids = written(client), client.report().pids
    assert server.process is not None
    server.process.terminate()
    server.process.wait(timeout=20)
    pva_detector.stop()
    assert stored(plan.data_file("fast")) >= safe
    wait_until("its processes have ended", lambda: not any(is_alive(pid) for pid in pids.values()))
    ended = outcome(server.start(), plan)
    assert (ended.state, ended.reason) == (RunState.ABORTED, "The recorder was stopped.")
    assert ended.written == stored(plan.data_file("fast"))


def _current_state(server: RecorderServer) -> RunState | None:

    report = answer(TangoRecorder(server.trl))
    return report.current.state if report and report.current else None
