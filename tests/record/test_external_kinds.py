"""Cameras that are only watched, IOCs on other hosts, detectors that are only armed, and all kinds side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamsession.model.detector import AreaDetector, CaDetector, DetectorConfig, Put
from beamsession.model.plan import RunPlan
from beamsession.model.states import RunState
from beamsession.record.external.ioc_path import folder_on_ioc, same_folder
from beamsim.detector_client import DetectorClient
from beamsim.running import Beamline
from external_rig import CAM, HDF, IDS, Ioc, Station, armed, camera, serving, station
from recorder_rig import fast_detector, outcome, state_of, value_in, wait_until, written

ON_IOC = "Z:\\data"


def remote(**changes: Any) -> AreaDetector:
    return camera(root_on_ioc=ON_IOC, swmr=False, **changes)


IMAGE = "SIM1:image1:"
ACQUIRE = Put(pv=f"{CAM}Acquire", value=1, wait=False)
HASTY = (
    Put(pv=f"{CAM}ImageMode", value="Multiple"),
    Put(pv=f"{CAM}NumImages", value=6),
    Put(pv=f"{CAM}AcquirePeriod", value=0.01),
    Put(pv=f"{CAM}Acquire", value=1, timeout_s=20),  # it has made its frames before the run records
)
KINDS: dict[str, DetectorConfig] = {
    config.name: config
    for config in (
        remote(),
        remote(name="watched", drive=False),
        camera("unseen", swmr=False),
        camera("swmr"),
        camera("nowhere", file_plugin="SIM1:HDF9:"),
        armed(busy_pv=f"{HDF}Capture_RBV"),
        armed("few", arm=(Put(pv=f"{CAM}NumImages", value=4),), frames_factor=2),
        CaDetector(name="monitor", pv=f"{IMAGE}ArrayData", id_pv=f"{IMAGE}UniqueId_RBV", dtype="uint16", ring_mib=16),
        armed("hasty", arm=HASTY),
        armed("uncounted", arm=(Put(pv=f"{HDF}NumExtraDims", value=0),), disarm=(), count_pv=None),
        armed("mistaken", arm=(ACQUIRE, Put(pv=f"{CAM}ImageMode", value="Film"))),
        # It ends when the acquisition does.
        armed("endless", arm=(Put(pv=f"{CAM}Acquire", value=1, timeout_s=1),)),
    )
}


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the IOC's host calls `ON_IOC`; nothing else of this host is seen there."""
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def running_ioc(beamline: Beamline, data_root: Path) -> Iterator[Ioc]:
    with serving("--no-swmr", "--mount", f"{ON_IOC}={data_root}") as ioc:
        yield ioc


@pytest.fixture(scope="module")
def made(
    running_ioc: Ioc, beamline: Beamline, tmp_path_factory: pytest.TempPathFactory, data_root: Path
) -> Iterator[Station]:
    """One recorder for all kinds; each run chooses its own."""
    with station(
        tmp_path_factory.mktemp("made"), *(KINDS.values()), fast_detector(beamline), data_root=data_root
    ) as made:
        yield made


@pytest.fixture
def ioc(running_ioc: Ioc) -> Ioc:
    running_ioc.reset()
    return running_ioc


def chosen(made: Station, *names: str, **changes: Any) -> RunPlan:
    """A run of these detectors."""
    by_name = {config.name: config for config in made.detectors}
    return made.plan(detectors=tuple(by_name[name] for name in names), **changes)


def ids_in(path: Path) -> list[int]:
    with h5py.File(path, "r") as file:
        return [int(unique_id) for unique_id in file[IDS][()]]  # type: ignore[index]


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (None, "/data/2026/000007_x/"),
        ("/mnt/beamline", "/mnt/beamline/2026/000007_x/"),
        ("Z:\\data", "Z:\\data\\2026\\000007_x\\"),
        ("z:/data/", "z:\\data\\2026\\000007_x\\"),
        ("\\\\server\\share", "\\\\server\\share\\2026\\000007_x\\"),
    ],
)
def test_a_folder_is_named_as_the_iocs_host_sees_it(root: str | None, expected: str) -> None:
    named = folder_on_ioc(Path("/data/2026/000007_x"), Path("/data"), root)
    assert named == expected
    assert same_folder(named.replace("\\", "/"), expected)


def test_an_ioc_on_windows_that_only_watches_fills_our_file(made: Station, ioc: Ioc) -> None:
    """The camera acquires before, in and after the run; a pause and all around it are neither written nor missing."""
    ioc.put(f"{CAM}ArrayCallbacks", 1)
    ioc.put(f"{CAM}Acquire", 1, wait=False)
    plan = chosen(made, "watched")
    wait_until("nothing is in the way", lambda: made.recorder.check(plan) == ())
    made.begin(plan)
    wait_until("frames are captured", lambda: ioc.get(f"{HDF}NumCaptured_RBV") > 5)
    made.recorder.pause(plan.key)
    passed = ioc.get(f"{CAM}ArrayCounter_RBV")
    wait_until("the camera goes on", lambda: ioc.get(f"{CAM}ArrayCounter_RBV") > passed + 30)
    made.recorder.resume(plan.key)
    captured = ioc.get(f"{HDF}NumCaptured_RBV")
    wait_until("frames are captured again", lambda: ioc.get(f"{HDF}NumCaptured_RBV") > captured + 5)
    ended = made.stop(plan)
    assert (ended.state, ended.reason, ended.missing) == (RunState.COMPLETED, "", 0)
    assert ioc.get(f"{CAM}Acquire_RBV") == 1
    steps = np.diff(ids_in(plan.data_file("watched")))
    assert steps.min() == 1
    assert np.count_nonzero(steps != 1) == 1
    assert steps.max() > 20


def test_a_folder_that_the_ioc_does_not_see_is_told_in_a_sentence(made: Station, ioc: Ioc) -> None:
    plan = chosen(made, "unseen", frames=3, folder=made.data_root / "unseen")
    ended = made.run(plan)
    assert ended.state is RunState.FAILED
    assert f"The folder {plan.folder}/ does not exist on the host of the IOC" in ended.reason
    assert not plan.folder.exists()
    assert ioc.get(f"{HDF}EnableCallbacks_RBV") == 0


def test_wrong_prefixes_and_missing_abilities_are_found_beforehand(made: Station, ioc: Ioc) -> None:
    plan = chosen(made, "nowhere", "swmr", "watched")

    def problems() -> dict[str, str]:
        return {problem.code: problem.sentence for problem in made.recorder.check(plan)}

    wait_until("all are named", lambda: set(problems()) == {"PV_TIMEOUT", "NO_SWMR", "CAMERA_CALLBACKS_OFF"})
    assert "prefix SIM1:HDF9: of detector nowhere" in problems()["PV_TIMEOUT"]


def test_an_armed_detector_is_counted_and_disarmed(made: Station, ioc: Ioc) -> None:
    ended = made.run(chosen(made, "counter", frames=10))
    assert (ended.state, ended.files) == (RunState.COMPLETED, ())
    assert ended.written >= 10
    wait_until("it is disarmed", lambda: not ioc.get(f"{CAM}Acquire_RBV"))


def test_an_armed_detector_that_makes_too_few_frames_makes_the_run_incomplete(made: Station, ioc: Ioc) -> None:
    plan = chosen(made, "few", frames=3)
    made.begin(plan)
    ioc.put(f"{CAM}ImageMode", "Multiple")
    ioc.put(f"{CAM}Acquire", 1)  # as long as it takes to make its four
    wait_until("they are counted", lambda: written(made.recorder) == 4)
    assert state_of(made.recorder, plan) is RunState.RECORDING
    ended = made.stop(plan)
    assert (ended.state, ended.expected, ended.written, ended.missing) == (RunState.INCOMPLETE, 6, 4, 2)


def test_a_pause_costs_who_listens_to_the_same_camera_no_frame(made: Station, ioc: Ioc) -> None:
    """Else it would wait for its declared number for ever: the camera makes no more."""
    ioc.put(f"{IMAGE}EnableCallbacks", 1)
    ioc.put(f"{CAM}AcquirePeriod", 0.02)
    plan = chosen(made, "cam", "monitor", frames=30)
    made.begin(plan)
    for goal in (3, 9):
        wait_until("frames come", lambda goal=goal: ioc.get(f"{HDF}NumCaptured_RBV") > goal)
        made.recorder.pause(plan.key)
        assert not ioc.get(f"{CAM}Acquire_RBV")
        made.recorder.resume(plan.key)
    ended = outcome(made.recorder, plan)
    assert (ended.state, ended.reason) == (RunState.COMPLETED, "")
    assert [account.written for account in ended.accounts] == [30, 30]


def test_a_declared_run_ends_though_an_armed_detector_made_its_frames_too_early(made: Station) -> None:
    ended = made.run(chosen(made, "hasty", frames=6))
    assert (ended.state, ended.expected, ended.written, ended.missing) == (RunState.INCOMPLETE, 6, 0, 6)
    assert "6 of its frames came before the run recorded: let arm have it wait for its trigger" in ended.reason


def test_what_cannot_be_armed_fails_the_run_and_is_disarmed(made: Station, ioc: Ioc) -> None:
    [problem] = made.recorder.check(chosen(made, "mistaken"))
    assert problem.code == "BAD_VALUE"
    assert "no label 'Film', it has: Single, Multiple, Continuous" in problem.sentence
    ended = made.run(chosen(made, "endless"))
    assert ended.state is RunState.FAILED
    assert f"{CAM}Acquire was set to 1 and has not finished within 1 s" in ended.reason
    wait_until("it is disarmed", lambda: not ioc.get(f"{CAM}Acquire_RBV"))


def test_all_kinds_record_one_run_side_by_side(made: Station, ioc: Ioc, pva_detector: DetectorClient) -> None:
    plan = chosen(made, "fast", "cam", "uncounted", frames=20)
    made.begin(plan)
    pva_detector.start(20, period=0.005)
    ended = outcome(made.recorder, plan)
    assert (ended.state, ended.reason) == (RunState.COMPLETED, "")
    assert [account.expected for account in ended.accounts] == [20, 20, None]
    assert [account.written for account in ended.accounts] == [20, 20, 0]
    assert ended.files == (plan.data_file("fast"), plan.data_file("cam"))
    assert ended.check == ()
    for name in ("fast", "cam"):
        assert len(value_in(plan.master, f"entry/{name}/data")) == 20
