"""The detector over pvAccess, seen by p4p."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
from p4p import Value
from p4p.client.thread import Context, RemoteError

from beamsim.detector_client import DetectorClient
from beamsim.frames import VARIANTS
from beamsim.pixels import PixelType
from beamsim.running import Beamline
from eventually import eventually

QUEUE = "record[queueSize=100]field()"


@pytest.fixture
def context(beamline: Beamline) -> Iterator[Context]:
    with Context("pva", nt=False) as context:
        yield context


@pytest.fixture
def images(context: Context, pva_detector: DetectorClient) -> Iterator[list[Value]]:
    """The frames delivered from now on."""
    received: list[Value] = []
    with context.monitor(f"{pva_detector.prefix}Image", received.append, request=QUEUE):
        eventually(lambda: len(received) == 1)
        received.clear()
        yield received


def test_all_frames_come_with_consecutive_ids(pva_detector: DetectorClient, images: list[Value]):
    before = pva_detector.made().last_id
    pva_detector.start(frames=100, period=0.005)
    made = pva_detector.wait()
    eventually(lambda: len(images) == 100)
    assert [image.uniqueId for image in images] == list(range(before + 1, before + 101))
    assert [image.value[0] for image in images] == [image.uniqueId % VARIANTS for image in images]
    assert (made.frames, made.dropped, made.last_id) == (100, 0, before + 100)


def test_a_dropped_frame_uses_up_its_id(pva_detector: DetectorClient, images: list[Value]):
    before = pva_detector.made().last_id
    pva_detector.start(frames=12, drop_every=5)
    made = pva_detector.wait()
    eventually(lambda: len(images) == 10)
    assert [image.uniqueId - before for image in images] == [1, 2, 3, 4, 6, 7, 8, 9, 11, 12]
    assert (made.frames, made.dropped) == (12, 2)


def test_a_frame_tells_its_size_time_and_attributes(pva_detector: DetectorClient, images: list[Value]):
    before = time.time()
    pva_detector.put(f"{pva_detector.prefix}AcquireTime", 0.004)
    pva_detector.start(frames=1)
    eventually(lambda: len(images) == 1)
    image = images[0]
    assert [dimension.size for dimension in image.dimension] == [256, 192]
    assert image.value.dtype == np.uint16
    assert image.uncompressedSize == image.compressedSize == 256 * 192 * 2
    for stamp in (image.timeStamp, image.dataTimeStamp):
        assert before <= stamp.secondsPastEpoch + stamp.nanoseconds * 1e-9 <= time.time()
    attributes = {attribute.name: attribute.value for attribute in image.attribute}
    assert attributes["ColorMode"] == 0
    assert attributes["AcquireTime"] == 0.004
    assert {"SamplePosition", "BeamEnergy"} <= set(attributes)


@pytest.mark.parametrize("pixel", PixelType)
def test_the_pixel_type_can_be_set(pva_detector: DetectorClient, images: list[Value], pixel: PixelType):
    name = f"{pva_detector.prefix}DataType"
    pva_detector.put(name, pixel.choice)
    try:
        pva_detector.start(frames=1)
        eventually(lambda: len(images) == 1)
        assert images[0].value.dtype == pixel.dtype
    finally:
        pva_detector.wait()
        pva_detector.put(name, PixelType.UINT16.choice)


def test_the_size_can_be_set(pva_detector: DetectorClient, images: list[Value]):
    pva_detector.resize(80, 50)
    try:
        pva_detector.start(frames=1)
        eventually(lambda: len(images) == 1)
        assert [dimension.size for dimension in images[0].dimension] == [80, 50]
        assert len(images[0].value) == 80 * 50
    finally:
        pva_detector.wait()
        pva_detector.resize(256, 192)


def test_a_size_put_while_frames_are_made_is_refused_with_the_reason(pva_detector: DetectorClient):
    pva_detector.start(frames=0)
    with pytest.raises(RemoteError, match="put 0 to Acquire first"):
        pva_detector.put(f"{pva_detector.prefix}SizeX", 32)
    assert pva_detector.get(f"{pva_detector.prefix}SizeX") == 256


@pytest.mark.parametrize(("name", "value"), [("NumImages", -1), ("AcquirePeriod", -0.1), ("SizeX", 0), ("DataType", 9)])
def test_a_senseless_setting_is_refused(pva_detector: DetectorClient, name: str, value: float):
    before = pva_detector.get(f"{pva_detector.prefix}{name}")
    with pytest.raises(RemoteError):
        pva_detector.put(f"{pva_detector.prefix}{name}", value)
    assert pva_detector.get(f"{pva_detector.prefix}{name}") == before


def test_it_can_be_stopped_and_started_again_at_once(pva_detector: DetectorClient):
    pva_detector.start(frames=0, period=0.01)
    eventually(lambda: pva_detector.made().frames > 3)
    pva_detector.put(f"{pva_detector.prefix}Acquire", 0)
    pva_detector.start(frames=5, period=0.01)
    assert pva_detector.wait().frames == 5


def test_the_frames_follow_the_motor(
    beamline: Beamline, context: Context, pva_detector: DetectorClient, images: list[Value]
):
    sums = {}
    for position in (2.5, 0.0):
        context.put(f"{beamline.prefix}M1", position, request="record[block=true]field(value)", timeout=30)
        images.clear()

        def arrived(position: float = position) -> bool:
            pva_detector.start(frames=1)
            pva_detector.wait()
            return any(_sample_position(image) == position for image in images)

        eventually(arrived)
        sums[position] = int(images[-1].value.sum())
    assert sums[2.5] > 5 * sums[0.0]


def _sample_position(image: Value) -> float:
    return next(attribute.value for attribute in image.attribute if attribute.name == "SamplePosition")
