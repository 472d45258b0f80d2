"""Files from elsewhere come into the session's folder, whole, once, and without overwriting anything."""

from __future__ import annotations

import errno
import os
from pathlib import Path, PurePosixPath

import pytest

from beamsession.archive.collection import Collected, Wanted, collect
from beamsession.model.errors import RefusedError
from beamsession.model.own_names import COLLECTED
from beamsession.model.plan import FileRules

RULES = FileRules()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "000001_x"
    folder.mkdir(parents=True)
    return folder


def bring(folder: Path, *sources: Path, may_link: bool = False) -> Collected:
    wanted = [Wanted(source, PurePosixPath("added", source.name), may_link=may_link) for source in sources]
    return collect(folder.parent, folder, wanted, RULES)


def make(path: Path, content: str = "content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_a_file_from_outside_is_copied_and_stays_where_it_was(folder: Path, tmp_path: Path) -> None:
    outside = make(tmp_path / "Łukasz 2θ.txt")
    place = bring(folder, outside).places[outside]
    assert place == folder / "added" / "Łukasz 2θ.txt"
    assert place.read_text() == outside.read_text()
    assert place.stat().st_ino != outside.stat().st_ino


def test_two_files_of_one_name_both_come_and_a_second_time_nothing_changes(folder: Path, tmp_path: Path) -> None:
    sources = [make(tmp_path / place / "log.txt", place) for place in ("one", "two")]
    first = bring(folder, *sources).places
    assert [first[source].read_text() for source in sources] == ["one", "two"]
    times = [path.stat().st_ctime_ns for path in first.values()]
    assert bring(folder, *sources).places == first
    assert [path.stat().st_ctime_ns for path in first.values()] == times


def test_a_file_keeps_its_place_when_the_one_before_it_is_not_wanted_any_more(folder: Path, tmp_path: Path) -> None:
    one, two = (make(tmp_path / place / "log.txt", place) for place in ("one", "two"))
    before = bring(folder, one, two).places
    after = bring(folder, two)
    assert after.places == {two: before[two]}
    assert after.stale == {before[one]}
    assert before[two].read_text() == "two"


def test_what_somebody_else_put_there_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    theirs = make(folder / "added" / "log.txt", "by hand")
    outside = make(tmp_path / "log.txt", "from outside")
    collected = bring(folder, outside)
    assert theirs.read_text() == "by hand"
    assert collected.places[outside].read_text() == "from outside"
    assert theirs not in collected.stale


def test_a_source_that_changed_is_copied_again_to_the_same_place(folder: Path, tmp_path: Path) -> None:
    outside = make(tmp_path / "log.txt", "first")
    place = bring(folder, outside).places[outside]
    make(outside, "second, longer")
    assert bring(folder, outside).places[outside] == place
    assert place.read_text() == "second, longer"


def test_a_folder_comes_with_what_is_in_it(folder: Path, tmp_path: Path) -> None:
    make(tmp_path / "scans" / "deep" / "a.dat")
    collected = bring(folder, tmp_path / "scans")
    assert collected.files == {folder / "added" / "scans" / "deep" / "a.dat"}


def test_hidden_files_of_a_folder_come_and_links_and_pipes_in_it_are_named(folder: Path, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    make(scans / ".mask.json")
    make(scans / ".deep" / "a.dat")
    for ours in (".run_0001_eiger.h5.lock", ".a.dat.tmp", ".nfs00000000012a3b4c00000001"):
        make(scans / ours)
    (scans / "file").symlink_to(scans / ".mask.json")
    (scans / "folder").symlink_to(scans / ".deep")
    os.mkfifo(scans / "pipe")
    collected = bring(folder, scans)
    place = folder / "added" / "scans"
    assert collected.files == {place / ".mask.json", place / ".deep" / "a.dat"}
    assert set(collected.skipped) == {scans / "file", scans / "folder", scans / "pipe"}


def test_what_may_be_linked_takes_no_space(folder: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "data" / "000002_y" / "run_0001_eiger.h5")
    place = bring(folder, other, may_link=True).places[other]
    assert place.stat().st_ino == other.stat().st_ino


def test_where_the_disk_has_no_links_it_is_copied(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    other = make(tmp_path / "data" / "000002_y" / "run_0001_eiger.h5")
    place = bring(folder, other, may_link=True).places[other]
    assert place.stat().st_ino != other.stat().st_ino
    assert place.read_text() == other.read_text()
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_a_file_that_went_away_is_named_and_nothing_is_made(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"gone\.txt") as caught:
        bring(folder, make(tmp_path / "there.txt"), tmp_path / "gone.txt")
    assert caught.value.code == "FILE_MISSING"
    assert list(folder.iterdir()) == []


def test_names_that_are_not_utf_8_are_remembered_too(folder: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    odd.write_text("latin")
    place = bring(folder, odd).places[odd]
    assert bring(folder, odd).places == {odd: place}


def test_a_damaged_memory_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / COLLECTED).write_text("{")
    with pytest.raises(RefusedError) as caught:
        bring(folder, make(tmp_path / "there.txt"))
    assert caught.value.code == "COLLECTION_DAMAGED"


def test_a_folder_is_not_copied_into_itself(folder: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        bring(folder, folder.parent)
    assert caught.value.code == "FOLDER_INSIDE"
    assert list(folder.iterdir()) == []
