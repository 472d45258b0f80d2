"""An archive is never written over data, nor among them, whosever they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from verb_desk import Desk


def completed(desk: Desk) -> int:
    """A completed session with a file of its own."""
    session = desk.ask("session_start", name="align")
    path = desk.file("own.zip")
    desk.ask("file_add", path=str(path))
    desk.ask("session_complete")
    return session


def refused(desk: Desk, path: Path | str, session: int) -> str:
    return desk.refused("session_zip", file_name=str(path), session=session, overwrite=True).code


@pytest.fixture
def outside(desk: Desk) -> Path:
    """A folder in the data root that is no session's."""
    folder = desk.instrument.data_root / "exports"
    folder.mkdir()
    return folder


def test_an_added_file_of_another_session_is_no_target(desk: Desk, outside: Path) -> None:
    session, _ = completed(desk), desk.ask("session_start", name="other")
    (outside / "theirs.zip").write_text("theirs")
    desk.ask("file_add", path=str(outside / "theirs.zip"))
    desk.ask("session_complete")
    assert refused(desk, outside / "theirs.zip", session) == "FILE_IS_DATA"


def test_a_registered_run_of_another_session_is_no_target(desk: Desk, outside: Path) -> None:
    session, _ = completed(desk), desk.ask("session_start", name="other")
    (outside / "scan.zip").write_text("theirs")
    desk.ask("run_register", path=str(outside / "scan.zip"))
    desk.ask("session_complete")
    assert refused(desk, outside / "scan.zip", session) == "FILE_IS_DATA"


def test_no_archive_goes_into_a_folder_that_was_added(desk: Desk, outside: Path) -> None:
    session, _ = completed(desk), desk.ask("session_start", name="other")
    (outside / "scans" / "deep").mkdir(parents=True)
    desk.ask("file_add", path=str(outside / "scans"))
    desk.ask("session_complete")
    assert refused(desk, outside / "scans" / "deep" / "new.zip", session) == "FILE_IS_DATA"
    assert desk.ask("session_zip", file_name=str(outside / "new.zip"), session=session)


def test_no_archive_goes_into_the_folder_of_any_session(desk: Desk, outside: Path) -> None:
    session = completed(desk)
    own = desk.instrument.data_root / desk.store.session(session).folder
    other = desk.ask("session_start", name="other")
    folder = desk.instrument.data_root / desk.store.session(other).folder
    (folder / "deep").mkdir(parents=True)
    assert not (folder / "session.json").exists(), "its record is not there yet"
    (outside / "shortcut").symlink_to(folder)
    targets = (own / "own.zip", own / "new.zip", folder / "new.zip", folder / "deep" / "new.zip")
    assert {refused(desk, path, session) for path in (*targets, outside / "shortcut" / "new.zip")} == {"FILE_IS_DATA"}
    assert desk.ask("session_zip", file_name=str(folder.parent / "new.zip"), session=session)


def test_the_folder_of_a_session_that_the_store_does_not_know_is_known_by_its_record(desk: Desk, outside: Path) -> None:
    session = completed(desk)
    (outside / "000007_foreign" / "deep").mkdir(parents=True)
    (outside / "000007_foreign" / "session.json").write_text("{}")
    assert refused(desk, outside / "000007_foreign" / "deep" / "new.zip", session) == "FILE_IS_DATA"


def test_a_session_whose_folder_lies_behind_a_link_is_found(desk: Desk, outside: Path) -> None:
    session = completed(desk)
    folder = desk.instrument.data_root / desk.store.session(session).folder
    (outside / "disk").mkdir()
    folder.rename(outside / "disk" / folder.name)
    folder.symlink_to(outside / "disk" / folder.name)
    assert refused(desk, folder / "new.zip", session) == "FILE_IS_DATA"
