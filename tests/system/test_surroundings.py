"""Bad surroundings: a full disk, a read-only data root, PVs that do not exist; each is told, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import pytest
import tango

from system_up import SMALL, Client, Up, eventually, reason_of, running_up

MIB = 1024 * 1024


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """A file system of its own of `mib` MiB, mounted at `folder`; needs root, as the servers of a beamline have not."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


def config_for(state: Path, text: str = "", **replacements: str) -> Path:
    """The simulated beamline's configuration with other lines."""
    source = Path(__file__).parents[2] / "simulators" / "beamsim" / "beamline.toml"
    lines = source.read_text(encoding="utf-8") + text
    for token, value in {"@PREFIX@": "SIM:", "@STATE@": str(state), **replacements}.items():
        lines = lines.replace(token, value)
    path = state.with_suffix(".toml")
    path.write_text(lines, encoding="utf-8")
    return path


@needs_root
def test_a_disk_that_fills_up_ends_the_run_and_keeps_what_is_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", 24) as data:
        config = config_for(
            tmp_path / "state",
            **{"@DATA@": str(data), "min_free_gib = 0.2": "min_free_gib = 0.01", "low_free_gib = 2.0": ""},
        )
        big = ("--simulator=--size-x=512", "--simulator=--size-y=512", "--simulator=--rate=50")
        with running_up(tmp_path / "state", "--simulate", "--config", str(config), *big) as up:
            client = Client(up)
            session = client.Start("full")
            client.StartRun({"detectors": ["camera"]})
            assert client.await_verdict() == "ABORTED"
            assert "full" in client.ask("run_show", run=1)["reason"]
            written = client.ask("run_show", run=1)["report"]["accounts"][0]["written"]
            assert written > 0
            path = next(data.rglob("run_0001_camera.h5"))
            with h5py.File(path) as file:
                frames: Any = file["entry/data/data"]
                assert frames.shape[0] >= written
            eventually(lambda: client.read("AlarmSeverity") == "MAJOR", "the alarm")
            with pytest.raises(tango.DevFailed) as refused:
                client.StartRun("")
            assert reason_of(refused.value)[0] == "DISK_FULL"
            path.unlink()  # somebody makes room
            eventually(lambda: client.ask("run_check") == [], "room for a run")
            client.StartRun({"frames": 3, "detectors": ["camera"]})
            assert client.await_verdict() == "COMPLETED"
            assert client.read("SessionId") == session


@needs_root
def test_a_data_root_that_is_read_only_refuses_start_and_run(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", 64) as data:
        config = config_for(tmp_path / "state", **{"@DATA@": str(data), "min_free_gib = 0.2": "min_free_gib = 0.01"})
        with running_up(tmp_path / "state", "--simulate", "--config", str(config), *SMALL) as up:
            client = Client(up)
            session = client.Start("before")
            subprocess.run(["mount", "-o", "remount,ro", str(data)], check=True)
            count = client.read("EventCount")
            for act in (lambda: client.StartRun(""), lambda: client.Start("after")):
                with pytest.raises(tango.DevFailed) as refused:
                    act()
                assert reason_of(refused.value)[0] == "ROOT_NOT_WRITABLE"
            assert (client.read("SessionId"), client.read("EventCount")) == (session, count)
            subprocess.run(["mount", "-o", "remount,rw", str(data)], check=True)
            eventually(lambda: client.ask("run_check") == [], "the data root to be writable again")
            client.StartRun({"frames": 3})
            assert client.await_verdict() == "COMPLETED"


def test_pvs_that_do_not_exist_refuse_the_run_by_name(tmp_path: Path) -> None:
    ghost = '\n[[detectors]]\nname = "ghost"\nsource = "pva"\npv = "SIM:NoSuch:Image"\n'
    state = tmp_path / "state"
    config = config_for(state, ghost, **{"@DATA@": str(tmp_path / "data")})
    (tmp_path / "data").mkdir()
    with running_up(state, "--simulate", "--config", str(config), *SMALL) as up:
        client = Client(up)
        client.Start("ghost")
        with pytest.raises(tango.DevFailed) as refused:
            client.StartRun("")
        code, sentence = reason_of(refused.value)
        assert code == "PV_TIMEOUT"
        assert "SIM:NoSuch:Image" in sentence
        assert client.read("RunCount") == 0
        assert [problem["code"] for problem in client.ask("run_check")] == ["PV_TIMEOUT"]
        client.StartRun({"frames": 3, "detectors": ["camera", "monitor"]})
        assert client.await_verdict() == "COMPLETED"


def test_up_names_what_cannot_start(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text('[instrument]\nname = "b01"\n[data]\nroot = "relative"\n', encoding="utf-8")
    command = [sys.executable, "-m", "beamsession.servers.up", "--state", str(tmp_path / "state")]
    for arguments, words in (([], "--simulate"), (["--config", str(broken)], "data.root")):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_up_comes_back_with_everything_after_it_was_killed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = Up(state, "--simulate", *SMALL)
    try:
        first.await_ready()
        client = Client(first)
        session = client.Start("kept")
        client.StartRun({"detectors": ["camera"]})
        eventually(lambda: client.read("WrittenFrames") >= 5, "frames on disk")
        acknowledged = client.read("WrittenFrames")
    finally:
        first.process.kill()
        first.process.wait()
    first.ready_file.unlink()
    with running_up(state, "--simulate", *SMALL) as again:
        client = Client(again)
        assert client.read("SessionId") == session
        assert client.await_verdict() == "ABORTED"
        with h5py.File(next(state.rglob("run_0001_camera.h5"))) as file:
            frames: Any = file["entry/data/data"]
            assert frames.shape[0] >= acknowledged
        client.AcknowledgeAlarm()
        eventually(lambda: client.ask("run_check") == [], "a run to be possible")
        client.StartRun({"frames": 3})
        assert client.await_verdict() == "COMPLETED"
