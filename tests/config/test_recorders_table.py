"""[[recorders]]: who records what, and complaints about names that lead nowhere."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from beamsession.config import ConfigError, parse
from beamsession.model.clock import utc_now
from beamsession.model.parts import parts_of
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.servers.up.beamline_up import recorders_here
from beamsession.servers.up.tango_database import entries

FILE = Path("/etc/beamsession/b1.toml")
EAST = {"name": "east", "device": "b1/recorder/east"}


def configured(*recorders: dict[str, Any], **detectors: str | None) -> Any:
    """A beamline with these further recorders, and a detector for each name with the recorder that it names."""
    tables = [
        {"name": name, "source": "pva", "pv": f"{name}:Image"} | ({"recorder": recorder} if recorder else {})
        for name, recorder in detectors.items()
    ]
    data = {"instrument": {"name": "b1"}, "data": {"root": "/data"}, "recorders": recorders, "detectors": tables}
    return parse(data, FILE)


def plan(beamline: Any, *names: str, readings: bool = False) -> RunPlan:
    instrument = beamline.instrument_value()
    reading = parse(
        {
            "instrument": {"name": "b1"},
            "data": {"root": "/data"},
            "readings": [{"name": "theta", "pv": "B1:theta"}],
        },
        FILE,
    ).readings
    return RunPlan(
        key=RunKey(instrument="b1", session_id=1, run_number=1),
        data_root=Path("/data"),
        folder=Path("/data/x"),
        session=SessionFacts(id=1, name="x", start=utc_now()),
        instrument=InstrumentFacts(name="b1"),
        frames=10,
        detectors=tuple(item for item in instrument.detectors if item.name in names),
        readings=reading if readings else (),
    )


def test_each_recorder_has_its_own_detectors_and_the_first_what_no_other_has() -> None:
    beamline = configured(EAST, camera=None, monitor="east", far="main")
    assert [item.name for item in beamline.detectors_of("main")] == ["camera", "far"]
    assert [item.name for item in beamline.detectors_of("east")] == ["monitor"]
    assert beamline.instrument_value().recorders == ("main", "east")


@pytest.mark.parametrize(
    ("recorders", "complaint"),
    [
        ([], "names the recorder 'east', which is not there: add it to [[recorders]], or name one of main"),
        ([EAST, EAST | {"device": "b1/recorder/2", "instance": "x"}], "two recorders have the name 'east'"),
        ([EAST | {"name": "main"}], 'the one in [tango] is called "main"'),
        ([EAST | {"device": "Beamline/session/recorder"}], "two recorders have the device"),
        ([EAST | {"instance": "main"}], "two recorders have the instance 'main'"),
        ([EAST | {"device": "east"}], "recorders.0.device"),
    ],
)
def test_recorders_that_cannot_be_are_told(recorders: list[dict[str, Any]], complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        configured(*recorders, monitor="east")
    assert complaint in str(error.value)


def test_the_tango_database_has_a_server_for_each_recorder_but_not_for_one_with_an_address() -> None:
    far = {"name": "far", "device": "b1/recorder/far", "url": "tango://daq2:20001/b1/recorder/far#dbase=no"}
    beamline = configured(EAST, far)
    servers = entries(beamline, FILE)["servers"]["RunRecorder"]
    assert {name: list(devices["RunRecorder"]) for name, devices in servers.items()} == {
        "main": ["beamline/session/recorder"],
        "east": ["b1/recorder/east"],
    }
    assert beamline.all_recorders[2].address == far["url"]


def test_up_starts_the_recorders_of_its_own_host() -> None:
    here = {"name": "here", "device": "b1/recorder/here", "host": socket.gethostname()}
    elsewhere = {"name": "there", "device": "b1/recorder/there", "host": "daq2.example.org"}
    outside = {"name": "far", "device": "b1/recorder/far", "url": "tango://daq2:20001/b1/recorder/far#dbase=no"}
    found = recorders_here(configured(EAST, here, elsewhere, outside))
    assert [(table.name, table.role) for table in found] == [
        ("main", "run_recorder"),
        ("east", "run_recorder_east"),
        ("here", "run_recorder_here"),
    ]


def test_a_run_is_taken_apart_and_one_for_a_single_recorder_is_not() -> None:
    beamline = configured(EAST, camera=None, monitor="east")
    names = beamline.instrument_value().recorders
    both = parts_of(plan(beamline, "camera", "monitor", readings=True), names)
    assert {name: ([item.name for item in part.detectors], len(part.readings)) for name, part in both.items()} == {
        "main": (["camera"], 1),
        "east": (["monitor"], 0),
    }
    assert [part.leads for part in both.values()] == [True, False]
    assert [len(part.whole.detectors) for part in both.values()] == [2, 2]
    alone = plan(beamline, "monitor")
    assert parts_of(alone, names) == {"east": alone}
    assert list(parts_of(plan(beamline, "monitor", readings=True), names)) == ["main", "east"]
    nothing = plan(beamline)
    assert parts_of(nothing, names) == {"main": nothing}
