"""Frames that come compressed are stored as they came, and any reader with hdf5plugin gets the pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from beamsession.model.detector import Compression
from beamsession.record.datafile import DATA, UNIQUE_ID, DataFile
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.passthrough import CodecError, chunk_of, codec_of
from beamsession.record.sources.pva_frame import frame_of_ndarray
from beamsession.record.sources.source import UnusableFrameError
from beamsession.record.streaming import StreamingDetector
from compressed_frames import (
    CODECS,
    compressed_value,
    lz4_block_as_large_as_its_frame,
    payload_of,
    stored_blosc,
)
from frame_server import (
    FrameServer,
    begin,
    detector_config,
    empty_value,
    finish,
    frame_value,
    image_of,
    run_plan,
    stored,
    wait_closed,
    wait_received,
    wait_until,
)

DTYPES = ("uint8", "uint16", "uint32", "int16", "float32", "float64")
NOT_MADE = ("blosc:snappy:shuffle", "uint8")  # snappy wants more room than the filter gives it here
FILTERS = {"blosc": 32001, "lz4": 32004, "lz4hdf5": 32004, "bslz4": 32008, "zlib": 1}


@pytest.fixture(scope="module")
def shared_detector(environment: None) -> Iterator[StreamingDetector]:
    detector = StreamingDetector(detector_config(compression=Compression.BSLZ4))
    yield detector
    detector.shutdown()


@pytest.fixture(autouse=True)
def _no_frame_before(server: FrameServer) -> None:
    server.image.post(empty_value())


def smooth_image(number: int, dtype: str, shape: tuple[int, ...] = (40, 60)) -> NDArray:
    """Pixels that differ, also from frame to frame, and that every codec can make smaller."""
    pixels = np.arange(np.prod(shape)).reshape(shape) // 200 + number
    image = pixels.astype(dtype) / 4 if np.dtype(dtype).kind == "f" else pixels.astype(dtype)
    return -image if np.dtype(dtype).kind in "if" else image


def filter_in(dataset: h5py.Dataset) -> int:
    creation: Any = dataset.id.get_create_plist()
    assert creation.get_nfilters() == 1
    return creation.get_filter(0)[0]


@pytest.mark.parametrize(("codec", "dtype"), [pair for pair in product(CODECS, DTYPES) if pair != NOT_MADE])
def test_a_payload_becomes_a_chunk_that_readers_understand(codec: str, dtype: str, tmp_path: Path) -> None:
    images = [smooth_image(number, dtype) for number in range(3)]
    payloads = [payload_of(image, codec) for image in images]
    name = codec.partition(":")[0]
    form = FrameFormat(images[0].shape, images[0].dtype.str, codec_of(name, payloads[0], images[0].nbytes))
    path = tmp_path / "frames.h5"
    file = DataFile(path, form, title="t", units="counts", compression=Compression.BSLZ4)
    for number, payload in enumerate(payloads):
        file.append(Frame(form, number, 1, 2, payload))
    file.close()
    with h5py.File(path, "r") as found:
        data = stored(found, DATA)
        assert filter_in(data) == FILTERS[name]
        assert data.dtype == dtype
        assert np.array_equal(data[()], images)
        assert data.id.get_storage_size() <= sum(len(payload) + 16 for payload in payloads)


@pytest.mark.parametrize(("codec", "dtype"), list(zip(CODECS, DTYPES * 2, strict=False)))
def test_compressed_frames_are_recorded_as_they_come(
    codec: str, dtype: str, detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    images = [smooth_image(number, dtype) for number in range(5)]
    for number, image in enumerate(images):
        server.image.post(compressed_value(number, image, codec, payload_of(image, codec)))
    wait_received(detector, 5)
    ended = finish(detector)
    assert (ended.account.written, ended.account.missing, ended.failure) == (5, 0, "")
    with h5py.File(path, "r") as file:
        assert filter_in(stored(file, DATA)) == FILTERS[codec.partition(":")[0]]
        assert np.array_equal(stored(file, DATA)[()], images)
        assert stored(file, UNIQUE_ID)[()].tolist() == [0, 1, 2, 3, 4]


def test_a_frame_that_blosc_could_not_make_smaller_is_one_of_its_run(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    path = begin(detector, run_plan(tmp_path))
    smooth = smooth_image(0, "uint16")
    noise = np.random.default_rng(1).integers(0, 1 << 16, smooth.shape, np.uint16)
    server.image.post(compressed_value(0, smooth, "blosc", payload_of(smooth, "blosc:lz4:bitshuffle")))
    server.image.post(compressed_value(1, noise, "blosc", stored_blosc(noise)))
    wait_received(detector, 2)
    assert finish(detector).failure == ""
    with h5py.File(path, "r") as file:
        assert np.array_equal(stored(file, DATA)[()], [smooth, noise])


def test_an_lz4_block_as_large_as_its_frame_is_not_taken_for_raw(tmp_path: Path) -> None:
    line, block = lz4_block_as_large_as_its_frame()
    form = FrameFormat(line.shape, "|u1", "lz4")
    file = DataFile(tmp_path / "frames.h5", form, title="t", units="counts", compression=Compression.NONE)
    smooth = smooth_image(0, "uint8", line.shape)
    file.append(Frame(form, 0, 1, 2, block))
    file.append(Frame(form, 1, 1, 2, payload_of(smooth, "lz4")))
    file.close()
    with h5py.File(tmp_path / "frames.h5", "r") as found:
        assert np.array_equal(stored(found, DATA)[()], [line, smooth])


@pytest.mark.parametrize("seed", range(20))
def test_a_broken_lz4_block_never_stops_the_writer(seed: int) -> None:
    block = np.random.default_rng(seed).integers(0, 256, 500, np.uint8)
    assert len(chunk_of(FrameFormat((500,), "|u1", "lz4"), block)[1]) == 500


@pytest.mark.parametrize(
    ("mode", "shape", "word"),
    [
        ("RGB1", (20, 30, 3), "rgb-image"),
        ("RGB2", (20, 3, 30), "image"),
        ("RGB3", (3, 20, 30), "image"),
    ],
)
@pytest.mark.parametrize("codec", ["", "bslz4"])
def test_colour_images_keep_their_dimensions_and_their_mode(
    mode: str, shape: tuple[int, ...], word: str, codec: str, detector: StreamingDetector, server: FrameServer,
    tmp_path: Path,
) -> None:  # fmt: skip
    path = begin(detector, run_plan(tmp_path))
    image = smooth_image(7, "uint8", shape)
    color = {"attribute": [{"name": "Gain", "value": 1.5}, {"name": "ColorMode", "value": int(mode[-1]) + 1}]}
    value = compressed_value(1, image, codec, payload_of(image, codec) if codec else image.ravel(), **color)
    server.image.post(value)
    wait_received(detector, 1)
    finish(detector)
    with h5py.File(path, "r") as file:
        data = stored(file, DATA)
        assert (data.attrs["color_mode"], data.attrs["interpretation"]) == (mode, word)
        assert np.array_equal(data[()], [image])


@pytest.mark.parametrize(
    ("later", "sentence"),
    [
        ("lz4", "the codec changed from bslz4 to lz4"),
        ("", "the codec changed from bslz4 to none"),
    ],
)
def test_a_codec_that_changes_ends_the_run_with_what_is_there(
    later: str, sentence: str, detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    image = smooth_image(1, "uint16")
    server.image.post(compressed_value(0, image, "bslz4", payload_of(image, "bslz4")))
    path = begin(detector, run_plan(tmp_path))
    for number in (1, 2):
        server.image.post(compressed_value(number, image, "bslz4", payload_of(image, "bslz4")))
    wait_received(detector, 2)
    server.image.post(compressed_value(3, image, later, payload_of(image, later)) if later else frame_value(3, image))
    wait_until("the change is told", lambda: detector.progress().failure)
    assert detector.progress().failure == sentence
    assert finish(detector).account.written == 2
    with h5py.File(path, "r") as file:
        assert np.array_equal(stored(file, DATA)[()], [image, image])


@pytest.mark.parametrize(
    ("codec", "changes", "sentence"),
    [
        ("jpeg", {}, "compressed with jpeg, for which readers have no HDF5 filter; choose blosc, lz4,"),
        ("bslz4", {"codec.parameters": 0}, "do not tell their pixels' type"),
        ("bslz4", {"uncompressedSize": 17}, "17 bytes uncompressed"),
        ("blosc", {}, "its blosc payload does not hold what the frame announces"),
    ],
)
def test_a_frame_that_stands_and_cannot_be_recorded_ends_no_run_but_one_that_comes_does(
    codec: str, changes: dict[str, Any], sentence: str, detector: StreamingDetector, server: FrameServer,
    tmp_path: Path,
) -> None:  # fmt: skip
    image = image_of(1)
    bad = compressed_value(1, image, codec, np.full(100, 3, np.uint8), **changes)
    server.image.post(bad)
    wait_until("it is seen", lambda: ("compressed with jpeg" in str(detector.check())) == (codec == "jpeg"))
    assert not any(problem.blocks for problem in detector.check())
    begin(detector, run_plan(tmp_path))
    server.post(2, image)
    wait_received(detector, 1)
    server.image.post(bad)
    wait_until("it is told", lambda: detector.progress().failure)
    ended = finish(detector)
    assert ended.account.written == 1
    assert re.search(sentence, ended.failure)


def test_a_codec_without_a_filter_that_comes_later_ends_the_run(
    detector: StreamingDetector, server: FrameServer, tmp_path: Path
) -> None:
    begin(detector, run_plan(tmp_path))
    server.image.post(compressed_value(1, image_of(1), "jpeg", np.full(100, 3, np.uint8)))
    wait_until("it is told", lambda: detector.progress().failure)
    detector.stop(drain=True)
    assert "jpeg" in wait_closed(detector).failure


@pytest.mark.parametrize("parameters", ["text", 1.5, 11])
def test_a_pixel_type_that_is_none_is_noticed(parameters: Any) -> None:
    image = smooth_image(1, "uint16")
    value = compressed_value(1, image, "bslz4", payload_of(image, "bslz4"), **{"codec.parameters": parameters})
    with pytest.raises(UnusableFrameError, match="do not tell their pixels' type"):
        frame_of_ndarray(value)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("zlib", b"\x00\x01\x02"),
        ("lz4hdf5", b"\x00" * 12),
        ("blosc", b"\x02\x01"),
        ("blosc", b"\x02\x01\xe0\x02" + b"\0" * 12),
    ],
)
def test_payloads_that_are_none_are_noticed(name: str, payload: bytes) -> None:
    with pytest.raises(CodecError):
        codec_of(name, np.frombuffer(payload, np.uint8), 100)
