"""Scalar Tango attributes are recorded as PVs are: real device servers, with events and without, killed and hanging."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tango

from beamsession.model.errors import RefusedError
from beamsession.model.reading import ConstantConfig, Protocol, ReadingConfig
from beamsession.record import tango_client
from beamsession.record.readings.messages import Silent
from beamsession.record.readings.process import refusal
from beamsession.record.readings.reading import Severity
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.readings.source import Facts
from beamsession.record.readings.table import Series, read_table
from beamsession.record.readings.tango import TangoScalars
from frame_server import run_plan, wait_until
from tango_camera import TangoCamera

Make = Callable[..., ReadingsRecorder]


@pytest.fixture
def camera() -> Iterator[TangoCamera]:
    with TangoCamera() as camera:
        yield camera


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[ReadingsRecorder] = []

    def make(*readings: ReadingConfig, constants: tuple[ConstantConfig, ...] = ()) -> ReadingsRecorder:
        made.append(ReadingsRecorder(readings, constants))
        return made[-1]

    yield make
    for recorder in made:
        recorder.shutdown()


def reading(camera: TangoCamera, attribute: str) -> ReadingConfig:
    return ReadingConfig(name=attribute.lower(), pv=camera.name_of(attribute), source=Protocol.TANGO)


def constant(camera: TangoCamera, attribute: str) -> ConstantConfig:
    path = f"/entry/instrument/{attribute.lower()}"
    return ConstantConfig(name=attribute.lower(), pv=camera.name_of(attribute), source=Protocol.TANGO, path=path)


def series_of(recorder: ReadingsRecorder) -> dict[str, Series]:
    path = recorder.data_file()
    assert path is not None
    return {item.column.name: item for item in read_table(path)}


def test_values_come_with_time_stamps_qualities_and_facts_by_events_and_by_polling(
    camera: TangoCamera, make: Make, tmp_path: Path
) -> None:
    recorder = make(*(reading(camera, name) for name in ("Position", "Quietness", "Shutter", "State")))
    recorder.prepare(run_plan(tmp_path))
    began = time.time_ns()
    for position, quality in ((2.0, "WARNING"), (2.5, "ALARM"), (3.0, "CHANGING"), (3.0, "INVALID"), (3.5, "VALID")):
        camera.do("set_scalar", "Position", position, f"ATTR_{quality}")
    camera.do("set_scalar", "Shutter", 0, "ATTR_VALID")
    camera.do("go", "MOVING")
    camera.do("set_scalar", "Quietness", 8, "ATTR_VALID")
    wait_until("all values are in the table", lambda: recorder.count >= 6 + 2 + 2 + 2)
    recorder.stop()

    series = series_of(recorder)
    position = series["position"]
    assert np.array_equal(position.values, [1.5, 2.0, 2.5, 3.0, np.nan, 3.5], equal_nan=True)
    assert position.severities.tolist() == [0, Severity.MINOR, Severity.MAJOR, 0, Severity.INVALID, 0]
    assert position.times[0] < began <= position.times[1]
    assert (np.diff(position.times) > 0).all()
    assert (position.column.units, position.column.description) == ("mm", "sample position")
    assert series["quietness"].values.tolist() == [7, 8]
    assert series["shutter"].values.tolist() == [1, 0]
    assert series["shutter"].column.labels == ("CLOSED", "OPEN")
    state = series["state"]
    assert [state.column.labels[int(value)] for value in state.values] == ["ON", "MOVING"]


def test_a_device_that_is_killed_is_told_and_recorded_again_when_it_is_back(
    camera: TangoCamera, make: Make, tmp_path: Path
) -> None:
    recorder = make(reading(camera, "Position"), reading(camera, "Quietness"))
    recorder.prepare(run_plan(tmp_path))
    camera.kill()
    wait_until("the loss of both is in the table", lambda: recorder.count >= 4)
    camera.restart()
    wait_until("both have values again", lambda: recorder.count >= 6)
    camera.do("set_scalar", "Position", 4.0, "ATTR_VALID")
    wait_until("events come again", lambda: recorder.count >= 7)
    camera.kill()
    camera.restart()  # at once: a ping finds nothing wrong
    wait_until("the second loss is told too", lambda: recorder.count >= 11)
    recorder.stop()
    series = series_of(recorder)
    expected = [1.5, np.nan, 1.5, 4.0, np.nan, 1.5]
    assert np.array_equal(series["position"].values, expected, equal_nan=True)
    assert series["quietness"].severities[1] == Severity.INVALID


def test_constants_are_read_as_what_they_are(camera: TangoCamera, make: Make, tmp_path: Path) -> None:
    names = ("Position", "Text", "Shutter", "State")
    recorder = make(constants=tuple(constant(camera, name) for name in names))
    at_start = recorder.prepare(run_plan(tmp_path))
    camera.do("set_scalar", "Position", 2.25, "ATTR_ALARM")
    at_end = recorder.stop()
    assert [at_start[name.lower()].value for name in names] == [1.5, "hello", "OPEN", "ON"]
    assert at_start["position"].units == "mm"
    assert (at_end["position"].value, at_end["position"].severity) == (2.25, Severity.MAJOR)
    assert at_end["position"].time > at_start["position"].time


def test_what_is_no_number_is_refused_and_what_is_not_there_is_named(
    camera: TangoCamera, make: Make, tmp_path: Path
) -> None:
    recorder = make(*(reading(camera, name) for name in ("Text", "Image", "Nothing", "Position")))
    refused = {camera.name_of(name) for name in ("Text", "Image", "Nothing")}

    def told() -> bool:
        codes = [problem.code for problem in recorder.check()]
        return codes == ["READING_NOT_A_NUMBER"] * 3

    wait_until("all three are told, in their order", told)
    assert camera.name_of("Nothing") in recorder.check()[2].sentence
    assert "its device has no such attribute" in recorder.check()[2].sentence
    with pytest.raises(RefusedError) as refused_run:
        recorder.prepare(run_plan(tmp_path, connect_timeout_s=1.0))
    assert refused_run.value.value in refused


def test_a_device_that_hangs_holds_up_neither_the_check_nor_other_devices(
    camera: TangoCamera, make: Make, tmp_path: Path
) -> None:
    with TangoCamera() as other:
        camera.do("hang", True)
        recorder = make(reading(other, "Position"), constants=(constant(camera, "Image"),))
        wait_until(
            "only the one that hangs is told",
            lambda: [camera.name_of("Image") in problem.sentence for problem in recorder.check()] == [True],
        )
        began = time.monotonic()
        with pytest.raises(RefusedError) as refused:
            recorder.prepare(run_plan(tmp_path, connect_timeout_s=0.5))
        assert refused.value.code == "PV_TIMEOUT"
        assert time.monotonic() - began < 10.0


def test_an_attribute_that_is_not_there_is_told_once_and_found_when_its_server_has_it(
    camera: TangoCamera, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    class Listener:
        def post(self, moment: int, value: float, severity: int) -> None:
            heard.append("value")

        def describe(self, facts: Facts) -> None:
            heard.append(facts.refusal or "described")

        def lose(self) -> None:
            heard.append("lost")

    scalars = TangoScalars()
    scalars.watch(camera.name_of("Nothing"), Listener())
    wait_until("it is refused", lambda: heard)
    began = time.monotonic()
    wait_until("it was looked after several times", lambda: time.monotonic() > began + 2.5)
    assert heard == ["its device has no such attribute"]
    for _ in range(3):
        assert scalars.read(camera.name_of("Nothing"), 10.0) is None
    assert len([record for record in caplog.records if "Nothing" in record.getMessage()]) == 2
    camera.kill()
    wait_until("the loss is told", lambda: "lost" in heard)
    camera.restart()
    wait_until("it is asked for again", lambda: heard[-1] == "its device has no such attribute")


def test_the_client_of_a_server_is_kept_until_its_device_is_lost(
    camera: TangoCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    class Counted(tango.DeviceProxy):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            made.append(name)

    monkeypatch.setattr(tango_client.tango, "DeviceProxy", Counted)
    proxy = tango_client.connected(camera.name_of("").replace("/#", "#"))
    heartbeat = tango_client.Heartbeat()
    first = {heartbeat.channel(proxy) for _ in range(5)}
    assert (len(first), len(made)) == (1, 2)
    camera.kill()
    with pytest.raises(tango.DevFailed):
        heartbeat.channel(proxy)
    camera.restart()
    heartbeat.forget()

    def other() -> bool:
        try:
            return heartbeat.channel(proxy) not in first
        except tango.DevFailed:  # Its client waits a moment before it tries again.
            return False

    wait_until("the new server tells another channel", other)
    before = len(made)
    assert other()
    assert len(made) == before


def test_what_is_told_of_a_silent_attribute_names_its_device_server() -> None:
    silent = Silent(name="gap", pv="a/b/c/Gap", key="constants.gap.pv", source=Protocol.TANGO)
    assert "its device server runs" in (refusal(silent, 1.0, others=0).remedy or "")
    epics = silent.model_copy(update={"source": Protocol.CA})
    assert "its IOC runs" in (refusal(epics, 1.0, others=0).remedy or "")
