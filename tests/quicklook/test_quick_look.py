"""The quick look of a run shows what was measured, whatever the files are, and reads no more of them than it may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from beamsession.model.errors import RefusedError
from beamsession.model.quick_look import QuickLookConfig
from beamsession.quicklook.look import QuickLook, make_quick_look
from recorded_run import THETA, damage_chunk, record, spot

SHAPE = (60, 80)


class Looked:
    """A quick look, and what is in its files."""

    def __init__(self, folder: Path, made: QuickLook) -> None:
        self._folder = folder
        self.files = made.files
        self.summary = made.summary
        self.json: dict[str, Any] = json.loads((folder / "run_0001_quicklook.json").read_text())

    def picture(self, name: str) -> NDArray[np.uint8]:
        with Image.open(self._folder / name) as image:
            assert image.format == "PNG"
            return np.asarray(image)

    def detector(self, name: str) -> dict[str, Any]:
        [found] = [item for item in self.json["detectors"] if item["name"] == name]
        return found


def look(master: Path, **options: Any) -> Looked:
    folder = master.parent / "quicklook"
    folder.mkdir()
    return Looked(folder, make_quick_look(master, folder, "run_0001", {}, QuickLookConfig(**options)))


def foreign(path: Path, data: NDArray[np.generic], attributes: dict[str, str] | None = None, **more: Any) -> Path:
    """A NeXus file of another program."""
    with h5py.File(path, "w") as file:
        group = file.create_group("scan/measurement")
        file["scan"].attrs["NX_class"] = "NXentry"
        group.attrs.update({"NX_class": "NXdata", "signal": "counts"})
        group.create_dataset("counts", data=data, **more).attrs.update(attributes or {})
    return path


def test_a_run_of_ours_is_shown_with_numbers_pictures_and_readings(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 1000, (12, *SHAPE), dtype="<u2")
    images[3, 0, :7] = 65535
    looked = look(record(tmp_path / "s", {"eiger": images}).master)
    found = looked.detector("eiger")
    assert (found["kind"], found["frames"], found["sampled"], found["units"]) == ("images", 12, 12, "counts")
    numbers = found["per_frame"]
    assert numbers["index"] == list(range(12))
    for name, expected in {
        "min": images.min(axis=(1, 2)),
        "max": images.max(axis=(1, 2)),
        "mean": images.mean(axis=(1, 2)),
        "std": images.std(axis=(1, 2)),
        "sum": images.sum(axis=(1, 2)),
    }.items():
        assert numbers[name] == pytest.approx(expected, rel=1e-6), name
    assert numbers["saturated"] == [0, 0, 0, 7] + [0] * 8
    assert found["projections"]["rows"]["sum"] == pytest.approx(images.mean(axis=0).sum(axis=1), rel=1e-6)
    assert found["projections"]["columns"]["sum"] == pytest.approx(images.mean(axis=0).sum(axis=0), rel=1e-6)
    [theta] = looked.json["readings"]
    assert theta == {
        "name": "theta", "units": "mm", "count": THETA, "min": 0.0, "max": 3.9, "mean": 1.95, "first": 0.0, "last": 3.9
    }  # fmt: skip
    assert looked.json["thumbnail"] == "run_0001_eiger.png"
    assert looked.json["complaints"] == []
    assert set(looked.files) == {"run_0001_quicklook.json", "run_0001_readings.png", *found["pictures"].values()}
    assert "per_frame" not in looked.summary["detectors"][0], "what is kept in the store is short"


def test_the_picture_is_bright_where_the_detector_was_and_gaps_do_not_spoil_it(tmp_path: Path) -> None:
    frame = spot(SHAPE, 20, 55)
    frame[30:36] = 2**32 - 1
    looked = look(record(tmp_path / "s", {"eiger": [frame] * 3}).master)
    picture = looked.picture("run_0001_eiger.png")
    assert picture.shape == SHAPE
    assert picture[20, 55] == 255
    assert picture[5, 5] == 0
    assert len(np.unique(picture)) > 50, "shades, not black and white"
    found = looked.detector("eiger")
    assert (found["max"], found["saturated"]) == (1000, 6 * 80)


def test_gaps_that_a_16_bit_detector_marks_are_told_by_being_saturated_in_all_frames(tmp_path: Path) -> None:
    frames = np.stack([spot(SHAPE, 20, 55, "<u2")] * 3)
    frames[:, 30:36] = 65535
    frames[1, 20, 55] = 65535
    picture = look(record(tmp_path / "s", {"eiger": frames}).master).picture("run_0001_eiger.png")
    assert picture[32].max() == 0
    assert picture[20, 55] == 255


def test_a_large_image_is_shrunk_and_a_logarithmic_one_shows_weak_rings(tmp_path: Path) -> None:
    frame = np.ones((300, 900), "<u4")
    frame[100:110], frame[200:260] = 10, 100_000
    run = record(tmp_path / "s", {"eiger": [frame]})
    linear = look(run.master, size=100, percentiles=(0, 100)).picture("run_0001_eiger.png")
    (tmp_path / "s" / "quicklook").rename(tmp_path / "linear")
    log = look(run.master, size=100, percentiles=(0, 100), log=True).picture("run_0001_eiger.png")
    assert linear.shape == log.shape == (34, 100)
    assert linear[11:12].max() < 5
    assert log[11:12].min() > 40


def test_colours_stay_what_they_are(tmp_path: Path) -> None:
    frame = np.zeros((*SHAPE, 3), np.uint8)
    frame[:, :40] = (200, 0, 0)
    frame[:, 40:] = (0, 0, 200)
    looked = look(record(tmp_path / "s", {"camera": [frame] * 2}).master)
    picture = looked.picture("run_0001_camera.png")
    assert looked.detector("camera")["kind"] == "colour images"
    assert picture[10, 10].tolist() == [255, 0, 0]
    assert picture[10, 70].tolist() == [0, 0, 255]


@pytest.mark.parametrize("axis", [1, 2], ids=["RGB3", "RGB2"])
def test_colour_planes_and_lines_are_put_together(tmp_path: Path, axis: int) -> None:
    frame = np.zeros((2, *SHAPE, 3), np.uint8)
    frame[..., 1] = np.linspace(0, 200, 80)
    master = foreign(tmp_path / "rgb.nxs", np.moveaxis(frame, -1, axis))
    picture = look(master).picture("run_0001_measurement.png")
    assert picture.shape == (*SHAPE, 3)
    assert picture[5, 79].tolist() == [0, 255, 0]


def test_spectra_are_a_curve_and_a_waterfall(tmp_path: Path) -> None:
    spectra = np.zeros((30, 2048), "<f4")
    spectra[:, 1500:1510] = np.arange(30)[:, None]
    looked = look(record(tmp_path / "s", {"xrf": spectra}).master)
    found = looked.detector("xrf")
    assert (found["kind"], found["max"], found["sampled"]) == ("spectra", 29.0, 30)
    assert set(found["pictures"]) == {"picture", "waterfall", "frames"}
    waterfall = looked.picture(found["pictures"]["waterfall"])
    brightest = waterfall.sum(axis=0).argmax() / waterfall.shape[1]
    assert brightest == pytest.approx(1505 / 2048, abs=0.005)
    assert waterfall[-1].max() > waterfall[0].max(), "the last frame is below"


def test_values_are_a_curve_and_those_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    values = np.linspace(-5, 5, 50_000)
    values[1000:3000], values[7] = np.nan, np.inf
    found = look(foreign(tmp_path / "diode.nxs", values)).detector("measurement")
    assert (found["kind"], found["min"], found["max"]) == ("values", -5.0, 5.0)


def test_floats_that_are_no_numbers_are_left_out_of_numbers_and_picture(tmp_path: Path) -> None:
    frames = np.stack([spot(SHAPE, 20, 55, "<f4")] * 3)
    frames[:, 40:] = np.nan
    frames[0, 0, 0], frames[1, 0, 0] = np.inf, -np.inf
    frames[2] = np.nan
    looked = look(record(tmp_path / "s", {"eiger": frames}).master)
    numbers = looked.detector("eiger")["per_frame"]
    assert numbers["max"] == [pytest.approx(1000), pytest.approx(1000), None]
    assert numbers["mean"][2] is None
    assert numbers["saturated"] == [None] * 3
    picture = looked.picture("run_0001_eiger.png")
    assert (picture[20, 55], picture[50, 50]) == (255, 0)


@pytest.mark.parametrize("value", [0, 65535], ids=["dark", "overexposed"])
def test_an_even_picture_is_no_trouble(tmp_path: Path, value: int) -> None:
    looked = look(record(tmp_path / "s", {"eiger": np.full((2, *SHAPE), value, "<u2")}).master)
    assert len(np.unique(looked.picture("run_0001_eiger.png"))) == 1
    assert looked.detector("eiger")["max"] == value


@pytest.mark.parametrize(
    "packed",
    [hdf5plugin.Blosc(), hdf5plugin.Bitshuffle(), hdf5plugin.Zstd(), {"compression": 4}],
    ids=["blosc", "bslz4", "zstd", "gzip"],
)
def test_packed_frames_of_another_program_are_read_through_its_own_layout(tmp_path: Path, packed: Any) -> None:
    data = np.stack([spot(SHAPE, 20, 55) * number for number in range(1, 11)]).astype("<u4")
    foreign(tmp_path / "camera.h5", data, chunks=(4, *SHAPE), **packed)
    master = tmp_path / "master.nxs"
    with h5py.File(master, "w") as file:
        file.attrs["default"] = "entry"
        plot = file.create_group("entry/camera")
        file["entry"].attrs["NX_class"] = "NXentry"
        plot.attrs.update({"NX_class": "NXdata", "signal": "data"})
        plot["data"] = h5py.ExternalLink("camera.h5", "/scan/measurement/counts")
    looked = look(master)
    assert looked.detector("camera")["per_frame"]["max"] == [1000 * number for number in range(1, 11)]
    assert looked.picture("run_0001_camera.png")[20, 55] == 255


def test_a_file_without_nexus_classes_is_searched_for_images(tmp_path: Path) -> None:
    path = tmp_path / "plain.h5"
    with h5py.File(path, "w") as file:
        file["a/b/images"] = np.arange(24, dtype="u2").reshape(2, 3, 4)
        file["a/text"] = "no numbers"
    looked = look(path)
    assert looked.detector("a/b/images")["frames"] == 2
    assert "run_0001_a_b_images.png" in looked.files


def test_the_interpretation_that_a_file_names_wins(tmp_path: Path) -> None:
    image = np.arange(12, dtype="u2").reshape(3, 4)
    found = look(foreign(tmp_path / "one.nxs", image, {"interpretation": "image"})).detector("measurement")
    assert (found["kind"], found["frames"]) == ("images", 1)
    (tmp_path / "quicklook").rename(tmp_path / "one")
    spectra = np.arange(24, dtype="u2").reshape(2, 3, 4)
    found = look(foreign(tmp_path / "two.nxs", spectra, {"interpretation": "spectrum"})).detector("measurement")
    assert (found["kind"], found["frames"]) == ("spectra", 6)


def test_a_detector_without_frames_does_not_hide_the_others(tmp_path: Path) -> None:
    looked = look(record(tmp_path / "s", {"quiet": [], "eiger": [spot(SHAPE, 20, 55)]}).master)
    assert (looked.detector("quiet")["frames"], looked.detector("quiet")["pictures"]) == (0, {})
    assert looked.json["thumbnail"] == "run_0001_eiger.png"
    assert looked.json["complaints"] == []


def test_a_run_without_anything_is_refused_with_the_reason(tmp_path: Path) -> None:
    run = record(tmp_path / "s", {"quiet": []}, has_readings=False)
    with pytest.raises(RefusedError) as caught:
        look(run.master)
    assert caught.value.code == "NOTHING_TO_SHOW"
    assert "it holds no frames and no readings" in caught.value.sentence


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all" * 1000, None], ids=["empty", "other", "absent"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "run_0001.nxs"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RefusedError) as caught:
        look(path)
    assert caught.value.code == "FILE_UNREADABLE"


def test_damaged_frames_are_left_out_and_told(tmp_path: Path) -> None:
    run = record(tmp_path / "s", {"eiger": [spot(SHAPE, 20, 55)] * 10})
    damage_chunk(run.data_file("eiger"), 4)
    looked = look(run.master)
    assert looked.detector("eiger")["per_frame"]["index"] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    [complaint] = looked.json["complaints"]
    assert complaint.startswith("Frame 4 of 'eiger' cannot be read")


@pytest.mark.parametrize("harm", ["cut", "gone", "empty"])
def test_a_data_file_that_cannot_be_opened_is_told_and_the_readings_are_shown(tmp_path: Path, harm: str) -> None:
    run = record(tmp_path / "s", {"eiger": [spot(SHAPE, 20, 55)] * 10})
    path = run.data_file("eiger")
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 2000 if harm == "cut" else 0])
    looked = look(run.master)
    assert looked.json["complaints"] == ["The data of 'eiger' are not there or cannot be read."]
    assert [item["name"] for item in looked.json["readings"]] == ["theta"]


def test_of_many_frames_evenly_spaced_ones_are_read(tmp_path: Path) -> None:
    frames = np.arange(1000, dtype="<u2")[:, None, None] * np.ones((1, 4, 4), "<u2")
    run = record(tmp_path / "s", {"eiger": frames})
    index = look(run.master, frames=11).detector("eiger")["per_frame"]["index"]
    assert index == [0, 100, 200, 300, 400, 500, 599, 699, 799, 899, 999]
    (tmp_path / "s" / "quicklook").rename(tmp_path / "first")
    hurried = look(run.master, frames=500, read_s=1e-6).detector("eiger")
    assert hurried["sampled"] == 1, "the time is asked after each frame"


def test_no_more_is_read_than_allowed(tmp_path: Path) -> None:
    data = np.zeros((40, 512, 512), "<u2")
    found = look(foreign(tmp_path / "big.nxs", data, chunks=(1, 512, 512)), read_mib=4).detector("measurement")
    assert found["sampled"] == 8


def test_two_detectors_whose_names_end_alike_have_pictures_of_their_own(tmp_path: Path) -> None:
    looked = look(record(tmp_path / "s", {"a": [spot(SHAPE, 1, 1)] * 2, "a_frames": [spot(SHAPE, 9, 9)] * 2}).master)
    pictures = [name for item in looked.json["detectors"] for name in item["pictures"].values()]
    assert len(pictures) == len(set(pictures)) == 6
