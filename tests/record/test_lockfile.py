"""The lock beside a data file is held by one living process at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from beamsession.model.errors import RefusedError
from beamsession.record.lockfile import LockFile, lock_path

HOLDER = """
import sys
from pathlib import Path
from beamsession.record.lockfile import LockFile
lock = LockFile.hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def start_holder(data_file: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_held_lock_is_refused_to_others_and_names_its_holder(tmp_path: Path) -> None:
    data_file = tmp_path / "run_0001_eiger.h5"
    holder = start_holder(data_file)
    try:
        assert LockFile.is_held(data_file)
        with pytest.raises(RefusedError) as refusal:
            LockFile.hold(data_file)
        assert refusal.value.code == "FILE_LOCKED"
        assert f"process {holder.pid}" in refusal.value.sentence
    finally:
        holder.kill()
        holder.communicate()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    data_file = tmp_path / "run_0001_eiger.h5"
    holder = start_holder(data_file)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert not LockFile.is_held(data_file)
    with LockFile.hold(data_file):
        assert LockFile.is_held(data_file)


def test_release_leaves_nothing_behind_and_can_be_called_twice(tmp_path: Path) -> None:
    data_file = tmp_path / "run_0001_eiger.h5"
    lock = LockFile.hold(data_file)
    assert list(tmp_path.iterdir()) == [lock_path(data_file)]
    lock.release()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    assert not LockFile.is_held(data_file)


def test_a_lock_file_that_is_replaced_under_a_waiter_locks_nobody_out(tmp_path: Path) -> None:
    data_file = tmp_path / "run_0001_eiger.h5"
    inside: list[int] = []
    most: list[int] = []

    def take_turns(number: int) -> int:
        done = 0
        while done < 100:
            try:
                lock = LockFile.hold(data_file)
            except RefusedError:
                continue
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)
            lock.release()
            done += 1
        return done

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(take_turns, range(4))) == [100] * 4
    assert max(most) == 1
