"""What is found out before a run: where the data go, and whether the frames will fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beamsession.model.completeness import ClockOffset
from beamsession.model.report import Problem
from beamsession.record import disk
from beamsession.record.detector import Measure
from beamsession.record.disk import disk_problems
from beamsession.record.mounts import Mount, mount_of
from beamsession.record.needs import frame_problems
from frame_server import detector_config, run_plan

MOUNTS = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 0:40 / /data rw,relatime shared:7 master:1 - nfs4 filer:/export/data rw,vers=4.2
41 40 0:41 / /data/local\040disk rw - xfs /dev/sdb1 rw
42 27 0:42 / /twice rw - ext4 /dev/sdc1 rw
43 42 0:43 / /twice rw - fuse.sshfs me@host:/x rw
44 27 0:44 / /lustre rw - lustre 10.0.0.1@o2ib:/scratch rw
a line that is none
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text(MOUNTS)
    return file


@pytest.mark.parametrize(
    ("path", "point", "kind", "incoherent"),
    [
        ("/home/x", "/", "ext4", False),
        ("/data/2026/p1", "/data", "nfs4", True),
        ("/data/local disk/2026", "/data/local disk", "xfs", False),
        ("/database", "/", "ext4", False),
        ("/twice/x", "/twice", "fuse.sshfs", True),
        ("/lustre/x", "/lustre", "lustre", False),
    ],
)
def test_the_file_system_of_a_path_is_the_one_mounted_nearest(
    mounts: Path, path: str, point: str, kind: str, incoherent: bool
) -> None:
    mount = mount_of(Path(path), mounts)
    assert mount is not None
    assert (mount.point, mount.kind, mount.is_incoherent) == (Path(point), kind, incoherent)


def test_a_system_that_does_not_tell_its_mounts_is_trusted(tmp_path: Path) -> None:
    assert mount_of(tmp_path, tmp_path / "nothing") is None


def test_this_machine_tells_its_own(tmp_path: Path) -> None:
    mount = mount_of(tmp_path)
    assert mount is not None
    assert tmp_path.resolve().is_relative_to(mount.point)


def test_a_network_file_system_is_a_problem_unless_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No file system can be mounted here: what the system would say of one is put in its place.
    monkeypatch.setattr(disk, "mount_of", lambda _: Mount(tmp_path, "nfs4", "filer:/export"))
    (problem,) = disk_problems(run_plan(tmp_path))
    assert problem.code == "NETWORK_FILE_SYSTEM"
    assert "filer:/export" in problem.sentence
    assert "nfs4" in problem.sentence
    assert "allow_network_file_system" in problem.remedy
    assert disk_problems(run_plan(tmp_path, allow_network_file_system=True)) == []


def problems(free: int | None = 10**9, *, frames: int | None = None, **measure: Any) -> list[Problem]:
    known = Measure(**({"frame_bytes": 2_000_000, "ring_bytes": 1 << 28, "compressed": False} | measure))
    plan = run_plan(Path("/data"), frames=frames, detectors=(detector_config(frames_factor=2),))
    return frame_problems(plan, {"eiger": known}, free)


def test_a_run_that_does_not_fit_is_told_with_both_numbers() -> None:
    assert problems(frames=250) == []
    (problem,) = problems(frames=251)
    assert (problem.code, problem.blocks) == ("NO_SPACE_FOR_FRAMES", True)
    assert (
        problem.sentence
        == "The run needs 957.5 MiB (502 frames of 1.907 MiB from eiger), 953.7 MiB are free below /data."
    )
    assert problems(frames=None) == []
    assert problems(None, frames=251) == []


def test_compression_may_make_it_fit() -> None:
    (problem,) = problems(frames=1000, compressed=True)
    assert not problem.blocks
    assert "3.725 GiB before compression" in problem.sentence


def test_frames_of_unknown_size_are_told_where_a_number_is_declared() -> None:
    (problem,) = problems(frames=10, frame_bytes=None)
    assert (problem.code, problem.blocks) == ("FRAME_SIZE_UNKNOWN", False)
    assert problems(frame_bytes=None) == []


@pytest.mark.parametrize(
    ("ring", "words", "blocks"),
    [(1_000_000, "not one frame", True), (2_000_000, "one frame", False), (7_999_999, "3 frames", False)],
)
def test_memory_for_a_few_frames_only_is_told(ring: int, words: str, blocks: bool) -> None:
    (problem,) = problems(ring_bytes=ring)
    assert (problem.code, problem.blocks) == ("RING_SMALL", blocks)
    assert words in problem.sentence
    assert problems(ring_bytes=8_000_000) == []


def test_clocks_that_were_apart_in_the_last_run_are_told() -> None:
    assert problems(clock_offset=ClockOffset(minimum=0.5, median=1.5, frames=3)) == []
    (problem,) = problems(clock_offset=ClockOffset(minimum=-2.5, median=0.0, frames=3))
    assert (problem.code, problem.blocks) == ("CLOCK_SKEW", False)
    assert "2.5 s ahead of the recorder's" in problem.sentence
