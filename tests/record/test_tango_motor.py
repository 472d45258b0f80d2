"""A motor that is a Tango device: it moves like one, and its position is an axis of the frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tango

from beamsession.model.reading import Protocol, ReadingConfig
from beamsession.model.states import RunState
from beamsim.detector_client import DetectorClient
from beamsim.processes import ServerProcesses
from beamsim.running import Beamline
from beamsim.starting import BeamlineOptions, await_tango_motor, start_tango_motor
from recorder_rig import Rig, begin, outcome, value_in, wait_until, written


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("motor")
    servers = ServerProcesses(folder)
    ready = start_tango_motor(servers, BeamlineOptions(tango_motor=True), folder / "ready.json")
    try:
        device = await_tango_motor(servers, ready, time.monotonic() + 60)
        assert device is not None
        yield device
    finally:
        servers.stop()


@pytest.fixture
def motor(address: str) -> tango.DeviceProxy:
    """At rest at 0, fast."""
    motor = tango.DeviceProxy(f"{address}#dbase=no")
    motor.Velocity = 1000.0
    motor.Position = 0.0
    wait_until("it rests", lambda: motor.state() == tango.DevState.ON and motor.Position == 0.0)
    return motor


def test_it_moves_at_its_speed_tells_its_way_and_rests(motor: tango.DeviceProxy) -> None:
    seen: list[tuple[float, Any]] = []

    def note(event: Any) -> None:
        if not event.err:
            seen.append((event.attr_value.value, event.attr_value.quality))

    subscription = motor.subscribe_event("Position", tango.EventType.CHANGE_EVENT, note)
    motor.Velocity = 10.0
    began = time.monotonic()
    motor.Position = 5.0
    assert motor.state() == tango.DevState.MOVING
    wait_until("it rests", lambda: motor.state() == tango.DevState.ON)
    assert time.monotonic() - began > 0.4
    wait_until("the end is told", lambda: seen and seen[-1] == (5.0, tango.AttrQuality.ATTR_VALID))
    motor.unsubscribe_event(subscription)
    positions = [position for position, _ in seen]
    assert positions == sorted(positions)
    assert tango.AttrQuality.ATTR_CHANGING in [quality for _, quality in seen]


def test_it_stops_where_it_is_and_goes_nowhere_beyond_its_limits(motor: tango.DeviceProxy) -> None:
    motor.Velocity = 5.0
    motor.Position = 40.0
    wait_until("it moves", lambda: motor.Position > 0.0)
    motor.Stop()
    wait_until("it rests", lambda: motor.state() == tango.DevState.ON)
    assert 0.0 < motor.Position < 40.0
    with pytest.raises(tango.DevFailed, match="limit"):
        motor.Position = 50.1
    assert motor.state() == tango.DevState.ON


def test_its_position_is_an_axis_of_the_frames(
    address: str, motor: tango.DeviceProxy, beamline: Beamline, tmp_path: Path, pva_detector: DetectorClient
) -> None:
    axis = ReadingConfig(name="m3", pv=f"{address}/position#dbase=no", source=Protocol.TANGO, axis=True)
    rig = Rig(beamline, tmp_path, readings=(axis,))
    recorder = rig.start()
    try:
        plan = rig.plan()
        begin(recorder, plan)
        for step, position in enumerate((1.0, 2.0, 3.0), 1):
            motor.Position = position
            wait_until("it is there", lambda: motor.state() == tango.DevState.ON)
            pva_detector.start(2, period=0.005)
            pva_detector.wait()
            wait_until("the frames are written", lambda step=step: written(recorder) == 2 * step)
        recorder.stop(plan.key)
        ended = outcome(recorder, plan)
    finally:
        rig.close()
    assert (ended.state, ended.check) == (RunState.COMPLETED, ())
    assert np.array_equal(value_in(plan.master, "entry/fast/m3"), [1.0, 1.0, 2.0, 2.0, 3.0, 3.0])
