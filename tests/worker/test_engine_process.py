"""Work on files is done in a process of its own: it may die, hang or eat memory, and the worker gets a sentence."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import h5py
import pytest

from beamsession.model.errors import RefusedError
from beamsession.model.quick_look import QuickLookConfig
from beamsession.servers.worker import engine_process
from beamsession.servers.worker.engine_process import run_engine
from marked import alive


def order(master: Path, **options: Any) -> dict[str, Any]:
    folder = master.parent / "quicklook"
    folder.mkdir()
    config = QuickLookConfig(**options).model_dump(mode="json")
    return {"master": str(master), "folder": str(folder), "stem": "run_0001", "run": {}, "options": config}


def images(path: Path, shape: tuple[int, ...], dtype: str) -> Path:
    """A dataset of which not one frame was written, so that it takes no space."""
    with h5py.File(path, "w") as file:
        file.create_dataset("data", shape, dtype, chunks=(1, *shape[1:]))
    return path


def test_a_hundred_thousand_large_frames_are_looked_at_in_little_memory(tmp_path: Path) -> None:
    # 6.7 TB; a frame alone is 64 MiB, its sums and counts 200 MiB.
    master = images(tmp_path / "run_0001.nxs", (100_000, 4096, 4096), "u4")
    heard: list[float] = []
    made = run_engine(
        "quick_look",
        order(master, frames=2, memory_mib=1536),
        mark=str(tmp_path),
        told=lambda what: heard.append(what["share"]),
    )
    [found] = made["summary"]["detectors"]
    assert (found["frames"], found["sampled"], found["max"]) == (100_000, 2, 0)
    assert len(heard) == 2
    assert heard == sorted(heard)


def test_frames_that_do_not_fit_into_memory_are_refused_with_a_sentence(tmp_path: Path) -> None:
    master = images(tmp_path / "run_0001.nxs", (2, 16384, 16384), "u4")
    with pytest.raises(RefusedError) as caught:
        run_engine("quick_look", order(master, memory_mib=768), mark=str(tmp_path))
    assert caught.value.code == "NO_MEMORY"


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    master = images(tmp_path / "run_0001.nxs", (1000, 2048, 2048), "u4")
    with pytest.raises(RefusedError) as caught:
        run_engine("quick_look", order(master, frames=1000, read_mib=10**6), mark=str(tmp_path), limit_s=0.5)
    assert caught.value.code == "NOT_IN_TIME"
    assert alive(str(tmp_path)) == []


def test_a_process_that_dies_is_told_about(tmp_path: Path) -> None:
    master = images(tmp_path / "run_0001.nxs", (1000, 2048, 2048), "u4")

    def kill(_: object) -> None:
        for pid in alive(str(tmp_path)):
            os.kill(pid, signal.SIGSEGV)

    with pytest.raises(RefusedError) as caught:
        run_engine("quick_look", order(master, frames=1000, read_mib=10**6), mark=str(tmp_path), told=kill)
    assert caught.value.code == "ENGINE_DIED"
    assert "SIGSEGV" in caught.value.sentence


def test_work_that_is_not_wanted_any_more_leaves_no_process(tmp_path: Path) -> None:
    master = images(tmp_path / "run_0001.nxs", (1000, 2048, 2048), "u4")
    begun: list[object] = []

    def stop() -> None:
        if begun:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run_engine(
            "quick_look",
            order(master, frames=1000, read_mib=10**6),
            mark=str(tmp_path),
            told=begun.append,
            checkpoint=stop,
        )
    assert alive(str(tmp_path)) == []


def test_errors_of_the_work_come_out_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        run_engine("quick_look", order(tmp_path / "absent.nxs"), mark=str(tmp_path))
    assert caught.value.code == "FILE_UNREADABLE"


def test_a_copy_for_which_there_is_no_space_is_refused_before_it_begins(tmp_path: Path) -> None:
    master = images(tmp_path / "run_0001.nxs", (2, 16, 16), "u4")
    part = tmp_path / "part"
    part.touch()
    wanted = {"master": str(master), "part": str(part), "name": "copy.nxs", "end": "[end]", "spare": 2**60}
    with pytest.raises(RefusedError) as caught:
        run_engine("pack", wanted, mark=str(tmp_path))
    assert caught.value.code == "DISK_FULL"
    assert f"{2**60} are to stay free" in caught.value.sentence
    assert part.stat().st_size == 0


def test_a_process_that_even_a_kill_does_not_end_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = images(tmp_path / "run_0001.nxs", (1000, 2048, 2048), "u4")
    wanted = order(master, frames=1000, read_mib=10**6)
    kill = os.killpg
    left: list[int] = []
    # As where it waits for a dead file system: it stands still and does not end.
    monkeypatch.setattr(os, "killpg", lambda group, number: (left.append(group), kill(group, signal.SIGSTOP)))
    monkeypatch.setattr(engine_process, "_KILLED_S", 0.2)
    try:
        with pytest.raises(RefusedError) as caught:
            run_engine("quick_look", wanted, mark=str(tmp_path), limit_s=0.5)
        assert caught.value.code == "NOT_IN_TIME"
        assert alive(str(tmp_path))
    finally:
        for group in left:
            kill(group, signal.SIGKILL)
