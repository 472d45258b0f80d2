"""Python examples compile, and use only what the device has; those that read a growing file are run on one."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from docs.generate.interface import interface_of

from beamsession.faces.tango.session_manager import SessionManager
from beamsession.model.detector import Compression, PvaDetector
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.record.datafile import DataFile, reserve
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.nexus import start_master
from markdown_blocks import ROOT, Example, examples

_MEMBER = re.compile(r"\bmanager\.([A-Z]\w*)")


@pytest.mark.parametrize("example", examples("python"), ids=str)
def test_a_python_example_compiles(example: Example) -> None:
    compile(example.text, str(example), "exec")


@pytest.mark.parametrize("example", examples("python"), ids=str)
def test_a_python_example_names_only_what_the_device_has(example: Example) -> None:
    device = interface_of(SessionManager)
    known = {item.name for item in (*device.commands, *device.attributes)}

    assert set(_MEMBER.findall(example.text)) <= known


@pytest.fixture
def growing_run(tmp_path: Path) -> Iterator[RunPlan]:
    """A run of three 4x5 frames whose data file is still open for writing."""
    plan = RunPlan(
        key=RunKey(instrument="p99", session_id=1, run_number=1),
        data_root=tmp_path,
        folder=tmp_path,
        session=SessionFacts(id=1, name="align", start=datetime.now(UTC)),
        instrument=InstrumentFacts(name="p99"),
        detectors=(PvaDetector(name="camera", pv="13SIM1:Pva1:Image"),),
    )
    start_master(plan, start=datetime.now(UTC), constants={})
    path, form = plan.data_file("camera"), FrameFormat((4, 5), "<u2")
    reserve(path, plan.rules)
    file = DataFile(path, form, title="camera", units="counts", compression=Compression.NONE)
    for number in (1, 2, 3):
        file.append(Frame(form, number, number, number, np.full(20, 7, "<u2")))
    file.flush()
    yield plan
    file.close()


def _run(example: Example, path_in_example: str, path: Path) -> str:
    assert path_in_example in example.text
    program = example.text.replace(path_in_example, str(path))
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=120
    ).stdout


def _example(page: str, containing: str) -> Example:
    [found] = [item for item in examples("python") if item.page == ROOT / page and containing in item.text]
    return found


def test_the_front_pages_example_reads_a_run_while_it_grows(growing_run: RunPlan) -> None:
    example = _example("README.md", "h5py")

    shown = _run(example, "/data/2026/p12345/000001_align/run_0001.nxs", growing_run.master)

    assert shown.split() == ["(3,", "4,", "5)", "7.0"]


def test_a_data_file_whose_writer_has_not_closed_it_can_be_read(growing_run: RunPlan) -> None:
    example = _example("docs/how-to/recover-after-a-crash.md", "h5py")

    shown = _run(example, "run_0003_camera.h5", growing_run.data_file("camera"))

    assert shown.strip() == "(3, 4, 5)"
