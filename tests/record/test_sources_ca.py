"""Frames over Channel Access: a real IOC, and how waveforms and ids are paired."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from beamsession.model.detector import CaDetector
from beamsession.model.errors import RefusedError
from beamsession.record.datafile import DATA, TIME_STAMP, UNIQUE_ID
from beamsession.record.sources import ca
from beamsession.record.sources.channel import Buffers
from beamsession.record.sources.own_pixels import Image
from beamsession.record.sources.pairing import Pairing
from beamsession.record.streaming import StreamingDetector
from beamsim.detector_client import DetectorClient
from beamsim.running import Beamline
from frame_server import begin, finish, run_plan, stored, wait_closed, wait_received, wait_until

NOW = 1_000.0
LONG_AGO = -1_000.0


def image(time_ns: int, *, since: float) -> Image:
    return Image(np.zeros(4, np.uint16), time_ns, time_ns, since)


@pytest.fixture(scope="module")
def detector(beamline: Beamline) -> Iterator[StreamingDetector]:
    prefix = f"{beamline.prefix}CAM1:"
    detector = StreamingDetector(
        CaDetector(
            name="slow",
            pv=f"{prefix}ArrayData",
            id_pv=f"{prefix}UniqueId_RBV",
            width_pv=f"{prefix}SizeX",
            height_pv=f"{prefix}SizeY",
            dropped_pv=f"{prefix}DroppedArrays_RBV",
            produced_pv=f"{prefix}ArrayCounter_RBV",
            exposure_pv=f"{prefix}AcquireTime",
            dtype="uint16",
            ring_mib=16,
        )
    )
    yield detector
    detector.shutdown()


def test_every_frame_of_an_ioc_is_recorded_with_its_own_id_and_size(
    detector: StreamingDetector, ca_detector: DetectorClient, tmp_path: Path
) -> None:
    ca_detector.resize(64, 48)
    path = begin(detector, run_plan(tmp_path, frames=30))
    before = ca_detector.made().last_id
    ca_detector.start(30, period=0.01)
    ended = wait_closed(detector)
    assert (ended.failure, ended.account.written, ended.account.missing) == ("", 30, 0)
    with h5py.File(path, "r") as file:
        assert stored(file, DATA).shape == (30, 48, 64)
        assert stored(file, DATA).dtype == np.uint16
        assert stored(file, DATA)[0].max() > 0
        assert list(stored(file, UNIQUE_ID)) == list(range(before + 1, before + 31))
        assert (np.diff(stored(file, TIME_STAMP)[()]) > 0).all()


def test_the_iocs_own_counters_tell_what_is_missing(
    detector: StreamingDetector, ca_detector: DetectorClient, tmp_path: Path
) -> None:
    ca_detector.resize(64, 48)
    begin(detector, run_plan(tmp_path))
    ca_detector.start(20, period=0.01, drop_every=5)
    wait_until("the counters are here", lambda: detector.progress().account.dropped_by_detector == 4)
    ended = finish(detector).account
    assert (ended.produced, ended.received, ended.missing) == (20, 16, 4)
    assert ended.clock_offset is not None
    assert detector.check() == ()
    assert detector.measure().frame_bytes == 64 * 48 * 2


def test_frames_the_ioc_lost_are_missing(
    detector: StreamingDetector, ca_detector: DetectorClient, tmp_path: Path
) -> None:
    ca_detector.resize(64, 48)
    begin(detector, run_plan(tmp_path))
    ca_detector.start(21, period=0.01, drop_every=5)
    ca_detector.wait()
    wait_received(detector, 17)
    ended = finish(detector).account
    assert (ended.written, ended.missing, ended.dropped_by_detector) == (17, 4, 4)
    assert len(ended.gaps) == 4


def test_without_an_id_pv_frames_are_numbered_as_they_come(
    beamline: Beamline, ca_detector: DetectorClient, tmp_path: Path
) -> None:
    ca_detector.resize(32, 16)
    detector = StreamingDetector(CaDetector(name="plain", pv=f"{beamline.prefix}CAM1:ArrayData", width=32, ring_mib=16))
    try:
        path = begin(detector, run_plan(tmp_path))
        ca_detector.start(5)
        wait_received(detector, 5)
        finish(detector)
        with h5py.File(path, "r") as file:
            assert list(stored(file, UNIQUE_ID)) == [0, 1, 2, 3, 4]
            assert stored(file, DATA).shape == (5, 16, 32)
    finally:
        detector.shutdown()


def test_a_pv_beside_the_waveform_that_never_answers_is_named(beamline: Beamline, tmp_path: Path) -> None:
    detector = StreamingDetector(CaDetector(name="x", pv=f"{beamline.prefix}CAM1:ArrayData", id_pv="NOBODY:Id"))
    try:
        with pytest.raises(RefusedError, match="NOBODY:Id") as refused:
            detector.prepare(run_plan(tmp_path, connect_timeout_s=3.0))
        assert refused.value.code == "PV_TIMEOUT"
        assert list(tmp_path.iterdir()) == []
    finally:
        detector.shutdown()


def test_a_counter_that_nobody_asks_for_takes_no_more_memory(
    beamline: Beamline, ca_detector: DetectorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ca, "_MOST_COUNTS", 3)
    prefix = f"{beamline.prefix}CAM1:"
    counter = f"{prefix}ArrayCounter_RBV"
    source = ca.CaSource(
        CaDetector(name="x", pv=f"{prefix}ArrayData", produced_pv=counter, dropped_pv=counter, ring_mib=16)
    )

    def last() -> int | None:
        source.unconnected()  # as it is asked while no run is live
        return source.dropped()

    wait_until("it is connected", lambda: last() is not None)
    ca_detector.start(13)
    wait_until("it has made all", lambda: last() == 13)
    counts = [count.value for count in source.produced()]
    assert len(counts) <= 3
    assert counts[-1] == 13


@pytest.mark.parametrize("id_first", [True, False])
def test_a_waveform_gets_the_id_of_its_time_stamp(id_first: bool) -> None:
    pairing = Pairing(1 << 20, with_ids=True)
    waveform = image(50, since=float("inf"))
    if id_first:
        pairing.add_id(7, 50)
    assert pairing.add_image(waveform)
    if not id_first:
        assert pairing.next() is None
        pairing.add_id(7, 50)
    assert pairing.next() == (waveform, 7)
    assert pairing.next() is None


def test_a_waveform_whose_id_does_not_come_takes_the_nearest_unused_one() -> None:
    pairing = Pairing(1 << 20, with_ids=True)
    for unique_id, time_ns in ((7, 48), (8, 58), (9, 71)):
        pairing.add_id(unique_id, time_ns)
    for time_ns in (50, 60, 70, 80):
        pairing.add_image(image(time_ns, since=LONG_AGO))
    pairs = [pairing.next() for _ in range(4)]
    assert [pair and pair[1] for pair in pairs] == [7, 8, 9, 10]


def test_waveforms_that_wait_are_bounded_in_memory() -> None:
    pairing = Pairing(20, with_ids=True)
    assert pairing.add_image(image(1, since=NOW))
    assert pairing.add_image(image(2, since=NOW))
    assert not pairing.add_image(image(3, since=NOW))


def test_memory_of_a_waveform_is_used_again_only_when_nobody_refers_to_it() -> None:
    sent = np.arange(100_000, dtype=np.uint8)
    buffers = Buffers()
    pixels = buffers.copy(sent.ctypes.data, sent.nbytes).view(np.uint16)[10:]
    first = pixels.ctypes.data
    others = [buffers.copy(sent.ctypes.data, sent.nbytes) for _ in range(20)]
    assert len({first - 20, *(other.ctypes.data for other in others)}) == 21
    assert np.array_equal(pixels, sent.view(np.uint16)[10:])
    latest = others[-1].ctypes.data
    del pixels, others
    assert buffers.copy(sent.ctypes.data, sent.nbytes).ctypes.data == latest
