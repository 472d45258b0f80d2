"""An NTScalarArray is a detector whose frames are lines, numbered as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from p4p.nt import NTScalar

from beamsession.model.errors import RefusedError
from beamsession.record.datafile import DATA, TIME_STAMP, UNIQUE_ID
from beamsession.record.sources.pva_frame import frame_of_ndarray, frame_of_scalar_array
from beamsession.record.sources.source import UnusableFrameError
from beamsession.record.streaming import StreamingDetector
from frame_server import FrameServer, begin, detector_config, finish, run_plan, stored, wait_received, wait_until
from frozen import freeze, thaw
from table_server import TableServer

STAMP = 1_700_000_000_123_456_789


@pytest.fixture(scope="module")
def server() -> Iterator[TableServer]:
    server = TableServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def lines(environment: None) -> Iterator[StreamingDetector]:
    detector = StreamingDetector(detector_config(pv="TAB:Line"))
    yield detector
    detector.shutdown()


def test_lines_are_recorded_and_numbered_as_they_come(
    lines: StreamingDetector, server: TableServer, tmp_path: Path
) -> None:
    for run in (1, 2):
        path = begin(lines, run_plan(tmp_path, run))
        for number in range(5):
            server.post_line(np.full(8, number, np.uint16), STAMP + number)
        wait_received(lines, 5)
        ended = finish(lines)
        assert (ended.account.written, ended.account.missing, ended.failure) == (5, 0, "")
        with h5py.File(path, "r") as file:
            data = stored(file, DATA)
            assert (data.dtype, data.attrs["interpretation"]) == (np.uint16, "spectrum")
            assert np.array_equal(data[()], np.arange(5)[:, None].repeat(8, 1))
            assert stored(file, UNIQUE_ID)[()].tolist() == [0, 1, 2, 3, 4]
            assert stored(file, TIME_STAMP)[()].tolist() == [STAMP + number for number in range(5)]


def test_lines_that_change_their_length_end_the_run(
    lines: StreamingDetector, server: TableServer, tmp_path: Path
) -> None:
    begin(lines, run_plan(tmp_path))
    server.post_line(np.zeros(8, np.uint16), STAMP)
    server.post_line(np.zeros(9, np.uint16), STAMP + 1)
    wait_until("it is told", lambda: lines.progress().failure)
    assert lines.progress().failure == "frame size changed from 8 uint16 to 9 uint16"
    assert finish(lines).account.written == 1


def test_lines_that_come_faster_than_they_are_taken_leave_a_doubt(
    lines: StreamingDetector, server: TableServer, tmp_path: Path
) -> None:
    begin(lines, run_plan(tmp_path))
    server.post_line(np.zeros(8, np.uint16), STAMP)
    wait_received(lines, 1)
    receiver = lines.pids()["eiger.receiver"]
    freeze(receiver)
    for number in range(5000):  # the queue of a stopped client, and what else holds some
        server.post_line(np.full(8, number, np.uint16), STAMP + 1 + number)
    thaw(receiver)
    wait_until("it is told", lambda: lines.progress().account.doubt)
    assert finish(lines).account.doubt == "updates may be missing: they came faster than they were taken"


def test_a_table_is_no_frame(server: TableServer) -> None:
    with pytest.raises(UnusableFrameError, match=r"it holds epics:nt/NTTable:1\.0, which is neither an NTNDArray nor"):
        frame_of_ndarray(server.value([1.0], [1], [True], ["a"]))


def test_texts_are_no_line() -> None:
    with pytest.raises(UnusableFrameError, match="an array of text"):
        frame_of_scalar_array(NTScalar("as").wrap(["a"]), 0)


def test_booleans_are_bytes_of_0_and_1() -> None:
    frame = frame_of_scalar_array(NTScalar("a?").wrap(np.array([True, False])), 3)
    assert frame is not None
    assert (frame.format.dtype, frame.payload.tolist(), frame.unique_id) == ("|u1", [1, 0], 3)


@pytest.fixture(scope="module")
def numbered(server: TableServer) -> Iterator[StreamingDetector]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.client_environment().items():
            patch.setenv(name, value)
        detector = StreamingDetector(detector_config(pv="TAB:Line", id_pv="TAB:LineId"))
        yield detector
        detector.shutdown()


def post_numbered(server: TableServer, number: int, *, line: bool = True, apart_ns: int = 0) -> None:
    """A line, all equal, and its id; lines come every 20 ms by their time stamps."""
    stamp = time.time_ns() - 10**9 + number * 20_000_000
    if line:
        server.post_line(np.full(8, 7, np.uint16), stamp)
    server.post_line_id(number, stamp + apart_ns)


def test_a_counter_beside_the_lines_tells_their_ids_and_which_are_missing(
    numbered: StreamingDetector, server: TableServer, tmp_path: Path
) -> None:
    for run, first in ((1, 5), (2, 40)):  # a counter that goes on, and what stood before the run is none of it
        path = begin(numbered, run_plan(tmp_path, run))
        for number in range(first, first + 6):
            post_numbered(server, number, line=number != first + 3)
        wait_received(numbered, 5)
        ended = finish(numbered)
        assert (ended.account.written, ended.account.missing, ended.account.doubt) == (5, 1, "")
        with h5py.File(path, "r") as file:
            ids = [first + step for step in (0, 1, 2, 4, 5)]
            assert stored(file, UNIQUE_ID)[()].tolist() == ids


def test_an_id_that_does_not_come_leaves_a_doubt(
    numbered: StreamingDetector, server: TableServer, tmp_path: Path
) -> None:
    begin(numbered, run_plan(tmp_path))
    server.post_line(np.full(8, 1, np.uint16), time.time_ns())
    wait_received(numbered, 1)
    ended = finish(numbered)
    assert ended.account.written == 1
    assert "no id came with a frame's time stamp" in ended.account.doubt


def test_ids_beside_frames_that_have_their_own_are_refused(tmp_path: Path) -> None:
    frames = FrameServer()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in frames.client_environment().items():
            patch.setenv(name, value)
        detector = StreamingDetector(detector_config(id_pv="DET:Dropped"))
        try:
            with pytest.raises(RefusedError) as refused:
                detector.prepare(run_plan(tmp_path))
        finally:
            detector.shutdown()
            frames.stop()
    assert (refused.value.code, "Leave id_pv out" in refused.value.remedy) == ("BAD_FRAME", True)
