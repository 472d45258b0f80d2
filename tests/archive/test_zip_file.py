"""Writing a ZIP of a session: whole or not at all, whatever its files and the disk do meanwhile."""

from __future__ import annotations

import os
import resource
import stat
import tempfile
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from beamsession.archive.zip_file import write_zip
from beamsession.model.errors import RefusedError
from beamsession.model.plan import FileRules
from zip_case import MIB, OLD, RULES, entries, only, put, zipped


@pytest.mark.parametrize("what", ["nothing", "a missing file", "an empty folder"])
def test_an_archive_of_no_file_is_refused(root: Path, target: Path, what: str) -> None:
    (root / "empty").mkdir()
    paths = {"nothing": [], "a missing file": [root / "gone"], "an empty folder": [root / "empty"]}[what]
    target.write_bytes(OLD)
    with pytest.raises(RefusedError) as caught:
        zipped(target, root, *paths)
    assert caught.value.code == "NO_FILES"
    assert only(target.parent) == [target.name]
    assert target.read_bytes() == OLD


def test_times_modes_and_the_rules_are_kept(root: Path, target: Path) -> None:
    times = {"early": 0, "late": 2**32 + 10**9, "now": int(datetime(2026, 11, 21, 10, 42, 6).timestamp())}  # noqa: DTZ001
    for name, moment in times.items():
        os.utime(put(root / name), (moment, moment))
    (root / "now").chmod(0o751)
    write_zip(target, root, [root], keep_folders=True, rules=FileRules(file_mode=0o604), mark="m")
    assert stat.S_IMODE(target.stat().st_mode) == 0o604
    with zipfile.ZipFile(target) as archive:
        found = {info.filename: info for info in archive.infolist()}
    assert found["now"].date_time == (2026, 11, 21, 10, 42, 6)
    assert stat.S_IMODE(found["now"].external_attr >> 16) == 0o751
    assert found["early"].date_time[0] == 1980
    assert found["late"].date_time[0] <= 2107
    assert int.from_bytes(found["now"].extra[5:9], "little") == times["now"]


def test_progress_goes_up_to_the_whole(root: Path, target: Path) -> None:
    told: list[tuple[int, int]] = []
    put(root / "a", bytes(5 * MIB))
    write_zip(
        target, root, [root], keep_folders=True, rules=RULES, mark="m", progress=lambda *numbers: told.append(numbers)
    )
    assert told == sorted(told)
    assert told[-1] == (5 * MIB, 5 * MIB)


class CancelledError(Exception):
    """What a checkpoint raises in these tests."""


@pytest.mark.parametrize("after", [1, 3, 6])
def test_a_cancelled_archive_leaves_nothing_and_the_old_one_stays(root: Path, target: Path, after: int) -> None:
    put(root / "a", bytes(20 * MIB))
    target.write_bytes(OLD)
    calls = 0

    def checkpoint() -> None:
        nonlocal calls
        calls += 1
        if calls > after:
            raise CancelledError

    with pytest.raises(CancelledError):
        write_zip(target, root, [root], keep_folders=True, rules=RULES, mark="m", checkpoint=checkpoint)
    assert only(target.parent) == [target.name]
    assert target.read_bytes() == OLD


def test_what_a_crash_left_goes_also_when_the_archive_is_not_wanted_any_more(root: Path, target: Path) -> None:
    put(target.with_name(".session.zip.job-1.part"), bytes(MIB))

    def checkpoint() -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        write_zip(target, root, [root], keep_folders=True, rules=RULES, mark="job-1", checkpoint=checkpoint)
    assert only(target.parent) == []


def test_what_a_crash_left_is_replaced(root: Path, target: Path) -> None:
    put(root / "a", "a")
    put(target.with_name(".session.zip.job-1.part"), bytes(MIB))
    zipped(target, root, root)
    assert entries(target) == {"a": b"a"}
    assert only(target.parent) == [target.name]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """The kernel refuses to make a file larger, in the midst of a write, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.filterwarnings("error")
def test_a_disk_that_fills_up_on_the_way_leaves_nothing_and_says_what_to_do(root: Path, target: Path) -> None:
    put(root / "a", bytes(8 * MIB))
    put(root / "b", bytes(3000))
    target.write_bytes(OLD)
    with file_size_limit(5 * MIB + 77), pytest.raises(RefusedError) as caught:
        zipped(target, root, root)
    assert caught.value.code == "DISK_FULL"
    assert "space" in caught.value.remedy
    assert only(target.parent) == [target.name]
    assert target.read_bytes() == OLD


def test_what_cannot_fit_is_refused_before_the_disk_is_filled(root: Path, target: Path) -> None:
    numbers = os.statvfs(root)
    with (root / "sparse").open("wb") as file:
        file.truncate(numbers.f_bavail * numbers.f_frsize + 1024 * MIB)
    with pytest.raises(RefusedError, match="bytes are needed") as caught:
        zipped(target, root, root)
    assert caught.value.code == "DISK_FULL"
    assert only(target.parent) == []


@pytest.mark.parametrize("name", ["gone/session.zip", "folder", "n" * 250])
def test_a_target_that_cannot_be_written_is_named(root: Path, target: Path, name: str) -> None:
    put(root / "a")
    (target.parent / "folder").mkdir()
    with pytest.raises(RefusedError) as caught:
        zipped(target.parent / name, root, root)
    assert caught.value.code == "TARGET_UNWRITABLE"
    assert caught.value.value == str(target.parent / name)
    assert only(target.parent) == ["folder"]


@contextmanager
def without_privileges() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("locked", ["b", "sub"])
def test_a_file_that_may_not_be_read_is_named_and_nothing_is_left(locked: str) -> None:
    with tempfile.TemporaryDirectory() as place:  # The folders of tmp_path are closed to other accounts.
        root, exports = Path(place) / "data", Path(place) / "exports"
        for path in (root / "a", root / "b", root / "sub" / "c"):
            put(path)
        exports.mkdir()
        for folder in (Path(place), exports):
            folder.chmod(0o777)
        (root / locked).chmod(0)
        with without_privileges(), pytest.raises(RefusedError) as caught:
            zipped(exports / "x.zip", root, root)
        (root / locked).chmod(0o700)
        assert caught.value.code == "FILE_UNREADABLE"
        assert caught.value.value == str(root / locked)
        assert only(exports) == []


def test_a_file_that_grows_gives_a_valid_entry_of_what_was_there_when_it_was_opened(root: Path, target: Path) -> None:
    path = put(root / "a", bytes(4 * MIB))

    def grow() -> None:
        with path.open("ab") as file:
            file.write(bytes(MIB))

    report = write_zip(target, root, [root], keep_folders=True, rules=RULES, mark="m", checkpoint=grow)
    content = entries(target)
    assert 4 * MIB < len(content["a"]) < path.stat().st_size
    assert report.size == len(content["a"])


def test_a_file_that_shrinks_under_the_reader_is_cut_there(root: Path, target: Path) -> None:
    path = put(root / "a", bytes(8 * MIB))
    calls = 0

    def cut() -> None:
        nonlocal calls
        calls += 1
        if calls == 4:  # One folder, one file, two chunks.
            os.truncate(path, 3 * MIB)

    write_zip(target, root, [root], keep_folders=True, rules=RULES, mark="m", checkpoint=cut)
    assert {name: len(content) for name, content in entries(target).items()} == {"a": 3 * MIB}


def test_a_file_written_by_another_thread_meanwhile_gives_a_valid_entry(root: Path, target: Path) -> None:
    path = put(root / "live", os.urandom(16 * MIB))
    done = threading.Event()

    def write() -> None:
        with path.open("r+b") as file:
            while not done.is_set():
                file.seek(0)
                file.write(os.urandom(16 * MIB))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        zipped(target, root, root)
    finally:
        done.set()
        writer.join()
    assert len(entries(target)["live"]) == 16 * MIB


def test_beyond_the_limits_of_the_old_format_entries_and_archive_are_zip64(
    root: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        put(root / f"{number}.h5", bytes([number]) * 300_000)
    put(root / "small", "s")
    with monkeypatch.context() as patched:
        patched.setattr(zipfile, "ZIP64_LIMIT", 200_000)  # instead of 2 GiB
        zipped(target, root, root)
    raw = target.read_bytes()
    assert b"PK\x06\x06" in raw  # the ZIP64 end of the central directory
    assert entries(target) == {f"{n}.h5": bytes([n]) * 300_000 for n in range(3)} | {"small": b"s"}


def test_more_than_65535_files_are_all_there(root: Path, target: Path) -> None:
    for number in range(66):
        folder = root / f"{number:02d}"
        folder.mkdir()
        for name in range(1000):
            os.close(os.open(folder / f"{name:03d}", os.O_CREAT | os.O_WRONLY))
    assert zipped(target, root, root).files == 66_000
    with zipfile.ZipFile(target) as archive:
        assert len(archive.namelist()) == 66_000
        assert archive.namelist()[-1] == "65/999"


def test_memory_does_not_grow_with_the_files(root: Path, target: Path) -> None:
    with (root / "large").open("wb") as file:
        file.truncate(100 * MIB)
    tracemalloc.start()
    try:
        zipped(target, root, root)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def test_a_checkpoint_comes_with_every_few_mebibytes(root: Path, target: Path) -> None:
    put(root / "a", bytes(64 * MIB))
    calls: list[None] = []
    write_zip(target, root, [root], keep_folders=True, rules=RULES, mark="m", checkpoint=lambda: calls.append(None))
    assert len(calls) >= 16
