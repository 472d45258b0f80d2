"""Files from outside come into the session's folder, whole, once, and without overwriting each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from beamsession.archive.added_files import collect
from beamsession.model.errors import RefusedError
from beamsession.model.plan import FileRules
from beamsession.model.session import AddedFile

RULES = FileRules()
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "000001_x"
    folder.mkdir(parents=True)
    return folder


def added(path: Path, order: int = 0) -> AddedFile:
    return AddedFile(session_id=1, path=str(path), added=NOW + timedelta(seconds=order), size=0, modified=NOW)


def test_a_file_from_outside_is_copied_and_one_from_inside_stays(folder: Path, tmp_path: Path) -> None:
    outside, inside = tmp_path / "Łukasz 2θ.txt", folder / "inside.txt"
    outside.write_bytes(b"outside")
    inside.write_bytes(b"inside")
    places = collect(folder.parent, folder, (added(outside), added(inside, 1)), RULES)
    assert places == (folder / "added" / "Łukasz 2θ.txt", inside)
    assert places[0].read_bytes() == b"outside"
    assert outside.exists()


def test_two_files_of_one_name_both_come_and_a_second_time_nothing_changes(folder: Path, tmp_path: Path) -> None:
    files = []
    for order, place in enumerate(("one", "two")):
        (tmp_path / place).mkdir()
        path = tmp_path / place / "log.txt"
        path.write_text(place)
        files.append(added(path, order))
    first = collect(folder.parent, folder, files, RULES)
    assert [path.read_text() for path in first] == ["one", "two"]
    times = [path.stat().st_ctime_ns for path in first]
    assert collect(folder.parent, folder, files, RULES) == first
    assert [path.stat().st_ctime_ns for path in first] == times


def test_a_folder_comes_with_what_is_in_it(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "scans"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a.dat").write_bytes(b"a")
    collect(folder.parent, folder, (added(source),), RULES)
    assert (folder / "added" / "scans" / "deep" / "a.dat").read_bytes() == b"a"


def test_a_file_that_went_away_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"gone\.txt") as caught:
        collect(folder.parent, folder, (added(tmp_path / "gone.txt"),), RULES)
    assert caught.value.code == "FILE_MISSING"
