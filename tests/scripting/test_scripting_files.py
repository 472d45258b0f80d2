"""Files from a script: added, listed, packed into a ZIP archive."""

from __future__ import annotations

import logging
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from beamsession.sessions import (
    BeamsessionError,
    session_add_file,
    session_complete,
    session_create_zip,
    session_get_additional_files,
    session_get_file_list,
    session_get_root,
    session_pause,
    session_set_run_enabled,
    session_start,
)
from scripting_rig import ScriptingRig
from worker_rig import eventually


def test_a_file_is_added_once_also_while_paused(rig: ScriptingRig) -> None:
    session_start("files")
    session_pause()

    assert session_add_file(rig.file("notes.txt")) is True
    assert session_add_file("notes.txt") is False
    assert session_add_file(str(rig.file("folder/a.txt").parent)) is True
    assert session_get_additional_files() == ["notes.txt", "folder"]


def test_without_a_session_no_file_is_added_and_nothing_is_raised(rig: ScriptingRig) -> None:
    assert session_add_file("notes.txt") is False


def test_a_file_that_is_missing_or_elsewhere_is_refused_aloud(rig: ScriptingRig) -> None:
    session_start("files")

    for path, code in (("missing.txt", "FILE_NOT_FOUND"), ("/etc/passwd", "OUTSIDE_ROOTS")):
        with pytest.raises(BeamsessionError) as refused:
            session_add_file(path)
        assert refused.value.code == code
    assert session_get_additional_files() == []


def test_added_files_are_shortened_or_absolute(rig: ScriptingRig) -> None:
    number = session_start("files")
    elsewhere = rig.data_root / f"elsewhere_{number}.txt"
    elsewhere.write_text("elsewhere")
    session_add_file(rig.file("sub/notes.txt"))
    session_add_file(elsewhere)

    assert session_get_additional_files() == ["sub/notes.txt", str(elsewhere)]
    assert session_get_additional_files(number, relative=False) == [
        f"{session_get_root()}/sub/notes.txt",
        str(elsewhere),
    ]


def test_the_file_list_holds_the_own_record_enabled_runs_and_added_files_once(rig: ScriptingRig) -> None:
    session_start("files")
    rig.run("one.nxs")
    rig.run("two.nxs")
    session_add_file("two.nxs")
    session_add_file(rig.file("notes.txt"))
    session_set_run_enabled(False, index=0)

    listed = session_get_file_list()

    assert listed[0] == "session.json"
    assert listed[-2:] == ["two.nxs", "notes.txt"]
    assert len(listed) == len(set(listed))
    root = session_get_root()
    assert session_get_file_list(relative=False) == [f"{root}/{name}" for name in listed]


def test_a_zip_holds_the_files_in_their_folders(rig: ScriptingRig) -> None:
    number = session_start("zip")
    rig.run("sub/one.nxs", b"first run")
    target = rig.data_root / f"{number}.zip"
    target.write_bytes(b"an older one")

    session_create_zip(target)

    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert archive.read("sub/one.nxs") == b"first run"
        assert "session.json" in archive.namelist()


def test_a_zip_of_a_closed_session_can_be_flat(rig: ScriptingRig) -> None:
    number = session_start("zip")
    rig.run("sub/one.nxs", b"first run")
    session_complete()

    session_create_zip(f"{number}_flat.zip", number, False, timeout=60)

    with zipfile.ZipFile(rig.data_root / f"{number}_flat.zip") as archive:
        assert archive.read("one.nxs") == b"first run"


def test_files_that_are_missing_are_left_out_with_a_warning(
    rig: ScriptingRig, caplog: pytest.LogCaptureFixture
) -> None:
    number = session_start("zip")
    rig.run("one.nxs")
    session_add_file(rig.file("gone.txt"))
    rig.file("gone.txt").unlink()

    with caplog.at_level(logging.WARNING, "beamsession.sessions"):
        session_create_zip(f"{number}_missing.zip")

    assert [record.message for record in caplog.records if "gone.txt is missing" in record.message]


def test_a_zip_that_is_cancelled_or_fails_later_raises_the_reason(rig: ScriptingRig) -> None:
    number = session_start("zip")
    rig.run("one.nxs")
    folder = rig.data_root / f"zips_{number}"
    folder.mkdir()
    rig.hold_worker()
    with ThreadPoolExecutor(2) as pool:
        cancelled = pool.submit(session_create_zip, f"{number}_cancelled.zip", number, timeout=60)
        [job] = eventually(lambda: rig.call("job_list", session=number), "the first job")
        assert rig.call("job_cancel", job=job["id"])
        failed = pool.submit(session_create_zip, folder / "failed.zip", number, timeout=60)
        eventually(lambda: len(rig.call("job_list", session=number)) == 2, "the second job")
        folder.rmdir()
        rig.release_worker()
        for future, code in ((cancelled, "JOB_CANCELLED"), (failed, "JOB_FAILED")):
            with pytest.raises(BeamsessionError) as ended:
                future.result(60)
            assert ended.value.code == code
            assert ended.value.sentence


def test_a_zip_that_cannot_be_made_is_refused_with_the_reason(rig: ScriptingRig) -> None:
    session_start("zip")

    for path, code in (("no/such/folder/a.zip", "FILE_NOT_FOUND"), ("/etc/a.zip", "OUTSIDE_ROOTS")):
        with pytest.raises(BeamsessionError) as refused:
            session_create_zip(path)
        assert refused.value.code == code
