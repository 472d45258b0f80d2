"""What the field's own validators say of the files of real runs: no error.

punx and pynx follow no external link, so they get a copy with the data in it. pynx counts whatever no definition
mentions as invalid unless told otherwise; files may hold more than that.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import nexusformat
import pytest

from beamsession.model.nexus import NexusField, NexusRules
from beamsession.model.plan import InstrumentFacts
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsim.detector_client import DetectorClient
from beamsim.running import Beamline
from recorder_rig import Rig, begin, outcome, state_of, wait_until, written

FRAMES = 5
BIN = Path(sys.executable).parent
DEFINITIONS = Path(nexusformat.__path__[0]) / "definitions"
TOMOGRAPHY = NexusRules(
    definition="NXtomo",
    definitions=DEFINITIONS,
    fields=(
        NexusField(path="/entry/instrument/source/probe", value="x-ray"),
        NexusField(path="/entry/instrument/source/type", value="Synchrotron X-ray Source"),
        NexusField(path="/entry/instrument/fast/image_key", value=[0] * FRAMES),
        NexusField(path="/entry/instrument/detector", target="/entry/instrument/fast"),
        NexusField(path="/entry/sample/rotation_angle", target="/entry/fast/angle"),
        NexusField(path="/entry/fast/rotation_angle", target="/entry/fast/angle"),
        NexusField(path="/entry/fast/image_key", target="/entry/instrument/fast/image_key"),
        NexusField(path="/entry/data", target="/entry/fast"),
    ),
)


@pytest.fixture
def rig(beamline: Beamline, tmp_path: Path) -> Iterator[Rig]:
    readings = (
        ReadingConfig(name="angle", pv=f"{beamline.prefix}M2:RBV", axis=True),
        ReadingConfig(name="ring", pv=f"{beamline.prefix}RingCurrent", path="/entry/instrument/source/current"),
    )
    constants = (
        ConstantConfig(
            name="pressure", pv=f"{beamline.prefix}FrontEndPressure", path="/entry/instrument/environment/pressure"
        ),
    )
    rig = Rig(beamline, tmp_path, readings=readings, constants=constants)
    yield rig
    rig.close()


def record_with_pause(rig: Rig, camera: DetectorClient, nexus: NexusRules) -> tuple[RunReport, Path]:
    recorder = rig.start()
    facts = InstrumentFacts(name="rig", title="The rig", facility="Test ring", source_name="Ring")
    plan = rig.plan(nexus=nexus, instrument=facts, metadata={"sample": "vase", "note": [1, "a"]})
    begin(recorder, plan)
    recorder.pause(plan.key)
    wait_until("it is paused", lambda: state_of(recorder, plan) is RunState.PAUSED)
    recorder.resume(plan.key)
    wait_until("it records", lambda: state_of(recorder, plan) is RunState.RECORDING)
    camera.start(FRAMES, period=0.005)
    camera.wait()
    wait_until("the frames are written", lambda: written(recorder) == FRAMES)
    recorder.stop(plan.key)
    return outcome(recorder, plan), plan.master


def said(program: str, *arguments: str | Path) -> str:
    done = subprocess.run([BIN / program, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


def expanded(master: Path) -> Path:
    copy = master.with_name("expanded.nxs")
    with h5py.File(master, "r") as source, h5py.File(copy, "w") as target:
        target.attrs.update(source.attrs)
        for name in source:
            source.copy(name, target, expand_external=True)
    return copy


def assert_valid(master: Path, definition: str = "") -> None:
    """By each validator; those that look at nothing but a definition only where there is one."""
    copy = expanded(master)
    asked: dict[str, tuple[str | Path, ...]] = {"nxcheck": (second(copy),), "punx": ("validate", copy)}
    if definition:
        asked |= {"nxvalidate": ("-d", DEFINITIONS, master), "pynx": ("validate", "--ignore-undocumented", copy)}
    with ThreadPoolExecutor() as pool:
        answers = dict(zip(asked, pool.map(lambda program: said(program, *asked[program]), asked), strict=True))
    assert "Total number of errors: 0" in answers["nxcheck"], answers["nxcheck"]
    assert punx_errors(answers["punx"]) == []
    if definition:
        assert definition in answers["nxvalidate"]
        assert "Total number of errors: 0" in answers["nxvalidate"], answers["nxvalidate"]
        assert f"is valid according to the `{definition}`" in answers["pynx"], answers["pynx"]


def second(copy: Path) -> Path:
    """Another one: two programs of nexusformat do not open one file at the same time."""
    return Path(shutil.copy(copy, copy.with_name("second.nxs")))


def punx_errors(answer: str) -> list[str]:
    lines = answer.splitlines()
    assert any("summary statistics" in line for line in lines), answer
    errors = [line for line in lines if len(line.split()) > 1 and line.split()[1] == "ERROR"]
    # "." stands for a dimension without an axis in NXdata's own documentation; punx takes it for a name.
    return [line for line in errors if "@axes['.']" not in line]


def test_a_run_that_satisfies_its_definition_is_valid_everywhere(rig: Rig, pva_detector: DetectorClient) -> None:
    report, master = record_with_pause(rig, pva_detector, TOMOGRAPHY)
    assert (report.state, report.check) == (RunState.COMPLETED, ())
    assert_valid(master, "NXtomo")


def test_a_run_that_does_not_is_told_by_us_as_by_them(rig: Rig, pva_detector: DetectorClient) -> None:
    fields = tuple(field for field in TOMOGRAPHY.fields if not field.path.startswith("/entry/sample"))
    report, master = record_with_pause(rig, pva_detector, TOMOGRAPHY.model_copy(update={"fields": fields}))
    assert report.check == ("NXtomo: /entry/sample lacks the field 'rotation_angle'.",)
    answer = said("nxvalidate", "-d", DEFINITIONS, master)
    assert "rotation_angle" in answer
    assert "Total number of errors: 0" not in answer, answer


def test_a_run_without_a_detector_is_valid(rig: Rig) -> None:
    recorder, plan = rig.start(), rig.plan(detectors=())
    begin(recorder, plan)
    recorder.stop(plan.key)
    assert outcome(recorder, plan).check == ()
    assert_valid(plan.master)
