"""areaDetector's standard arrays over Channel Access, with the time stamps that its templates leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beamsession.model.detector import CaDetector
from beamsession.record.datafile import DATA, UNIQUE_ID
from beamsession.record.streaming import StreamingDetector
from beamsim.running import Beamline
from external_rig import CAM, Ioc, serving
from frame_server import begin, finish, run_plan, value_in, wait_closed, wait_received

IMAGE = "SIM1:image1:"


@pytest.fixture(scope="module")
def ioc(beamline: Beamline) -> Iterator[Ioc]:
    with serving() as ioc:
        ioc.reset()
        ioc.put(f"{CAM}ArrayCallbacks", 1)
        ioc.put(f"{CAM}AcquirePeriod", 0.04)
        ioc.put(f"{IMAGE}EnableCallbacks", 1)
        ioc.put(f"{IMAGE}IdDelay", 0.025)  # nearer to the next frame than to its own
        yield ioc


@pytest.fixture(scope="module")
def detector(ioc: Ioc) -> Iterator[StreamingDetector]:
    detector = StreamingDetector(
        CaDetector(
            name="monitor",
            pv=f"{IMAGE}ArrayData",
            id_pv=f"{IMAGE}UniqueId_RBV",
            width_pv=f"{IMAGE}ArraySize0_RBV",
            height_pv=f"{IMAGE}ArraySize1_RBV",
            dropped_pv=f"{IMAGE}DroppedArrays_RBV",
            produced_pv=f"{CAM}ArrayCounter_RBV",
            dtype="uint16",
            ring_mib=16,
        )
    )
    yield detector
    detector.shutdown()


def ids_in(path: Path) -> list[int]:
    """The unique ids, after each frame was seen to be the one its id says."""
    ids = value_in(path, UNIQUE_ID).tolist()
    assert value_in(path, DATA)[:, 0, 0].tolist() == [number & 0xFFFF for number in ids]
    return ids


def test_a_declared_run_of_a_default_ioc_is_complete_with_each_frames_own_id(
    detector: StreamingDetector, ioc: Ioc, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path, frames=20))
    ioc.put(f"{CAM}ImageMode", "Multiple")
    ioc.put(f"{CAM}NumImages", 20)
    ioc.put(f"{CAM}Acquire", 1)
    ended = wait_closed(detector)
    assert (ended.failure, ended.account.written, ended.account.doubt) == ("", 20, "")
    assert ended.account.is_complete
    ids = ids_in(path)
    assert ids == list(range(ids[0], ids[0] + 20))


def test_a_run_in_the_middle_of_an_acquisition_is_complete_too(
    detector: StreamingDetector, ioc: Ioc, tmp_path: Path
) -> None:
    ioc.put(f"{CAM}ImageMode", "Continuous")
    ioc.put(f"{CAM}Acquire", 1, wait=False)
    path = begin(detector, run_plan(tmp_path, 2))
    wait_received(detector, 20)
    ended = finish(detector).account
    assert (ended.missing, ended.doubt) == (0, "")
    ids = ids_in(path)
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_time_stamps_of_different_kinds_are_told_beforehand(detector: StreamingDetector, ioc: Ioc) -> None:
    assert detector.check() == ()
    ioc.put(f"{IMAGE}ArrayData.TSE", "-2")
    try:
        [hint] = detector.check()
    finally:
        ioc.put(f"{IMAGE}ArrayData.TSE", "0")
    assert (hint.code, hint.blocks) == ("FRAMES_IN_DOUBT", False)
    assert f"{IMAGE}ArrayData and {IMAGE}UniqueId_RBV have different TSE" in hint.sentence
