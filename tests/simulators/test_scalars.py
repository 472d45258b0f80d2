"""The ten scalar readings of both IOCs, seen by pyepics, caproto's client and p4p."""

import math
from typing import cast

import epics
import pytest
from caproto import AlarmSeverity
from caproto.threading.client import Context as CaprotoContext
from p4p import Value
from p4p.client.thread import Context

from beamsim.running import Beamline
from eventually import eventually

UNITS = {
    "RingCurrent": "mA",
    "SampleTemperature": "K",
    "FrontEndPressure": "mbar",
    "BeamEnergy": "keV",
    "ExposureTime": "s",
    "DetectorDistance": "mm",
    "HutchTemperature": "degC",
    "HutchHumidity": "%",
    "CoolingWaterFlow": "l/min",
    "PhotonFlux": "1/s",
}
CHANGING = [
    "RingCurrent",
    "SampleTemperature",
    "FrontEndPressure",
    "HutchTemperature",
    "HutchHumidity",
    "CoolingWaterFlow",
    "PhotonFlux",
]


@pytest.mark.parametrize("name", UNITS)
def test_a_reading_has_a_unit_alarm_limits_and_no_alarm(beamline: Beamline, name: str):
    pv = epics.PV(f"{beamline.prefix}{name}", form="ctrl")
    limits = pv.get_ctrlvars(timeout=30)
    assert limits is not None
    assert limits["units"] == UNITS[name]
    assert pv.value < limits["upper_warning_limit"] < limits["upper_alarm_limit"]
    lower = limits["lower_warning_limit"]
    assert math.isnan(lower) or lower < pv.value
    assert pv.severity == 0
    assert epics.caget(f"{beamline.prefix}{name}.DESC")


@pytest.mark.parametrize("name", UNITS)
def test_the_list_of_pvs_says_the_same(beamline: Beamline, name: str):
    described = next(pv for pv in beamline.pvs if pv.name == f"{beamline.prefix}{name}")
    assert described.units == UNITS[name]
    assert described.writable == (name not in CHANGING)


def test_what_drifts_keeps_changing(beamline: Beamline):
    values: dict[str, set[float]] = {name: set() for name in CHANGING}
    pvs = [
        epics.PV(
            f"{beamline.prefix}{name}",
            callback=lambda value, seen=values[name], **_: seen.add(value),
            auto_monitor=True,
        )
        for name in CHANGING
    ]
    eventually(lambda: all(len(seen) >= 3 for seen in values.values()))
    for pv in pvs:
        pv.disconnect()


def test_a_value_out_of_limits_is_an_alarm(beamline: Beamline):
    name = f"{beamline.prefix}DetectorDistance"
    context = CaprotoContext()
    try:
        (pv,) = context.get_pvs(name)
        pv.wait_for_connection(timeout=30)
        severities = {}
        for distance in (1300, 1450, 250):
            pv.write([distance], wait=True, timeout=30)
            severities[distance] = pv.read(data_type="time", timeout=30).metadata.severity
    finally:
        context.disconnect()
    assert severities == {
        1300: AlarmSeverity.MINOR_ALARM,
        1450: AlarmSeverity.MAJOR_ALARM,
        250: AlarmSeverity.NO_ALARM,
    }


def test_the_records_of_the_ioc_are_served_over_pva_too(beamline: Beamline):
    with Context("pva", nt=False) as context:
        energy = cast(Value, context.get(f"{beamline.prefix}BeamEnergy", timeout=30))
    assert energy.value == 12.398
    assert energy.display.units == "keV"
    assert energy.valueAlarm.highAlarmLimit == 28
