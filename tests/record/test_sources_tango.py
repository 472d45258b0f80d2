"""Frames from Tango attributes: real device servers, which are killed, hang, and lose frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tango

from beamsession.model.completeness import Gap, verdict
from beamsession.model.detector import TangoDetector, TangoEvent
from beamsession.model.errors import RefusedError
from beamsession.model.states import RunState
from beamsession.record.datafile import DATA, TIME_STAMP, UNIQUE_ID
from beamsession.record.sources.tango_picture import picture, refusal
from beamsession.record.streaming import StreamingDetector
from beamsession.record.tango_client import split
from frame_server import begin, finish, run_plan, stored, wait_closed, wait_received, wait_until
from tango_camera import TYPES, TangoCamera

Make = Callable[..., StreamingDetector]


@pytest.fixture(scope="module")
def camera() -> Iterator[TangoCamera]:
    with TangoCamera() as camera:
        yield camera


@pytest.fixture(scope="module")
def events(camera: TangoCamera) -> Iterator[StreamingDetector]:
    """Frames by events, numbered by the device."""
    detector = StreamingDetector(
        config(
            camera,
            id_attribute="Id",
            dropped_attribute="Dropped",
            frames_attribute="Frames",
            start_command="Start",
            stop_command="Stop",
        )
    )
    yield detector
    detector.shutdown()


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[StreamingDetector] = []

    def make(camera: TangoCamera, attribute: str = "Image", **changes: Any) -> StreamingDetector:
        made.append(StreamingDetector(config(camera, attribute, **changes)))
        return made[-1]

    yield make
    for detector in made:
        detector.shutdown()


def config(camera: TangoCamera, attribute: str = "Image", **changes: Any) -> TangoDetector:
    values = {"name": "camera", "attribute": camera.name_of(attribute), "ring_mib": 16, "polling_ms": 20}
    return TangoDetector(**(values | changes))


def content(path: Path) -> tuple[list[int], Any]:
    """Ids and frames in a data file."""
    with h5py.File(path, "r") as file:
        return stored(file, UNIQUE_ID)[()].tolist(), stored(file, DATA)[()]


def test_every_event_after_arming_is_a_frame_with_its_id_and_time_stamp(
    camera: TangoCamera, events: StreamingDetector, tmp_path: Path
) -> None:
    camera.push(7)
    path = begin(events, run_plan(tmp_path))
    camera.push(8, 57)
    camera.push(58, stamp=1_700_000_000.125)
    wait_received(events, 51)
    ended = finish(events)
    ids, frames = content(path)
    assert (ended.failure, ended.account.missing, ids) == ("", 0, list(range(8, 59)))
    assert frames.shape == (51, 3, 4)
    assert frames.dtype == np.uint16
    assert (frames == np.array(ids).reshape(-1, 1, 1) % 100).all()
    with h5py.File(path, "r") as file:
        assert stored(file, TIME_STAMP)[-1] == 1_700_000_000_125_000_000


def test_the_acquisition_is_started_and_stopped_in_order(
    camera: TangoCamera, events: StreamingDetector, tmp_path: Path
) -> None:
    before = len(camera.do("done"))
    begin(events, run_plan(tmp_path, frames=5))
    wait_until("it is started", lambda: camera.do("done")[before:] == [("Stop",), ("Frames", 5), ("Start",)])
    camera.push(1, 5)
    ended = wait_closed(events)
    assert ended.account.written == 5
    wait_until("it is stopped", lambda: camera.do("done")[-1] == ("Stop",))


def test_ids_that_never_came_and_frames_the_device_dropped_are_missing(
    camera: TangoCamera, events: StreamingDetector, tmp_path: Path
) -> None:
    camera.do("drop", 40)
    begin(events, run_plan(tmp_path))
    camera.push(1, 3)
    camera.push(6, 7)
    wait_received(events, 5)
    camera.do("drop", 45)
    ended = finish(events).account  # the counter is read once more at the end
    assert (ended.gaps, ended.dropped_by_detector, ended.missing) == ((Gap(first=4, last=5),), 5, 5)


def test_a_device_that_is_killed_and_comes_back_is_recorded_again_and_told(make: Make, tmp_path: Path) -> None:
    with TangoCamera() as camera:
        detector = make(camera, id_attribute="Id")
        path = begin(detector, run_plan(tmp_path))
        camera.push(1, 3)
        wait_received(detector, 3)

        def is_gone() -> bool:
            return "PV_GONE" in {warning.code for warning in detector.progress().warnings}

        camera.kill()
        wait_until("the loss is told", is_gone)
        camera.restart()
        wait_until("it is subscribed again", lambda: not is_gone())
        camera.push(10, 12)
        wait_received(detector, 6)
        camera.kill()
        camera.restart()  # at once: a ping finds nothing wrong
        wait_until("the second loss is told, too", lambda: detector.progress().account.disconnections == 2)
        wait_until("it is subscribed again", lambda: not is_gone())
        camera.push(1, 2)
        wait_received(detector, 8)
        ended = finish(detector)
    assert ended.failure == ""
    assert content(path)[0] == [1, 2, 3, 10, 11, 12, 1, 2]
    assert (ended.account.gaps, ended.account.duplicates) == ((Gap(first=4, last=9),), 0)
    state, reason = verdict((ended.account,))
    assert state is RunState.INCOMPLETE
    assert "ids 4-9" in reason
    assert "its source disconnected, and its unique ids began anew" in reason


def test_polled_frames_are_told_apart_by_their_time_stamps(camera: TangoCamera, make: Make, tmp_path: Path) -> None:
    camera.do("quietly", 5)
    detector = make(camera, "QuietImage")  # it has no events: the fall-back
    path = begin(detector, run_plan(tmp_path))
    for number in (6, 7, 8):
        camera.do("quietly", number)
        wait_received(detector, number - 5)
    camera.do("quietly", 9)
    ended = finish(detector)  # read once more at the stop
    ids, frames = content(path)
    assert (ended.account.missing, ids) == (0, [0, 1, 2, 3])
    assert frames[:, 0, 0].tolist() == [6, 7, 8, 9]


def test_polled_frames_with_ids_tell_what_polling_has_missed(camera: TangoCamera, make: Make, tmp_path: Path) -> None:
    camera.do("quietly", 5)
    detector = make(camera, "QuietImage", id_attribute="QuietId")
    path = begin(detector, run_plan(tmp_path))
    for count, number in enumerate((6, 7, 11), start=1):
        camera.do("quietly", number)
        wait_received(detector, count)
    ended = finish(detector)
    assert content(path)[0] == [6, 7, 11]
    assert ended.account.gaps == (Gap(first=8, last=10),)


def test_a_spectrum_is_a_frame(camera: TangoCamera, make: Make, tmp_path: Path) -> None:
    detector = make(camera, "Spectrum", event=TangoEvent.ARCHIVE)
    path = begin(detector, run_plan(tmp_path, frames=3))
    camera.push(21, 23)
    assert wait_closed(detector).account.missing == 0
    frames = content(path)[1]
    assert (frames.shape, frames.dtype) == ((3, 4), np.float64)
    assert frames[:, 3].tolist() == [21, 22, 23]


def test_a_scalar_is_a_frame_and_an_invalid_one_is_missing_once_another_comes(
    camera: TangoCamera, make: Make, tmp_path: Path
) -> None:
    detector = make(camera, "Value", event=TangoEvent.CHANGE)
    path = begin(detector, run_plan(tmp_path))
    camera.push(1, invalid=True)  # at rest: nothing is lost
    camera.push(2, 3)
    camera.push(4, invalid=True)
    camera.push(5)
    camera.push(6, invalid=True)
    wait_received(detector, 3)
    ended = finish(detector).account
    assert content(path)[1].tolist() == [[2], [3], [5]]
    assert ended.missing == 1


def test_a_changed_frame_size_ends_the_run_with_the_reason(
    camera: TangoCamera, events: StreamingDetector, tmp_path: Path
) -> None:
    path = begin(events, run_plan(tmp_path))
    camera.push(1)
    camera.push(2, shape=(3, 5))
    failure = wait_until("the failure is told", lambda: events.progress().failure)
    assert failure == "frame size changed from 4x3 uint16 to 5x3 uint16"
    finish(events)
    assert content(path)[0] == [1]


def test_a_start_that_the_device_refuses_ends_the_run_with_its_words(
    camera: TangoCamera, make: Make, tmp_path: Path
) -> None:
    detector = make(camera, start_command="Refuse")
    begin(detector, run_plan(tmp_path))
    failure = wait_until("the failure is told", lambda: detector.progress().failure)
    assert failure.startswith("the command Refuse failed: ")
    assert "the shutter is closed" in failure
    finish(detector)


def test_a_device_that_does_not_answer_or_hangs_is_named_in_time(make: Make, tmp_path: Path) -> None:
    with TangoCamera() as camera:
        camera.kill()
        detector = make(camera)
        refused = refusal_of(detector, tmp_path)
        assert camera.name_of("Image") in refused.sentence
        assert "device server" in refused.remedy
        camera.restart()
        wait_until("the device answers", lambda: not detector.check())

        camera.do("hang", True)  # whoever reads the image
        refusal_of(detector, tmp_path)
        wait_until("the check tells it", lambda: [problem.code for problem in detector.check()] == ["PV_TIMEOUT"])
        began = time.monotonic()
        for _ in range(8):
            detector.check()
            refusal_of(detector, tmp_path, timeout=0.1)
        assert time.monotonic() - began < 20.0  # the client library gives up after 3 s each time
        camera.do("hang", False)
        wait_until("the device answers again", lambda: not detector.check())


def refusal_of(detector: StreamingDetector, folder: Path, timeout: float = 0.5) -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        detector.prepare(run_plan(folder, connect_timeout_s=timeout))
    assert refused.value.code == "PV_TIMEOUT"
    assert list(folder.iterdir()) == []
    return refused.value


@pytest.mark.parametrize(
    ("attribute", "changes", "words"),
    [
        ("Text", {}, "it is of type DevString"),
        ("QuietImage", {"event": TangoEvent.CHANGE}, "its device sends no such events"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_the_run(
    camera: TangoCamera, make: Make, tmp_path: Path, attribute: str, changes: dict[str, Any], words: str
) -> None:
    detector = make(camera, attribute, **changes)
    with pytest.raises(RefusedError) as refused:
        detector.prepare(run_plan(tmp_path))
    assert refused.value.code == "BAD_FRAME"
    assert words in refused.value.sentence
    assert list(tmp_path.iterdir()) == []


def test_an_attribute_and_a_command_that_the_device_has_not_are_named(camera: TangoCamera, make: Make) -> None:
    detector = make(camera, "Nothing", stop_command="Halt")
    named = f"The attributes {camera.name_of('Nothing')}, Halt of detector camera do not answer."
    wait_until("both are named", lambda: [item.sentence for item in detector.check()] == [named])


def test_all_numbers_are_taken(camera: TangoCamera) -> None:
    device, _ = split(camera.name_of("x"))
    proxy = tango.DeviceProxy(device)
    for name in TYPES:
        attribute: Any = proxy.get_attribute_config(f"Of_{name}")
        assert refusal(attribute) == ""
        taken = picture(proxy.read_attribute(f"Of_{name}"))
        assert taken.pixels.dtype == np.dtype("uint8" if name == "bool" else name)
        assert taken.pixels.tolist() == [0, 1, 1]
    assert picture(proxy.read_attribute("Shutter")).pixels.tolist() == [1]
