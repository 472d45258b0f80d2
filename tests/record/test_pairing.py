"""Waveforms and ids that come on two channels: a real IOC whose time stamps differ, and whose ids do not all come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from beamsession.model.completeness import Completeness
from beamsession.model.detector import CaDetector
from beamsession.record.datafile import DATA, UNIQUE_ID
from beamsession.record.sources.own_pixels import Image, OwnPixels
from beamsession.record.sources.pairing import Pairing
from beamsession.record.streaming import StreamingDetector
from frame_server import begin, finish, run_plan, value_in, wait_closed, wait_received, wait_until
from paired_ioc import PREFIX, PairedIoc

MS = 1_000_000
LONG_AGO = -1_000.0
CONFIG = CaDetector(
    name="slow",
    pv=f"{PREFIX}ArrayData",
    id_pv=f"{PREFIX}UniqueId_RBV",
    produced_pv=f"{PREFIX}ArrayCounter_RBV",
    ring_mib=16,
)


@pytest.fixture(scope="module")
def ioc() -> Iterator[PairedIoc]:
    ioc = PairedIoc()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ioc.environment.items():
            patch.setenv(name, value)
        yield ioc
    ioc.stop()


@pytest.fixture(scope="module")
def detector(ioc: PairedIoc) -> Iterator[StreamingDetector]:
    detector = StreamingDetector(CONFIG)
    yield detector
    detector.shutdown()


def post(ioc: PairedIoc, ids: range, *, apart_ns: int = 0, without: int | None = None) -> None:
    """Frames 10 ms apart, of now, whose pixels are their ids."""
    for unique_id in ids:
        stamp = time.time_ns()
        if unique_id != without:
            ioc.post("id", unique_id, stamp + apart_ns)
        ioc.post("image", unique_id, stamp)
        time.sleep(0.01)


def pairs_in(path: Path) -> list[tuple[int, int]]:
    return list(zip(value_in(path, UNIQUE_ID).tolist(), value_in(path, DATA)[:, 0].tolist(), strict=True))


def alike(ids: range) -> list[tuple[int, int]]:
    return [(unique_id, unique_id) for unique_id in ids]


@pytest.mark.parametrize("declared", [None, 20])
def test_time_stamps_that_differ_a_little_are_those_of_one_frame(
    detector: StreamingDetector, ioc: PairedIoc, tmp_path: Path, declared: int | None
) -> None:
    post(ioc, range(900, 920))  # of an acquisition before
    path = begin(detector, run_plan(tmp_path, frames=declared))
    post(ioc, range(1, 21), apart_ns=100_000)
    ended = finish(detector).account if declared is None else wait_closed(detector).account
    assert pairs_in(path) == alike(range(1, 21))
    assert ended.is_complete


@pytest.mark.parametrize(("without", "is_certain"), [(1, False), (10, True), (20, False)])
def test_a_frame_whose_id_does_not_come_is_written_and_leaves_a_doubt_unless_the_next_id_proves_it(
    detector: StreamingDetector, ioc: PairedIoc, tmp_path: Path, without: int, is_certain: bool
) -> None:
    post(ioc, range(900, 920))
    path = begin(detector, run_plan(tmp_path, frames=20))
    post(ioc, range(1, 21), without=without)
    ended = wait_closed(detector).account
    assert pairs_in(path) == alike(range(1, 21))
    assert ended.doubt.startswith("" if is_certain else "ids and frames could not be paired")
    assert ended.is_complete is is_certain


def test_a_counter_that_stood_still_before_the_run_is_counted_from_where_it_stood(
    detector: StreamingDetector, ioc: PairedIoc, tmp_path: Path
) -> None:
    ioc.post("made", 1000, time.time_ns())
    for run in (1, 2):
        begin(detector, run_plan(tmp_path, run))
        post(ioc, range(1, 3))
        wait_received(detector, 2)
        ioc.post("made", 1000 + 3 * run, time.time_ns())
        ended = finish(detector).account
        assert (ended.produced, ended.missing) == (3, 1)


def account_of_pairs(pairing: Pairing) -> list[int]:
    return [pair[1] for pair in iter(pairing.next, None)]


def image(time_ms: float) -> Image:
    return Image(np.full(4, time_ms, np.uint16), int(time_ms * MS), int(time_ms * MS), LONG_AGO)


def test_no_id_of_another_time_is_taken() -> None:
    pairing = Pairing(1 << 20, with_ids=True)
    pairing.add_id(400, 1_000 * MS)
    pairing.add_image(image(3_000))
    assert account_of_pairs(pairing) == [0]
    assert pairing.doubt


def test_the_id_of_the_frame_that_stood_before_the_run_is_not_taken() -> None:
    pairing = Pairing(1 << 20, with_ids=True)
    for number in (18, 19):
        pairing.add_id(number, number * 10 * MS + 100_000)
    pairing.reset(190 * MS)
    pairing.add_image(image(200))
    pairing.add_id(2, 210 * MS)
    pairing.add_image(image(210))
    assert account_of_pairs(pairing) == [1, 2]
    assert pairing.doubt


def test_a_frame_takes_no_id_near_it_without_a_doubt_where_others_have_equal_time_stamps() -> None:
    pairing = Pairing(1 << 20, with_ids=True)
    for number in (1, 2):
        pairing.add_id(number, number * 10 * MS)
    for at in (10, 30):
        pairing.add_image(image(at))
    assert len(account_of_pairs(pairing)) == 2
    assert pairing.doubt


def test_ids_that_may_be_of_either_of_two_frames_leave_a_doubt() -> None:
    pairing = Pairing(1 << 20, with_ids=True)
    for number in range(1, 6):
        pairing.add_id(number, (number * 10 - 6) * MS)
        pairing.add_image(image(number * 10))
    assert len(account_of_pairs(pairing)) == 5
    assert pairing.doubt


def test_a_lost_frame_shifts_no_ids_and_leaves_no_doubt_of_them() -> None:
    pairing = Pairing(1 << 20, with_ids=True)
    for number in range(1, 6):
        pairing.add_id(number, number * 10 * MS + 100_000)
        if number != 3:
            pairing.add_image(image(number * 10))
    assert account_of_pairs(pairing) == [1, 2, 4, 5]
    assert pairing.doubt == ""


def test_a_doubt_of_the_ids_stands_also_where_all_declared_frames_are_there() -> None:
    came = Completeness(detector="slow", received=3, doubt="ids and frames could not be paired: why")
    assert not came.settled(written=3, expected=3).is_complete


def following(*posted: tuple[str, int, float]) -> Pairing:
    """One whose ids are posted after their waveforms; `posted` are records, numbers (pixels or ids) and times in ms."""
    pairing = Pairing(1 << 20, with_ids=True)
    pairing.reset(0, ids_follow=True)
    for record, number, time_ms in posted:
        time_ns = int(time_ms * MS)
        if record == "id":
            pairing.add_id(number, time_ns)
        else:
            pairing.add_image(Image(np.full(4, number, np.uint16), time_ns, time_ns + MS, LONG_AGO))
    return pairing


def test_an_id_that_follows_its_frame_late_is_still_its_own() -> None:
    times = [(f"{record}", number, number * 10 + late) for number in range(1, 9) for record, late in FOLLOWS]
    pairing = following(*times)
    assert account_of_pairs(pairing) == list(range(1, 9))
    assert pairing.doubt == ""


FOLLOWS = (("image", 0.0), ("id", 7.5))


@pytest.mark.parametrize("record", ["image", "id"])
@pytest.mark.parametrize("lost", [1, 4, 8])
def test_of_ids_that_follow_a_loss_is_never_unseen(record: str, lost: int) -> None:
    posted = [(kind, number, number * 10 + late) for number in range(1, 9) for kind, late in FOLLOWS]
    pairing = following(*(post for post in posted if post[:2] != (record, lost)))
    pairs = account_of_pairs(pairing)
    if record == "id":
        assert pairs == list(range(1, 9)) if lost > 1 else pairs[1:] == list(range(2, 9))
        assert bool(pairing.doubt) is (lost != 4)  # The ids before and after it prove the number in between.
        return
    assert pairs == [number for number in range(1, 9) if number != lost]
    if lost == 8:
        wait_until("its frame does not come any more", lambda: not pairing.waits)
        assert "the last id came without its frame" in pairing.doubt


def test_a_frame_that_came_in_place_of_another_leaves_a_doubt() -> None:
    posted = [(kind, number, number * 10 + late) for number in range(1, 9) for kind, late in FOLLOWS]
    overtaken = [("image", 5, 40.0) if post == ("image", 4, 40.0) else post for post in posted]
    pairing = following(*overtaken)
    assert account_of_pairs(pairing) == list(range(1, 9))
    assert "equal pixels" in pairing.doubt


def test_equal_frames_that_followed_each_other_slowly_are_frames_of_their_own() -> None:
    posted = [(kind, number, number * 100 + late) for number in range(1, 9) for kind, late in FOLLOWS]
    pairing = following(*((kind, 7 if kind == "image" else number, at) for kind, number, at in posted))
    assert account_of_pairs(pairing) == list(range(1, 9))
    assert pairing.doubt == ""


def test_a_frame_that_is_sent_again_is_no_other() -> None:
    pairing = Pairing(1 << 20, with_ids=True)
    for number in (1, 2, 3):
        pairing.add_id(number, number * 10 * MS)
    for at in (10, 30, 30):
        pairing.add_image(image(at))
    assert account_of_pairs(pairing) == [1, 3]
    assert pairing.doubt == ""


def test_frames_that_come_later_than_the_next_are_made_leave_a_doubt_while_they_come() -> None:
    own = OwnPixels()
    for number in range(8):
        late_ms = 0 if number == 0 else 25
        stamp = number * 10 * MS
        own.see(Image(np.full(4, number, np.uint16), stamp, stamp + late_ms * MS, time.monotonic()))
    assert "later than those after them were made" in own.doubt
    wait_until("nothing came since", lambda: not own.doubt)
