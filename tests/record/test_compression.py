"""Compressed frames: every codec through the real processes, read back by readers that are not ours."""

from __future__ import annotations

import os
import signal
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bitshuffle
import h5py
import hdf5plugin
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from beamsession.model.completeness import verdict
from beamsession.model.detector import Compression
from beamsession.model.states import RunState
from beamsession.record.compression import encoder
from beamsession.record.datafile import DATA, UNIQUE_ID
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.mend import mend
from beamsession.record.streaming import StreamingDetector
from frame_server import (
    FrameServer,
    begin,
    detector_config,
    finish,
    image_of,
    noise_of,
    run_plan,
    stored,
    wait_closed,
    wait_received,
    wait_until,
    wait_written,
)
from frozen import freeze, thaw

CODECS = [codec for codec in Compression if codec is not Compression.NONE]
FILTERS = {
    Compression.BSLZ4: [hdf5plugin.Bitshuffle.filter_id],
    Compression.BSZSTD: [hdf5plugin.Bitshuffle.filter_id],
    Compression.GZIP: [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE],
}
DTYPES = ["uint8", "uint16", "uint32", "int16", "int32", "float32", "float64"]
SHAPES = [(1, 1), (3, 5, 7), (1000,), (255, 257)]


@pytest.fixture(scope="module", params=CODECS)
def detector(environment: None, request: pytest.FixtureRequest) -> Iterator[StreamingDetector]:
    detector = StreamingDetector(detector_config(compression=request.param, compression_threads=3))
    yield detector
    detector.shutdown()


@pytest.fixture
def codec(detector: StreamingDetector, request: pytest.FixtureRequest) -> Compression:
    """That of the detector."""
    return request.node.callspec.params["detector"]


def counts_of(unique_id: int, shape: tuple[int, ...], dtype: str) -> NDArray:
    """Counts of a detector, different in each frame; floats get digits that no codec likes."""
    counts = np.random.default_rng(unique_id).poisson(20, shape)
    return (counts * 1.1 if dtype.startswith("float") else counts).astype(dtype)


def record(detector: StreamingDetector, server: FrameServer, folder: Path, number: int, images: list[NDArray]) -> Path:
    path = begin(detector, run_plan(folder, number))
    post(detector, server, images)
    ended = finish(detector)
    assert (ended.failure, ended.account.written, ended.account.missing) == ("", len(images), 0)
    return path


def post(detector: StreamingDetector, server: FrameServer, images: list[NDArray], first_id: int = 1) -> None:
    """Post them with ids that count on and see them received; a few at a time, for a client's queue is short."""
    for unique_id, image in enumerate(images, first_id):
        server.post(unique_id, image)
        if not unique_id % 4:
            wait_received(detector, unique_id)
    wait_received(detector, first_id + len(images) - 1)


def filters_of(data: Any) -> list[int]:
    properties = data.id.get_create_plist()
    return [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]


def test_every_type_and_shape_comes_back_bit_by_bit(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path, codec: Compression
) -> None:
    formats = [((24, 32), dtype) for dtype in DTYPES] + [(shape, "uint16") for shape in SHAPES]
    for number, (shape, dtype) in enumerate(formats, 1):
        images = [counts_of(unique_id, shape, dtype) for unique_id in range(1, 4)]
        path = record(detector, server, tmp_path, number, images)
        with h5py.File(path, "r") as file:
            data = stored(file, DATA)
            assert (data.shape, data.dtype) == ((3, *shape), np.dtype(dtype))
            assert filters_of(data) == FILTERS[codec]
            assert data[()].tobytes() == np.stack(images).tobytes()


def test_the_chunks_are_what_the_codec_itself_takes(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path, codec: Compression
) -> None:
    images = [counts_of(unique_id, (255, 257), "int32") for unique_id in range(1, 7)]
    path = record(detector, server, tmp_path, 1, images)
    with h5py.File(path, "r") as file:
        for index, image in enumerate(images):
            mask, chunk = stored(file, DATA).id.read_direct_chunk((index, 0, 0))
            assert mask == 0
            assert len(chunk) < image.nbytes / 2
            assert (decoded(codec, chunk, image) == image).all()


def decoded(codec: Compression, chunk: bytes, like: NDArray) -> NDArray:
    if codec is Compression.GZIP:
        planes = np.frombuffer(zlib.decompress(chunk), np.uint8).reshape(like.itemsize, like.size)
        return np.ascontiguousarray(planes.T).view(like.dtype).reshape(like.shape)
    size, block = struct.unpack(">QI", chunk[:12])
    assert size == like.nbytes
    decompress = bitshuffle.decompress_lz4 if codec is Compression.BSLZ4 else bitshuffle.decompress_zstd
    return decompress(np.frombuffer(chunk, np.uint8, offset=12), like.shape, like.dtype, block // like.itemsize)


def test_frames_that_do_not_become_smaller_are_stored_as_they_are(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path, codec: Compression
) -> None:
    images = [noise_of(1), counts_of(2, (256, 256), "uint16"), noise_of(3)]
    path = record(detector, server, tmp_path, 1, images)
    with h5py.File(path, "r") as file:
        data = stored(file, DATA)
        chunks = [data.id.get_chunk_info(index) for index in range(3)]
        every_filter = 2 ** len(FILTERS[codec]) - 1
        assert [chunk.filter_mask for chunk in chunks] == [every_filter, 0, every_filter]
        assert [chunk.size == images[0].nbytes for chunk in chunks] == [True, False, True]
        assert (data[()] == np.stack(images)).all()


def test_compressed_frames_are_seen_by_a_live_reader(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    server.post(1, counts_of(1, (255, 257), "uint16"))
    wait_written(detector, 1)
    with h5py.File(path, "r", swmr=True) as file:
        data = stored(file, DATA)
        for unique_id in (2, 3, 4):
            server.post(unique_id, counts_of(unique_id, (255, 257), "uint16"))
            wait_written(detector, unique_id)
            data.refresh()
            assert (data[unique_id - 1] == counts_of(unique_id, (255, 257), "uint16")).all()
    finish(detector)


def test_a_stalled_disk_is_told_while_it_stalls_and_what_is_written_is_right(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path, frames=26))
    writer = detector.pids()["eiger.writer"]
    images = [image_of(unique_id, (1024, 1024)) for unique_id in range(1, 27)]  # 8 of them fill the ring
    freeze(writer)
    post(detector, server, images[:12])
    wait_until("the loss is told", lambda: detector.progress().account.missing == 4)
    assert not detector.progress().closed
    thaw(writer)
    wait_written(detector, 8)
    freeze(writer)
    post(detector, server, images[12:25], first_id=13)
    wait_until("the second loss is told", lambda: detector.progress().account.missing == 9)
    thaw(writer)
    wait_written(detector, 16)
    server.post(26, images[25])
    ended = wait_closed(detector).account
    assert (ended.received, ended.written, ended.missing) == (26, 17, 9)
    state, reason = verdict((ended,))
    assert state is RunState.INCOMPLETE
    assert "9 frames missing" in reason
    with h5py.File(path, "r") as file:
        ids = list(stored(file, UNIQUE_ID))
        assert ids == [*range(1, 9), *range(13, 21), 26]
        for index, unique_id in enumerate(ids):
            assert (stored(file, DATA)[index] == images[unique_id - 1]).all()


def test_a_killed_writer_leaves_every_flushed_frame(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    images = [counts_of(unique_id, (255, 257), "uint16") for unique_id in range(1, 31)]
    post(detector, server, images)
    wait_written(detector, 1)
    os.kill(detector.pids()["eiger.writer"], signal.SIGKILL)
    ended = wait_closed(detector)
    assert "signal 9" in ended.failure
    assert mend(path).needed
    with h5py.File(path, "r") as file:
        frames = len(stored(file, DATA))
        assert len(stored(file, UNIQUE_ID)) == frames >= ended.account.written >= 1
        assert (stored(file, DATA)[()] == np.stack(images[:frames])).all()


def test_an_abort_does_not_wait_for_frames_to_be_compressed(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    begin(detector, run_plan(tmp_path))
    freeze(detector.pids()["eiger.writer"])
    post(detector, server, [image_of(unique_id) for unique_id in range(1, 13)])
    detector.stop(drain=False)
    thaw(detector.pids()["eiger.writer"])
    assert wait_closed(detector).account.written == 0
    path = record(detector, server, tmp_path, 2, [image_of(7), image_of(8)])
    with h5py.File(path, "r") as file:
        assert list(stored(file, DATA)[:, 0, 0]) == [7, 8]


@pytest.mark.parametrize("codec", CODECS)
def test_a_frame_compressed_by_its_source_is_left_alone(codec: Compression) -> None:
    encode = encoder(codec)
    assert encode is not None
    frame = Frame(FrameFormat((64, 64), "<u2", "blosc"), 1, 2, 3, np.zeros(100, np.uint8))
    chunk = encode(frame)
    assert chunk.data is frame.payload
    assert chunk.mask == 0


@pytest.mark.parametrize("codec", [Compression.BSZSTD, Compression.GZIP])
def test_a_higher_level_makes_smaller_chunks(codec: Compression) -> None:
    pixels = np.random.default_rng(1).poisson(3, 1 << 16).astype("<u4")
    frame = Frame(FrameFormat((1 << 16,), "<u4"), 1, 2, 3, pixels.view(np.uint8))
    sizes = []
    for level in (1, codec.highest_level):
        encode = encoder(codec, level)
        assert encode is not None
        sizes.append(encode(frame).data.nbytes)
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"compression": "bslz4", "compression_level": 1}, "has no compression_level"),
        ({"compression": "gzip", "compression_level": 10}, "must be 9 at most for gzip"),
        ({"compression": "bszstd", "compression_level": 0}, "greater than or equal to 1"),
        ({"compression": "bszstd", "compression_threads": 0}, "greater than or equal to 1"),
    ],
)
def test_a_level_that_the_codec_does_not_have_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        detector_config(**settings)
