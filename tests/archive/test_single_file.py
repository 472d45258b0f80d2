"""A copy in one file has all that the run has, packed as it was, or is not made."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

from beamsession.archive.derived_files import is_derived
from beamsession.archive.single_file import CopyReport, bytes_to_copy, copy_run
from beamsession.archive.single_file_check import verify_copy
from beamsession.model.derived import copy_end
from beamsession.model.errors import RefusedError
from beamsession.record.nexus import check_nexus
from recorded_run import RecordedRun, damage_chunk, record, spot

END = copy_end("B1-job-7")
FRAMES = 12


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedRun:
    """Of a detector whose frames are packed, one that has none, and readings."""
    frames = [spot((60, 80), 20, number) for number in range(FRAMES)]
    return record(tmp_path_factory.mktemp("recorded") / "session", {"eiger": frames, "quiet": []})


@pytest.fixture
def run(recorded: RecordedRun, tmp_path: Path) -> RecordedRun:
    """The same in a folder of each test's own, to do with as it likes."""
    folder = tmp_path / "session"
    shutil.copytree(recorded.master.parent, folder)
    return replace(recorded, plan=recorded.plan.model_copy(update={"folder": folder}))


def copied(master: Path, name: str = "run_0001_single.nxs") -> tuple[Path, CopyReport]:
    """Away from the data files, so that no link can lead to them."""
    path = master.parent.parent / "copies" / name
    path.parent.mkdir(exist_ok=True)
    return path, copy_run(master, path, name=name, end=END)


def array(file: h5py.File, path: str) -> Any:
    found = file[path]
    assert isinstance(found, h5py.Dataset)
    return found[()]


def refused(master: Path) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        copied(master)
    return caught.value


def test_everything_is_there_without_the_data_files(run: RecordedRun) -> None:
    path, report = copied(run.master)
    (run.master.parent).rename(run.master.parent.with_name("gone"))
    with h5py.File(path) as file:
        data = array(file, "/entry/eiger/data")
        assert np.array_equal(data, [spot((60, 80), 20, number) for number in range(FRAMES)])
        assert file["/entry/instrument/eiger/data"] == file["/entry/eiger/data"], "one array under two names"
        assert array(file, "/entry/instrument/eiger/sequence_number").tolist() == list(range(1, FRAMES + 1))
        assert array(file, "/entry/readings/value").shape == (40,)
        assert array(file, "/entry/run/state").decode() == "COMPLETED"
        assert array(file, "/entry/title").decode() == "first θ scan"
        assert array(file, "/entry/eiger/theta").shape == (FRAMES,)
        assert file["/entry/instrument/monochromator/energy"].attrs["units"] == "keV"
        assert array(file, "/entry/quiet/data").shape == (0,)
        assert (file.attrs["file_name"], file.attrs["beamsession_copy_of"]) == (path.name, "run_0001.nxs")
        links: list[Any] = []
        file.visititems_links(lambda _, link: links.append(link))
        assert not any(isinstance(link, h5py.ExternalLink) for link in links)
    assert report.size == path.stat().st_size
    assert path.read_bytes().endswith(END)
    assert is_derived(path)


def test_the_nexus_check_of_the_run_holds_for_the_copy(run: RecordedRun) -> None:
    assert run.report.check == check_nexus(run.master) == check_nexus(copied(run.master)[0])


def test_frames_are_copied_as_they_are_packed_even_those_that_nothing_can_unpack(run: RecordedRun) -> None:
    damage_chunk(run.data_file("eiger"), 3)
    path, report = copied(run.master)
    assert report.chunks_compared >= 8
    with h5py.File(run.data_file("eiger")) as source, h5py.File(path) as file:
        one: Any = source["/entry/data/data"]
        other: Any = file["/entry/eiger/data"]
        assert (one.chunks, one.maxshape, one.id.get_num_chunks()) == (other.chunks, other.maxshape, FRAMES)
        for number in range(FRAMES):
            assert one.id.read_direct_chunk((number, 0, 0)) == other.id.read_direct_chunk((number, 0, 0))
        with pytest.raises(OSError, match="filter"):
            other[3]
    sources = sum(item.stat().st_size for item in run.master.parent.glob("run_0001*"))
    assert path.stat().st_size < 1.2 * sources


def test_the_space_that_it_needs_is_known_before(run: RecordedRun) -> None:
    size = copied(run.master)[0].stat().st_size
    assert 0.5 * size < bytes_to_copy(run.master) < 1.5 * size


def test_a_copy_is_open_to_programs_that_know_nothing_of_its_end(run: RecordedRun) -> None:
    path, _ = copied(run.master)
    with h5py.File(path, "r+") as file:
        file.attrs["analysed"] = True
    with h5py.File(path) as file:
        assert file.attrs["analysed"]
        assert array(file, "/entry/eiger/data").shape[0] == FRAMES


def test_attributes_links_and_types_of_other_programs_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    with h5py.File(folder / "data.h5", "w") as file:
        file.create_dataset("a/frames", data=np.ones((6, 4, 4)), chunks=(2, 4, 4), **hdf5plugin.Blosc())
        file["a/same"] = h5py.SoftLink("/a/frames")
        file["a/large"] = np.arange(300_000.0).reshape(300, 1000)
    master = folder / "run_0001.nxs"
    with h5py.File(master, "w") as file:
        file["entry/camera"] = h5py.ExternalLink("data.h5", "/a")
        file["entry/soft"] = h5py.SoftLink("/entry/camera/frames")
        file["entry/loop"] = file["entry"]
        file["entry/texts"] = ["Łukasz", "2θ"]
        file["entry/nothing"] = h5py.Empty("f4")
        file["entry/kind"] = np.dtype("f8")
        file["entry"].attrs.update({"texts": ["a", "b"], "bytes": np.bytes_(b"fixed"), "none": h5py.Empty("i4")})
        file["entry"].attrs["place"] = file["entry/texts"].ref
    path, report = copied(master)
    with h5py.File(path) as opened:
        file: Any = opened
        assert file["entry/camera/frames"] == file["entry/soft"] == file["entry/camera/same"] == file["entry/loop/soft"]
        assert file.get("entry/soft", getlink=True).path == "/entry/camera/frames"
        assert file["entry/texts"].asstr()[:].tolist() == ["Łukasz", "2θ"]
        assert isinstance(file["entry/kind"], h5py.Datatype)
        attributes = file["entry"].attrs
        assert (list(attributes["texts"]), attributes["bytes"]) == (["a", "b"], b"fixed")
        assert isinstance(attributes["none"], h5py.Empty)
        assert "place" not in attributes, "a place in the old file means nothing in the new one"
    assert report.datasets == 4


def test_a_run_whose_data_are_gone_is_not_copied(run: RecordedRun) -> None:
    run.data_file("eiger").unlink()
    error = refused(run.master)
    assert error.code == "DATA_MISSING"
    assert "run_0001_eiger.h5, which is missing" in error.sentence


@pytest.mark.parametrize("path", ["master", "data"])
def test_a_damaged_file_is_not_copied(run: RecordedRun, path: str) -> None:
    harmed = run.master if path == "master" else run.data_file("eiger")
    harmed.write_bytes(harmed.read_bytes()[:1500])
    assert refused(run.master).code == ("FILE_UNREADABLE" if path == "master" else "DATA_MISSING")


def test_what_hdf5_itself_puts_together_is_refused_rather_than_left_pointing_elsewhere(run: RecordedRun) -> None:
    layout = h5py.VirtualLayout((FRAMES, 60, 80), "<u4")
    layout[:] = h5py.VirtualSource(run.data_file("eiger"), "/entry/data/data", (FRAMES, 60, 80))
    with h5py.File(run.master, "a") as file:
        file.create_virtual_dataset("/entry/virtual", layout)
    assert refused(run.master).code == "DATA_ELSEWHERE"


def _other_frame(file: Any) -> None:
    file["/entry/eiger/data"][0] = 7


def _other_number(file: Any) -> None:
    file["/entry/run/number"][()] = 9


def _fewer_frames(file: Any) -> None:
    file["/entry/eiger/data"].resize(FRAMES - 1, axis=0)


def _other_units(file: Any) -> None:
    file["/entry/eiger/data"].attrs["units"] = "V"


def _a_link_out(file: Any) -> None:
    del file["/entry/readings"]
    file["/entry/readings"] = h5py.ExternalLink("elsewhere.h5", "/")


def _no_title(file: Any) -> None:
    del file["/entry/title"]


def test_a_copy_that_differs_is_found(run: RecordedRun) -> None:
    path, _ = copied(run.master)
    assert verify_copy(run.master, path) >= 8
    whole = path.read_bytes()
    changes = (_other_frame, _other_number, _fewer_frames, _other_units, _no_title, _a_link_out)
    for change in changes:
        path.write_bytes(whole)
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(RefusedError) as caught:
            verify_copy(run.master, path)
        assert caught.value.code in ("COPY_DIFFERS", "DATA_MISSING"), change
