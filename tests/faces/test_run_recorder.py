"""The RunRecorder device: a real server, asked by its client and as any Tango client would."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tango

from beamsession.faces.tango.recorder_client import TangoRecorder
from beamsession.model.errors import NotFoundError, RefusedError, UnavailableError
from beamsession.model.states import RunState
from beamsim.detector_client import DetectorClient
from beamsim.running import Beamline
from recorder_server import RecorderServer, begin, is_alive, outcome, value_in, wait_until, written


@pytest.fixture(scope="module")
def server(beamline: Beamline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecorderServer]:
    server = RecorderServer.configured(tmp_path_factory.mktemp("server"), beamline)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def client(server: RecorderServer) -> TangoRecorder:
    return TangoRecorder(server.trl)


@pytest.fixture
def proxy(server: RecorderServer) -> tango.DeviceProxy:
    return tango.DeviceProxy(server.trl)


def test_a_run_over_tango_is_shown_in_the_attributes(
    server: RecorderServer, client: TangoRecorder, proxy: tango.DeviceProxy, pva_detector: DetectorClient
) -> None:
    plan = server.plan(1, frames=30)
    assert [problem for problem in client.check(plan) if problem.blocks] == []
    assert proxy.state() is tango.DevState.ON
    begin(client, plan)
    wait_until("the state is shown", lambda: proxy.state() is tango.DevState.RUNNING)
    assert str(plan.key) in proxy.status()
    pva_detector.start(30, period=0.005)
    ended = outcome(client, plan)
    assert (ended.state, ended.written) == (RunState.COMPLETED, 30)
    wait_until("the verdict is shown", lambda: proxy.RunState.name == "COMPLETED")
    shown = [proxy.ReceivedFrames, proxy.WrittenFrames, proxy.MissingFrames, proxy.ExpectedFrames, proxy.RunFile]
    assert shown == [30, 30, 0, 30, str(plan.master)]
    assert proxy.get_attribute_config_ex("DataRate")[0].unit == "MB/s"
    assert value_in(plan.master, "entry/title").decode() == "Łukasz 2θ"
    client.forget(plan.key)
    assert client.report().finished == ()
    assert proxy.RunState.name == "COMPLETED"


def test_changes_are_pushed(
    server: RecorderServer, client: TangoRecorder, proxy: tango.DeviceProxy, pva_detector: DetectorClient
) -> None:
    seen: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def heard(event: tango.EventData) -> None:
        if event.attr_value is not None:
            seen.put((event.attr_value.name.lower(), event.attr_value.value))

    names = ("State", "RunState", "WrittenFrames")
    subscriptions = [proxy.subscribe_event(name, tango.EventType.CHANGE_EVENT, heard) for name in names]
    plan = server.plan(2, frames=10)
    begin(client, plan)
    pva_detector.start(10, period=0.005)
    client.forget(outcome(client, plan).key)
    completed = list(RunState).index(RunState.COMPLETED)
    wanted = {("state", tango.DevState.RUNNING), ("writtenframes", 10), ("runstate", completed)}
    heard_so_far: list[tuple[str, Any]] = []
    while wanted - set(heard_so_far):
        try:
            heard_so_far.append(seen.get(timeout=30))
        except queue.Empty:
            pytest.fail(f"heard only {heard_so_far}")
    for subscription in subscriptions:
        proxy.unsubscribe_event(subscription)


def test_pause_resume_and_abort_over_tango(
    server: RecorderServer, client: TangoRecorder, proxy: tango.DeviceProxy, pva_detector: DetectorClient
) -> None:
    plan = server.plan(3)
    begin(client, plan)
    client.pause(plan.key)
    wait_until("the pause is shown", lambda: proxy.RunState.name == "PAUSED")
    client.resume(plan.key)
    pva_detector.start(0, period=0.01)
    wait_until("frames are written", lambda: written(client) > 0)
    client.abort(plan.key)
    ended = outcome(client, plan)
    assert ended.state is RunState.ABORTED
    assert len(ended.pauses) == 1
    client.forget(plan.key)


def test_what_the_recorder_refuses_arrives_exactly(server: RecorderServer, client: TangoRecorder) -> None:
    first, second = server.plan(4), server.plan(5)
    begin(client, first)
    with pytest.raises(RefusedError) as busy:
        client.prepare(second)
    assert busy.value.code == "RECORDER_BUSY"
    assert (busy.value.value, busy.value.remedy) == (str(second.key), "Stop that run first.")
    assert str(first.key) in busy.value.sentence
    client.stop(first.key)
    client.forget(outcome(client, first).key)
    with pytest.raises(NotFoundError) as unknown:
        client.stop(first.key)
    assert unknown.value.code == "RUN_UNKNOWN"


def test_a_plain_tango_client_gets_a_sentence_and_a_code(proxy: tango.DeviceProxy) -> None:
    with pytest.raises(tango.DevFailed) as failure:
        proxy.Prepare('{"key": 5}')
    first = failure.value.args[0]
    assert first.reason == "INVALID_INPUT"
    assert first.desc.startswith("key")
    assert json.loads(first.origin)["remedy"] == "Send a RunPlan as JSON."


def test_paths_are_looked_at_on_the_recorders_host(server: RecorderServer, client: TangoRecorder) -> None:
    folder = server.folder / "data" / "000009_Łukasz"
    folder.mkdir()
    (folder / "session.json").write_text("{}")
    assert client.stat(folder).is_folder
    assert client.disk(folder).writable
    assert not client.stat(folder / "nothing").exists


def test_alarms_are_empty_and_processes_are_named_when_all_is_well(proxy: tango.DeviceProxy) -> None:
    assert list(proxy.Alarms or ()) == []
    pids = json.loads(proxy.ProcessIds)
    assert set(pids) == {"control", "fast.receiver", "fast.writer", "readings", "scribe"}
    assert all(is_alive(pid) for pid in pids.values())


def test_a_recorder_that_is_not_there_is_unreachable_and_found_again_later(beamline: Beamline, tmp_path: Path) -> None:
    server = RecorderServer.configured(tmp_path, beamline)
    client = TangoRecorder(server.trl)
    with pytest.raises(UnavailableError) as absence:
        client.report()
    assert absence.value.code == "RECORDER_UNREACHABLE"
    server.launch()
    try:
        wait_until("it answers while its processes start", lambda: _answers(client))
        boot = client.report().boot
        server.kill()
        with pytest.raises(UnavailableError):
            client.report()
        server.launch()
        wait_until("it is found again", lambda: _answers(client))
        assert client.report().boot != boot
    finally:
        server.close()


def test_a_server_without_configuration_says_so_and_stays_up(beamline: Beamline, tmp_path: Path) -> None:
    server = RecorderServer.configured(tmp_path, beamline)
    good = server.config_file.read_text()
    server.config_file.write_text("[instrument]\n")
    server.launch()
    proxy = tango.DeviceProxy(server.trl)
    try:
        wait_until("it answers", lambda: _state(proxy) is tango.DevState.FAULT)
        assert "instrument.name" in proxy.status()
        with pytest.raises(UnavailableError) as fault:
            TangoRecorder(server.trl).report()
        assert fault.value.code == "RECORDER_FAULT"
        server.config_file.write_text(good)
        proxy.Init()
        wait_until("Init has recovered it", lambda: _state(proxy) is tango.DevState.ON)
    finally:
        server.close()


def _answers(client: TangoRecorder) -> bool:
    try:
        return bool(client.report().boot)
    except UnavailableError:
        return False


def _state(proxy: tango.DeviceProxy) -> tango.DevState | None:
    try:
        return proxy.state()
    except tango.DevFailed:
        return None
