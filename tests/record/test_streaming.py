"""A detector whose frames we write: real PVA server, real processes, real files."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from beamsession.model.completeness import Gap
from beamsession.model.detector import Compression
from beamsession.model.errors import RefusedError, UnavailableError
from beamsession.model.plan import FileRules
from beamsession.record import streaming
from beamsession.record.datafile import DATA, TIME_STAMP, UNIQUE_ID
from beamsession.record.lockfile import LockFile, lock_path
from beamsession.record.mend import mend
from beamsession.record.streaming import StreamingDetector
from frame_server import (
    FrameServer,
    begin,
    detector_config,
    finish,
    frame_value,
    image_of,
    run_plan,
    stored,
    wait_closed,
    wait_received,
    wait_until,
    wait_written,
)
from frozen import freeze, thaw

BITSHUFFLE = 32008  # registered HDF5 filter


@pytest.fixture(scope="module")
def shared_detector(environment: None) -> Iterator[StreamingDetector]:
    detector = StreamingDetector(
        detector_config(dropped_pv="DET:Dropped", acquire_pv="DET:Acquire", frames_pv="DET:Frames")
    )
    yield detector
    detector.shutdown()


@pytest.fixture(autouse=True)
def _nothing_was_put(server: FrameServer) -> None:
    server.puts.clear()


def test_a_ring_that_is_small_for_the_frames_that_come_is_told_in_the_run(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    """What stood there before told nothing of it."""
    server.post(1, image_of(1))
    begin(detector, run_plan(tmp_path, frames=2))
    assert detector.progress().warnings == ()
    server.post(2, image_of(2, (2048, 2048)))
    wait_received(detector, 1)
    (problem,) = detector.progress().warnings
    assert (problem.code, problem.blocks) == ("RING_SMALL", False)
    assert "holds 2 frames of 8 MiB" in problem.sentence
    server.post(3, image_of(3, (2048, 2048)))
    assert wait_closed(detector).account.written == 2


def ids_in(path: Path) -> list[int]:
    """Ids of the frames, after each frame was seen to be the one its id says."""
    with h5py.File(path, "r") as file:
        ids = stored(file, UNIQUE_ID)[()]
        data = stored(file, DATA)
        assert len(data) == len(ids)
        for index, unique_id in enumerate(ids):
            assert (data[index] == unique_id % 251).all()
        return list(ids)


def test_every_frame_after_arming_is_recorded_and_the_one_before_is_not(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    server.post(7, image_of(7))
    path = begin(detector, run_plan(tmp_path))
    for unique_id in range(8, 58):
        server.post(unique_id, image_of(unique_id), time_ns=1_700_000_000_123_456_789 + unique_id)
    wait_received(detector, 50)
    ended = finish(detector)
    assert (ended.account.received, ended.account.written, ended.account.missing) == (50, 50, 0)
    assert ids_in(path) == list(range(8, 58))
    with h5py.File(path, "r") as file:
        assert stored(file, TIME_STAMP)[0] == 1_700_000_000_123_456_797


def test_the_file_plots_alone_and_is_left_unlocked(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path, rules=FileRules(file_mode=0o604)))
    assert LockFile.is_held(path)
    server.post(1, image_of(1))
    wait_received(detector, 1)
    finish(detector)
    assert not lock_path(path).exists()
    assert path.stat().st_mode & 0o777 == 0o604
    with h5py.File(path, "r") as file:
        entry = stored(file, str(file.attrs["default"]))
        group = entry[entry.attrs["default"]]
        signal_data = group[group.attrs["signal"]]
        assert group.attrs["NX_class"] == "NXdata"
        assert signal_data.attrs["units"] == "counts"
        assert signal_data.shape == (1, 24, 32)


def test_frames_are_seen_by_a_live_reader(detector: StreamingDetector, server: FrameServer, tmp_path: Path) -> None:
    path = begin(detector, run_plan(tmp_path))
    server.post(1, image_of(1))
    wait_written(detector, 1)
    with h5py.File(path, "r", swmr=True) as file:
        data = stored(file, DATA)
        assert len(data) == 1
        server.post(2, image_of(2))
        wait_written(detector, 2)
        data.refresh()
        assert (data[1] == 2).all()
    finish(detector)


def test_gaps_late_and_repeated_frames_are_told(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    now = time.time_ns()
    for unique_id in (1, 2, 5, 6, 4, 6, 10):
        server.post(unique_id, image_of(unique_id), now + unique_id)
    wait_received(detector, 6)
    ended = finish(detector).account
    assert ended.gaps == (Gap(first=3, last=3), Gap(first=7, last=9))
    assert (ended.missing, ended.duplicates, ended.disordered) == (4, 1, 1)
    assert ids_in(path) == [1, 2, 5, 6, 4, 10]


def test_frames_as_p4p_makes_them_by_default_are_all_written(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    for number in range(50):
        server.post(0, image_of(number), 0)  # no time stamp, and 0 for an id
        if number % 10 == 9:
            wait_received(detector, number + 1)  # more than the queue holds would be merged
    ended = finish(detector).account
    assert (ended.written, ended.duplicates, ended.is_complete) == (50, 0, True)
    with h5py.File(path, "r") as file:
        assert stored(file, DATA)[:, 0, 0].tolist() == list(range(50))


def test_what_the_detector_dropped_itself_is_missing(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    server.dropped.post(40)
    begin(detector, run_plan(tmp_path))
    server.dropped.post(42)
    server.post(1, image_of(1))
    wait_until(
        "the counter is noticed",
        lambda: detector.progress().account.dropped_by_detector == 2,
    )
    server.dropped.post(1)
    wait_until("the counter's reset is noticed", lambda: detector.progress().account.dropped_by_detector == 3)
    assert finish(detector).account.missing == 3


def test_declared_frames_end_it_by_itself(detector: StreamingDetector, server: FrameServer, tmp_path: Path) -> None:
    path = begin(detector, run_plan(tmp_path, frames=10))
    for unique_id in range(100, 130):
        server.post(unique_id, image_of(unique_id))
    ended = wait_closed(detector)
    assert (ended.account.expected, ended.account.written, ended.account.missing) == (10, 10, 0)
    assert ids_in(path) == list(range(100, 110))


@pytest.mark.parametrize("last", [109, 110], ids=["the last one comes", "the last one is lost"])
def test_declared_frames_of_which_some_were_lost_also_end_it(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path, last: int
) -> None:
    begin(detector, run_plan(tmp_path, frames=10))
    for unique_id in (100, 101, 104, 105, 106, 107, 108, last):
        server.post(unique_id, image_of(unique_id))
    ended = wait_closed(detector).account
    assert ended.missing == 10 - ended.written == (2 if last == 109 else 3)


def test_frames_in_a_pause_are_neither_written_nor_missing(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path, frames=6))
    for unique_id in (1, 2, 3):
        server.post(unique_id, image_of(unique_id))
    wait_received(detector, 3)
    detector.pause(time.time_ns())
    for unique_id in (4, 5, 6):
        server.post(unique_id, image_of(unique_id))
    detector.resume(time.time_ns())
    for unique_id in (7, 8, 9, 10):
        server.post(unique_id, image_of(unique_id))
    ended = wait_closed(detector).account
    assert ended.missing == 0
    assert ids_in(path)[-3:] == [7, 8, 9]


def test_the_acquisition_is_started_and_stopped(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    begin(detector, run_plan(tmp_path, frames=5))
    wait_until("the acquisition is started", lambda: ("Acquire", 1) in server.puts)
    assert server.puts == [("Acquire", 0), ("Frames", 5), ("Acquire", 1)]  # it may have been left acquiring
    finish(detector)
    wait_until("the acquisition is stopped", lambda: server.puts[-1] == ("Acquire", 0))


def test_a_changed_frame_size_is_a_failure_and_keeps_what_there_is(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    server.post(1, image_of(1))
    server.post(2, image_of(2, (24, 30)))
    failure = wait_until("the failure is told", lambda: detector.progress().failure)
    assert failure == "frame size changed from 32x24 uint16 to 30x24 uint16"
    finish(detector)
    assert ids_in(path) == [1]


def test_the_first_frame_decides_the_format_not_the_one_before_the_run(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    server.post(1, image_of(1))
    path = begin(detector, run_plan(tmp_path))
    server.post(2, image_of(2, (10, 12), "float64"))
    wait_received(detector, 1)
    finish(detector)
    assert ids_in(path) == [2]


def test_a_run_without_frames_leaves_a_file_that_opens(detector: StreamingDetector, tmp_path: Path) -> None:
    path = begin(detector, run_plan(tmp_path))
    finish(detector)
    assert ids_in(path) == []


def test_an_existing_file_is_refused_and_not_touched(detector: StreamingDetector, tmp_path: Path) -> None:
    plan = run_plan(tmp_path)
    plan.data_file("eiger").write_bytes(b"precious")
    with pytest.raises(RefusedError) as refused:
        detector.prepare(plan)
    assert refused.value.code == "FILE_EXISTS"
    assert plan.data_file("eiger").read_bytes() == b"precious"
    assert not lock_path(plan.data_file("eiger")).exists()


def test_a_folder_that_is_not_there_is_refused(detector: StreamingDetector, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        detector.prepare(run_plan(tmp_path / "nowhere"))
    assert refused.value.code == "ROOT_NOT_WRITABLE"


def test_abort_drops_what_is_not_written_and_drain_does_not(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    freeze(detector.pids()["eiger.writer"])
    for unique_id in range(1, 31):
        server.post(unique_id, image_of(unique_id))
    wait_received(detector, 30)
    detector.stop(drain=False)
    thaw(detector.pids()["eiger.writer"])
    assert wait_closed(detector).account.written == 0
    assert ids_in(path) == []

    path = begin(detector, run_plan(tmp_path, 2))
    freeze(detector.pids()["eiger.writer"])
    for unique_id in range(1, 31):
        server.post(unique_id, image_of(unique_id))
    wait_received(detector, 30)
    detector.stop(drain=True)
    thaw(detector.pids()["eiger.writer"])
    assert wait_closed(detector).account.written == 30
    assert ids_in(path) == list(range(1, 31))


def test_frames_still_on_their_way_are_drained_and_later_ones_are_not_taken(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    server.post(0, image_of(0))
    path = begin(detector, run_plan(tmp_path))
    receiver = detector.pids()["eiger.receiver"]
    freeze(receiver)
    for unique_id in range(1, 41):
        server.post(unique_id, image_of(unique_id))
    detector.stop(drain=True)
    for unique_id in range(41, 51):
        server.post(unique_id, image_of(unique_id))
    thaw(receiver)
    assert wait_closed(detector).account.written == 40
    assert ids_in(path) == list(range(1, 41))


def test_frames_that_found_the_ring_full_are_received_and_missing(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    freeze(detector.pids()["eiger.writer"])
    for unique_id in range(1, 21):
        server.post(unique_id, image_of(unique_id, (1024, 1024)))
        wait_received(detector, unique_id)
    thaw(detector.pids()["eiger.writer"])
    ended = finish(detector).account
    assert (ended.received, ended.written, ended.missing) == (20, 8, 12)
    assert ids_in(path) == list(range(1, 9))


def test_a_killed_receiver_leaves_a_closed_file_and_is_replaced(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    for unique_id in (1, 2, 3):
        server.post(unique_id, image_of(unique_id))
    wait_written(detector, 3)
    os.kill(detector.pids()["eiger.receiver"], signal.SIGKILL)
    ended = wait_closed(detector)
    assert ended.failure == "the receiver process of eiger died (signal 9)"
    assert ids_in(path) == [1, 2, 3]

    path = begin(detector, run_plan(tmp_path, 2))
    server.post(4, image_of(4))
    wait_received(detector, 1)
    assert finish(detector).failure == ""
    assert ids_in(path) == [4]


def test_a_killed_writer_leaves_its_flushed_frames_and_is_replaced(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    for unique_id in (1, 2, 3):
        server.post(unique_id, image_of(unique_id))
    wait_written(detector, 3)
    os.kill(detector.pids()["eiger.writer"], signal.SIGKILL)
    ended = wait_closed(detector)
    assert ended.failure == "the writer process of eiger died (signal 9)"
    assert mend(path).needed
    assert ids_in(path) == [1, 2, 3]

    path = begin(detector, run_plan(tmp_path, 2))
    server.post(4, image_of(4))
    wait_received(detector, 1)
    assert finish(detector).failure == ""
    assert ids_in(path) == [4]


def test_compressed_frames_are_refused_in_a_clear_sentence(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    begin(detector, run_plan(tmp_path))
    server.image.post(frame_value(1, np.zeros((4, 4), np.uint8), codec="jpeg"))
    failure = wait_until("the failure is told", lambda: detector.progress().failure)
    assert "compressed with jpeg" in failure
    finish(detector)


def test_shutdown_writes_out_a_run_in_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = FrameServer()  # of its own: updates that wait for one of two clients may be merged for both
    try:
        for name, value in server.client_environment().items():
            monkeypatch.setenv(name, value)
        server.post(0, image_of(0))
        detector = StreamingDetector(detector_config(compression=Compression.BSLZ4))
        path = begin(detector, run_plan(tmp_path))
        for unique_id in range(1, 11):
            server.post(unique_id, image_of(unique_id))
        wait_received(detector, 10)
        detector.shutdown()
    finally:
        server.stop()
    assert ids_in(path) == list(range(1, 11))
    with h5py.File(path, "r") as file:
        assert stored(file, DATA).id.get_create_plist().get_filter(0)[0] == BITSHUFFLE


def test_a_pv_that_never_answers_is_named_in_time(tmp_path: Path) -> None:
    detector = StreamingDetector(detector_config(pv="NOBODY:Image"))
    try:
        with pytest.raises(RefusedError) as refused:
            detector.prepare(run_plan(tmp_path, connect_timeout_s=0.5))
        assert refused.value.code == "PV_TIMEOUT"
        assert "NOBODY:Image" in refused.value.sentence
        assert [problem.code for problem in detector.check()] == ["PV_TIMEOUT"]
        assert list(tmp_path.iterdir()) == []
    finally:
        detector.shutdown()


def test_pvs_beside_the_frames_that_only_qsrv_would_serve_are_told_as_such(
    server: FrameServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in server.client_environment().items():
        monkeypatch.setenv(name, value)
    detector = StreamingDetector(detector_config(produced_pv="NOBODY:Made"))
    try:
        with pytest.raises(RefusedError, match="NOBODY:Made") as refused:
            detector.prepare(run_plan(tmp_path, connect_timeout_s=3.0))
        assert "QSRV" in refused.value.remedy
        assert "QSRV" in detector.check()[0].remedy
    finally:
        detector.shutdown()


def test_an_order_that_is_not_answered_in_time_is_an_error(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.post(0, image_of(0))  # what stands there may be one that cannot be recorded
    detector.prepare(run_plan(tmp_path))
    receiver = detector.pids()["eiger.receiver"]
    freeze(receiver)
    try:
        monkeypatch.setattr(streaming, "_ANSWER_S", 0.2)
        for order in (detector.arm, partial(detector.pause, 0), partial(detector.resume, 0)):
            with pytest.raises(UnavailableError) as late:
                order()
            assert late.value.code == "PROCESS_TIMEOUT"
    finally:
        thaw(receiver)
