"""A data file whose SWMR writer was killed opens again, with all that had been flushed."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamsession.model.errors import RefusedError
from beamsession.record.lockfile import LockFile
from beamsession.record.mend import mend

FRAME = (32, 48)

WRITER = """
import sys
from pathlib import Path
import h5py
import numpy as np
from beamsession.record.lockfile import LockFile

path = Path(sys.argv[1])
lock = LockFile.hold(path)
file = h5py.File(path, "x", libver="latest")
data = file.create_dataset("entry/data/data", (0, 32, 48), "u2", maxshape=(None, 32, 48), chunks=(1, 32, 48))
ids = file.create_dataset("entry/data/unique_id", (0,), "u8", maxshape=(None,), chunks=(4096,))
file.swmr_mode = True
count = 0
while True:
    for _ in range(7):
        data.resize(count + 1, axis=0)
        data.id.write_direct_chunk((count, 0, 0), np.full((32, 48), count % 65536, "u2").tobytes())
        ids.resize(count + 1, axis=0)
        ids[count] = count
        count += 1
    data.flush()
    ids.flush()
    file.flush()
    print(count, flush=True)
"""


def kill_a_writer(path: Path, after_s: float) -> int:
    """Run a SWMR writer on `path`, kill it `after_s` after its first flush; the frames it said it had flushed."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    flushed = int(writer.stdout.readline())
    time.sleep(after_s)
    writer.send_signal(signal.SIGKILL)
    lines = writer.communicate()[0].split("\n")[:-1]
    return max([flushed, *map(int, lines)])


@pytest.mark.parametrize("seed", range(5))
def test_all_flushed_frames_of_a_killed_writer_are_readable_after_mending(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "run_0001_eiger.h5"
    flushed = kill_a_writer(path, random.Random(seed).uniform(0.0, 0.4))
    with pytest.raises(OSError, match="already open for write"):
        h5py.File(path, "r")

    mended = mend(path)

    assert mended.needed
    assert mended.size == path.stat().st_size
    with h5py.File(path, "r") as file:
        data: Any = file["entry/data/data"]
        ids: Any = file["entry/data/unique_id"]
        assert len(data) >= flushed
        for index in range(flushed):
            assert np.array_equal(data[index], np.full(FRAME, index % 65536, "u2"))
        assert np.array_equal(ids[:flushed], np.arange(flushed))


def test_mending_twice_changes_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "run_0001_eiger.h5"
    kill_a_writer(path, 0.05)
    assert mend(path).needed
    bytes_after = path.read_bytes()
    assert not mend(path).needed
    assert path.read_bytes() == bytes_after


def test_a_mended_file_can_be_opened_for_writing_and_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "run_0001_eiger.h5"
    kill_a_writer(path, 0.05)
    mend(path)
    with h5py.File(path, "r+") as file:
        file.attrs["note"] = "looked at"
    with h5py.File(path, "r") as file:
        assert file.attrs["note"] == "looked at"
        data: Any = file["entry/data/data"]
        assert data[0, 0, 0] == 0


def test_a_file_that_was_closed_in_order_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "closed.h5"
    with h5py.File(path, "x", libver="latest") as file:
        file["value"] = 1
    before = path.read_bytes()
    assert not mend(path).needed
    assert path.read_bytes() == before


def test_a_file_is_never_mended_under_its_living_writer(tmp_path: Path) -> None:
    path = tmp_path / "run_0001_eiger.h5"
    with LockFile.hold(path), h5py.File(path, "x", libver="latest") as file:
        file.swmr_mode = True
        before = path.read_bytes()
        with pytest.raises(RefusedError) as refusal:
            mend(path)
        assert refusal.value.code == "FILE_LOCKED"
        assert path.read_bytes() == before


def test_an_empty_reserved_file_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "run_0001_eiger.h5"
    path.touch()
    mended = mend(path)
    assert mended.empty
    assert not mended.needed
    assert path.stat().st_size == 0


def test_a_writer_killed_before_its_first_flush_leaves_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "run_0001_eiger.h5"
    killed_at_once = (
        "import h5py, os, sys; file = h5py.File(sys.argv[1], 'x', libver='latest'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", killed_at_once, str(path)], check=False)
    assert path.stat().st_size > 0
    before = path.read_bytes()
    assert mend(path).empty
    assert path.read_bytes() == before


@pytest.mark.parametrize("libver", ["earliest", None])
def test_what_is_no_version_3_file_is_refused_untouched(tmp_path: Path, libver: str | None) -> None:
    path = tmp_path / "other.h5"
    if libver is None:
        path.write_bytes(b"just some text, longer than a superblock would be, and no HDF5 at all")
    else:
        with h5py.File(path, "w", libver=libver) as file:
            file["value"] = 1
    before = path.read_bytes()
    with pytest.raises(RefusedError) as refusal:
        mend(path)
    assert refusal.value.code == "NOT_MENDABLE"
    assert path.read_bytes() == before


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mend(tmp_path / "nothing.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_with_a_stale_end_and_a_wrong_checksum_is_mended(tmp_path: Path) -> None:
    path, copy = tmp_path / "run_0001_eiger.h5", tmp_path / "copy.h5"
    flushed = kill_a_writer(path, 0.1)
    shutil.copy(path, copy)
    damaged = bytearray(copy.read_bytes())
    damaged[44:48] = b"\xff\xff\xff\xff"
    copy.write_bytes(damaged)
    assert mend(copy).needed
    with h5py.File(copy, "r") as file:
        data: Any = file["entry/data/data"]
        assert len(data) >= flushed
