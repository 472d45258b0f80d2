"""An archive never takes the name of what is there, unless it is told to or made it itself."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from beamsession.archive.zip_file import ZipReport, write_zip
from beamsession.model.errors import ConflictError
from zip_case import OLD, RULES, entries, only, put, zipped


@pytest.fixture(params=["a disk with links", "a disk without links"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a disk without hard links answers."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if request.param == "a disk without links":
        monkeypatch.setattr(os, "link", refuse)


pytestmark = pytest.mark.usefixtures("disk")


def test_what_has_the_name_already_stays(root: Path, target: Path) -> None:
    put(root / "a")
    target.write_bytes(OLD)
    with pytest.raises(ConflictError) as caught:
        zipped(target, root, root, overwrite=False)
    assert caught.value.code == "FILE_EXISTS"
    assert target.read_bytes() == OLD
    assert only(target.parent) == [target.name]


def test_what_came_while_the_archive_was_written_stays(root: Path, target: Path) -> None:
    put(root / "a", bytes(4_000_000))
    with pytest.raises(ConflictError):
        write_zip(
            target, root, [root], keep_folders=True, rules=RULES, mark="m", checkpoint=lambda: put(target, OLD) and None
        )
    assert target.read_bytes() == OLD
    assert only(target.parent) == [target.name]


def test_a_link_to_nothing_has_the_name_too(root: Path, target: Path) -> None:
    put(root / "a")
    target.symlink_to("nowhere")
    with pytest.raises(ConflictError):
        zipped(target, root, root, overwrite=False)
    assert target.is_symlink()


def test_of_archives_that_are_written_at_once_to_one_name_one_wins_and_the_others_say_so(
    root: Path, target: Path
) -> None:
    for number in range(8):
        put(root / str(number) / "data", str(number))
    together = threading.Barrier(8)
    ends: dict[int, ZipReport | ConflictError] = {}

    def write(number: int) -> None:
        together.wait()
        try:
            paths = [root / str(number) / "data"]
            ends[number] = write_zip(target, root, paths, keep_folders=False, rules=RULES, mark=f"job-{number}")
        except ConflictError as fault:
            ends[number] = fault

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = (number for number, end in ends.items() if isinstance(end, ZipReport))
    assert entries(target) == {"data": str(winner).encode()}
    assert len(ends) == 8
    assert only(target.parent) == [target.name]


def test_a_try_that_was_cut_short_after_the_end_knows_its_own_archive(root: Path, target: Path) -> None:
    put(root / "a", "a")
    first = zipped(target, root, root, overwrite=False)
    assert zipped(target, root, root, overwrite=False) == first
    assert entries(target) == {"a": b"a"}
    with pytest.raises(ConflictError):
        write_zip(target, root, [root], keep_folders=True, rules=RULES, mark="1")
    assert only(target.parent) == [target.name]


def test_a_name_that_was_taken_for_the_archive_before_a_crash_is_its_own(root: Path, target: Path) -> None:
    put(root / "a", "a")
    target.write_bytes(b"[job-1]")
    zipped(target, root, root, overwrite=False)
    assert entries(target) == {"a": b"a"}
