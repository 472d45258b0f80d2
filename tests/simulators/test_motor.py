"""The motors, seen by pyepics."""

import time
from collections.abc import Iterator

import epics
import pytest

from beamsim.running import Beamline
from eventually import eventually


def reading(name: str) -> float:
    value = epics.caget(name, timeout=30, use_monitor=False)
    assert value is not None
    return float(value)


def control_values(name: str) -> dict:
    values = epics.PV(name, form="ctrl").get_ctrlvars(timeout=30)
    assert values is not None
    return values


@pytest.fixture
def motor(beamline: Beamline) -> Iterator[str]:
    """The first motor, at 0 and at 2 mm/s."""
    name = f"{beamline.prefix}M1"
    assert epics.caput(f"{name}:VELO", 20.0, wait=True, timeout=30) == 1
    assert epics.caput(name, 0.0, wait=True, timeout=30) == 1
    assert epics.caput(f"{name}:VELO", 2.0, wait=True, timeout=30) == 1
    yield name
    epics.caput(f"{name}:STOP", 1, wait=True, timeout=30)
    eventually(lambda: reading(f"{name}:DMOV") == 1)


def test_a_put_with_callback_ends_when_the_motor_is_there(motor: str):
    began = time.monotonic()
    assert epics.caput(motor, 1.0, wait=True, timeout=30) == 1
    assert time.monotonic() - began >= 0.5
    assert reading(f"{motor}:RBV") == 1.0
    assert reading(f"{motor}:DMOV") == 1


def test_the_readback_passes_through_the_positions_between(motor: str):
    readings: list[tuple[float, float]] = []
    readback = epics.PV(
        f"{motor}:RBV",
        form="time",
        callback=lambda value, timestamp, **_: readings.append((timestamp, value)),
    )
    eventually(lambda: len(readings) == 1)
    epics.caput(motor, 2.0, wait=True, timeout=30)
    eventually(lambda: readings[-1][1] == 2.0)
    readback.disconnect()
    times, positions = zip(*readings[1:], strict=True)
    assert len(positions) >= 20  # one second of travel
    assert list(positions) == sorted(positions)
    assert list(times) == sorted(times)
    # By their own time stamps, the readings lie on the line of the velocity.
    assert (positions[-2] - positions[0]) / (times[-2] - times[0]) == pytest.approx(2.0, rel=0.1)


def test_a_stop_leaves_the_motor_where_it_is(motor: str):
    epics.caput(motor, 10.0)
    eventually(lambda: reading(f"{motor}:RBV") > 0.2)
    assert reading(f"{motor}:DMOV") == 0
    epics.caput(f"{motor}:STOP", 1, wait=True, timeout=30)
    eventually(lambda: reading(f"{motor}:DMOV") == 1)
    reached = reading(f"{motor}:RBV")
    assert 0.2 < reached < 10
    assert reading(motor) == reached
    assert epics.caput(motor, 0.1, wait=True, timeout=30) == 1
    assert reading(f"{motor}:RBV") == pytest.approx(0.1)


def test_it_does_not_go_beyond_its_limits(motor: str):
    limits = control_values(motor)
    epics.caput(f"{motor}:VELO", 20.0, wait=True, timeout=30)
    epics.caput(motor, 1000.0, wait=True, timeout=30)
    assert reading(f"{motor}:RBV") == limits["upper_ctrl_limit"] == 10.0


@pytest.mark.parametrize(("name", "units"), [("M1", "mm"), ("M2", "deg")])
def test_both_motors_tell_their_units(beamline: Beamline, name: str, units: str):
    for field, expected in (("", units), (":RBV", units), (":VELO", f"{units}/s")):
        assert control_values(f"{beamline.prefix}{name}{field}")["units"] == expected
