"""The detector over Channel Access, seen by pyepics and by caproto's client."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import epics
import numpy as np
import pytest
from caproto.threading.client import Context

from beamsim.detector_client import DetectorClient
from beamsim.frames import VARIANTS
from eventually import eventually


@dataclass
class Seen:
    """What two monitors have delivered, in the order of arrival."""

    ids: dict[float, int] = field(default_factory=dict)
    """Unique id by time stamp."""
    images: list[tuple[float, np.ndarray]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    def take_id(self, value: int, timestamp: float, **_) -> None:
        self.ids[timestamp] = value
        self.order.append("id")

    def take_image(self, value: np.ndarray, timestamp: float, **_) -> None:
        self.images.append((timestamp, value.view(np.uint16)))
        self.order.append("image")

    def paired(self) -> list[int]:
        """The ids of the images, by equal time stamp."""
        return [self.ids[timestamp] for timestamp, _ in self.images]


@pytest.fixture
def seen(ca_detector: DetectorClient) -> Iterator[Seen]:
    seen = Seen()
    prefix = ca_detector.prefix
    unique_id = epics.PV(f"{prefix}UniqueId_RBV", form="time", auto_monitor=True, callback=seen.take_id)
    pixels = epics.PV(f"{prefix}ArrayData", form="time", auto_monitor=True, callback=seen.take_image)
    eventually(lambda: unique_id.connected and pixels.connected and len(seen.order) >= 2)
    seen.ids.clear()
    seen.images.clear()
    seen.order.clear()
    yield seen
    unique_id.disconnect()
    pixels.disconnect()


def test_all_frames_come_with_consecutive_ids(ca_detector: DetectorClient, seen: Seen):
    before = ca_detector.made().last_id
    ca_detector.start(frames=20, period=0.05)
    made = ca_detector.wait()
    eventually(lambda: len(seen.images) == 20)
    assert seen.paired() == list(range(before + 1, before + 21))
    assert (made.frames, made.dropped, made.last_id) == (20, 0, before + 20)


def test_the_id_comes_before_its_pixels_with_the_same_time_stamp(ca_detector: DetectorClient, seen: Seen):
    ca_detector.start(frames=10, period=0.05)
    ca_detector.wait()
    eventually(lambda: len(seen.images) == 10)
    assert seen.order == ["id", "image"] * 10
    assert [image[0] for _, image in seen.images] == [unique_id % VARIANTS for unique_id in seen.paired()]


def test_a_dropped_frame_uses_up_its_id(ca_detector: DetectorClient, seen: Seen):
    before = ca_detector.made().last_id
    ca_detector.start(frames=12, period=0.05, drop_every=5)
    made = ca_detector.wait()
    eventually(lambda: len(seen.images) == 10)
    assert [unique_id - before for unique_id in seen.paired()] == [1, 2, 3, 4, 6, 7, 8, 9, 11, 12]
    assert (made.frames, made.dropped) == (12, 2)


def test_the_size_can_be_set_and_is_that_of_the_pixels(ca_detector: DetectorClient, seen: Seen):
    ca_detector.resize(80, 50)
    try:
        ca_detector.start(frames=1)
        eventually(lambda: len(seen.images) == 1)
        assert len(seen.images[0][1]) == 80 * 50
        assert ca_detector.get(f"{ca_detector.prefix}SizeX_RBV") == 80
        assert ca_detector.get(f"{ca_detector.prefix}SizeY_RBV") == 50
    finally:
        ca_detector.wait()
        ca_detector.resize(256, 192)


def test_the_size_cannot_change_while_frames_are_made(ca_detector: DetectorClient):
    prefix = ca_detector.prefix
    before = ca_detector.get(f"{prefix}SizeX")
    ca_detector.start(frames=0, period=0.05)
    eventually(lambda: ca_detector.get(f"{prefix}Acquire_RBV") == 1)
    ca_detector.put(f"{prefix}SizeX", 32)
    assert ca_detector.get(f"{prefix}SizeX") == before


def test_a_size_beyond_the_record_is_refused(ca_detector: DetectorClient):
    before = ca_detector.get(f"{ca_detector.prefix}SizeX")
    ca_detector.resize(1, 8192)
    ca_detector.put(f"{ca_detector.prefix}SizeX", 8192)
    assert ca_detector.get(f"{ca_detector.prefix}SizeX") == 1
    ca_detector.resize(int(before), 192)


def test_it_can_be_stopped_and_started_again_at_once(ca_detector: DetectorClient):
    ca_detector.start(frames=0, period=0.01)
    eventually(lambda: ca_detector.made().frames > 3)
    ca_detector.put(f"{ca_detector.prefix}Acquire", 0)
    ca_detector.start(frames=5, period=0.01)
    assert ca_detector.wait().frames == 5


def test_a_caproto_client_sees_the_same_frame(ca_detector: DetectorClient):
    ca_detector.start(frames=1)
    made = ca_detector.wait()
    prefix = ca_detector.prefix
    context = Context()
    try:
        unique_id, pixels = context.get_pvs(f"{prefix}UniqueId_RBV", f"{prefix}ArrayData")
        for pv in (unique_id, pixels):
            pv.wait_for_connection(timeout=30)
        id_reading, pixel_reading = unique_id.read(data_type="time"), pixels.read(data_type="time")
        assert id_reading.data[0] == made.last_id
        assert len(pixel_reading.data) == 256 * 192
        assert id_reading.metadata.timestamp == pixel_reading.metadata.timestamp
    finally:
        context.disconnect()
