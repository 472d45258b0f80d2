"""The check finds what keeps a NeXus file from being plotted and understood."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamsession.record.nexus import check_nexus


def make_sound_file(path: Path) -> None:
    """The least that passes: a plot of a linked signal over an axis, and a log."""
    with h5py.File(path.with_name("data.h5"), "w") as source:
        source["counts"] = np.arange(12).reshape(4, 3)
        source["counts"].attrs["units"] = "counts"
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        entry = file.create_group("entry")
        entry.attrs.update({"NX_class": "NXentry", "default": "plot"})
        entry["title"] = entry["entry_identifier"] = entry["program_name"] = "test"
        entry["start_time"] = entry["end_time"] = "2026-11-21T09:30:00.000000Z"
        plot = entry.create_group("plot")
        plot.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": ["x", "."], "x_indices": 0})
        plot["data"] = h5py.ExternalLink("data.h5", "/counts")
        plot["x"] = np.arange(4.0)
        plot["x"].attrs["units"] = "mm"
        log = entry.create_group("log")
        log.attrs["NX_class"] = "NXlog"
        log["time"], log["value"] = np.arange(2.0), np.arange(2.0)
        log["time"].attrs.update({"units": "s", "start": "2026-11-21T09:30:00.000000Z"})
        log["value"].attrs["units"] = "K"


def replace(parent: Any, name: str, value: Any) -> None:
    """Put `value` where `name` was, with the attributes that were there."""
    attributes = dict(parent[name].attrs)
    del parent[name]
    parent[name] = value
    parent[name].attrs.update(attributes)


FAULTS: dict[str, Callable[[Any], object]] = {
    "The file's attribute 'default' does not lead to an NXentry.": lambda f: f.attrs.pop("default"),
    "The attribute 'default' of /entry does not lead to an NXdata.": lambda f: f["entry"].attrs.update(default="x"),
    "The signal of /entry/plot does not lead to an array of numbers.": lambda f: f["entry/plot"].attrs.update(
        signal="nothing"
    ),
    "/entry/title is missing or empty.": lambda f: f["entry"].pop("title"),
    "/entry/end_time is missing, or is no time with its zone.": lambda f: replace(
        f["entry"], "end_time", "2026-11-21 09:30"
    ),
    "The axis /entry/plot/x has the shape (3,), its dimension has the length 4.": lambda f: replace(
        f["entry/plot"], "x", np.arange(3.0)
    ),
    "The axis /entry/plot/y does not lead to an array of numbers.": lambda f: f["entry/plot"].attrs.update(
        axes=["x", "y"]
    ),
    "/entry/plot names 1 axes, its signal has 2 dimensions.": lambda f: f["entry/plot"].attrs.update(axes=["x"]),
    "/entry/plot/x has no units.": lambda f: f["entry/plot/x"].attrs.pop("units"),
    "/entry/log has 3 times and 2 values.": lambda f: replace(f["entry/log"], "time", np.arange(3.0)),
    "/entry/log/time does not say when it starts.": lambda f: f["entry/log/time"].attrs.pop("start"),
    "/entry/log lacks its time or its value.": lambda f: f["entry/log"].pop("value"),
    "/entry/gone leads to gone.h5, which is missing.": lambda f: f["entry"].update(
        gone=h5py.ExternalLink("gone.h5", "/counts")
    ),
    "/entry/gone leads to /other in data.h5, which cannot be read.": lambda f: f["entry"].update(
        gone=h5py.ExternalLink("data.h5", "/other")
    ),
    "/entry/gone leads to /entry/none, which is not there.": lambda f: f["entry"].update(
        gone=h5py.SoftLink("/entry/none")
    ),
}


def test_a_sound_file_passes(tmp_path: Path) -> None:
    make_sound_file(tmp_path / "run_0001.nxs")
    assert check_nexus(tmp_path / "run_0001.nxs") == ()


@pytest.mark.parametrize("complaint", FAULTS)
def test_each_fault_is_told_and_nothing_else(tmp_path: Path, complaint: str) -> None:
    path = tmp_path / "run_0001.nxs"
    make_sound_file(path)
    with h5py.File(path, "r+") as file:
        FAULTS[complaint](file)
    assert check_nexus(path) == (complaint,)


def test_a_signal_without_units_in_the_linked_file_is_told(tmp_path: Path) -> None:
    make_sound_file(tmp_path / "run_0001.nxs")
    with h5py.File(tmp_path / "data.h5", "r+") as file:
        del file["counts"].attrs["units"]
    assert check_nexus(tmp_path / "run_0001.nxs") == ("/entry/plot/data has no units.",)


@pytest.mark.parametrize("content", [None, b"", b"no HDF5"])
def test_what_cannot_be_opened_is_one_complaint(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "run_0001.nxs"
    if content is not None:
        path.write_bytes(content)
    assert check_nexus(path) == ("run_0001.nxs is missing, or no program can open it.",)


def test_many_complaints_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "run_0001.nxs"
    make_sound_file(path)
    with h5py.File(path, "r+") as file:
        for number in range(150):
            file[f"entry/link_{number}"] = h5py.SoftLink("/nowhere")
    complaints = check_nexus(path)
    assert len(complaints) == 101
    assert complaints[-1] == "And 50 complaints more."
