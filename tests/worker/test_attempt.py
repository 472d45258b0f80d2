"""What is frozen for the catalogue: the same however it came about, and found again after anything."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from beamsession.catalogue.manifest import ListedFile, list_files
from beamsession.catalogue.target import BlockLimits, CatalogueTarget, ChecksumAlgorithm
from beamsession.model.errors import RefusedError
from beamsession.servers.worker.ingest.attempt import SESSION_S_OWN, Attempt, Frozen
from beamsession.servers.worker.ingest.attempt_writing import new_attempt
from beamsession.servers.worker.ingest.checksum_store import ChecksumStore
from beamsession.servers.worker.ingest.checksum_taking import ChecksumTaking
from beamsession.servers.worker.ingest.former_attempt import take_over
from beamsession.servers.worker.ingest.hashing import Counted, Hashing
from beamsession.servers.worker.ingest.pace import Pace

COMPLETED = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SHA = ChecksumAlgorithm.SHA256
CONTENTS = {f"f{number:02d}": bytes([number]) * number for number in range(20)} | {"big": b"x" * 9_000_000, "θ": b"t"}


def target(**options: Any) -> CatalogueTarget:
    values: dict[str, Any] = {"url": "http://127.0.0.1:9", "token_file": "/nowhere", "contact_email": "a@your.site"}
    return CatalogueTarget.model_validate(values | options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    return folder


def frozen_attempt(tmp_path: Path, folder: Path, algorithm: ChecksumAlgorithm = SHA) -> Attempt:
    attempt = Attempt(tmp_path / "attempts" / "000007")
    frozen = Frozen(folder, algorithm, COMPLETED, 2)
    with new_attempt(attempt) as writer:
        writer.add_files(((file, SESSION_S_OWN) for file in list_files(folder)), lambda count: None)
        blocks = writer.cut(BlockLimits(files=7), frozen)
        writer.add_parcel(pid="p/1", run=SESSION_S_OWN, document={"datasetName": "2θ"}, blocks=blocks[SESSION_S_OWN])
        writer.add_header(frozen)
    return attempt


def take(attempt: Attempt, hashing: Hashing, checkpoint: Any = lambda: None) -> None:
    taking = ChecksumTaking(attempt, ChecksumStore(attempt.folder), attempt.frozen(), checkpoint, lambda text: None)
    taking.take_known(attempt.folder.parent)
    taking.read_rest(hashing)


def checksums(attempt: Attempt) -> dict[str, str]:
    parcel = attempt.parcel(1)
    return {file.path: file.checksum for block in range(parcel.blocks) for file in attempt.block(parcel, block)}


EXPECTED = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}


def test_all_files_are_in_blocks_with_the_checksum_of_their_content(tmp_path: Path, folder: Path) -> None:
    attempt = frozen_attempt(tmp_path, folder)
    parcel = attempt.parcel(1)
    assert (parcel.files, parcel.size, parcel.blocks) == (len(CONTENTS), sum(map(len, CONTENTS.values())), 4)
    hashing = Hashing(2)
    take(attempt, hashing)
    hashing.close()
    assert checksums(attempt) == EXPECTED
    assert attempt.frozen() == Frozen(folder, SHA, COMPLETED, 2)


def test_what_was_read_before_is_not_read_again(tmp_path: Path, folder: Path) -> None:
    first, hashing = frozen_attempt(tmp_path, folder), Hashing(2)
    take(first, hashing)
    changed = folder / "f05"
    changed.write_bytes(b"other")
    facts = {path: path.stat() for path in folder.iterdir()}
    for path in folder.iterdir():
        if path != changed:  # Other contents under the same size and time: only who reads them would know.
            path.write_bytes(b"?" * facts[path].st_size)
            os.utime(path, ns=(0, facts[path].st_mtime_ns))
    again = frozen_attempt(tmp_path, folder)
    take(again, hashing)
    hashing.close()
    assert checksums(again) == EXPECTED | {"f05": hashlib.sha256(b"other").hexdigest()}


def test_a_moved_run_s_checksums_come_from_the_session_that_it_was_recorded_in(tmp_path: Path, folder: Path) -> None:
    moved = folder / "moved" / "000003"
    moved.mkdir(parents=True)
    (moved / "run_0001.nxs").write_bytes(b"moved")
    facts = (moved / "run_0001.nxs").stat()
    known = ListedFile("run_0001.nxs", facts.st_size, facts.st_mtime_ns, "known")
    ChecksumStore(tmp_path / "attempts" / "000003").add([known], SHA)
    attempt, hashing = frozen_attempt(tmp_path, folder), Hashing(1)
    assert attempt.origins() == [3]
    take(attempt, hashing)
    hashing.close()
    assert checksums(attempt) == EXPECTED | {"moved/000003/run_0001.nxs": "known"}


def test_a_file_that_changed_is_named_and_what_was_read_stays_known(tmp_path: Path, folder: Path) -> None:
    attempt, hashing = frozen_attempt(tmp_path, folder), Hashing(1)
    (folder / "θ").write_bytes(b"longer")
    with pytest.raises(RefusedError) as refused:
        take(attempt, hashing)
    hashing.close()
    assert (refused.value.code, refused.value.value) == ("FILE_CHANGED", "θ")


def test_reading_ends_at_once_when_the_work_does(tmp_path: Path, folder: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop() -> None:
        raise StoppedError

    attempt, hashing = frozen_attempt(tmp_path, folder), Hashing(2)
    with pytest.raises(StoppedError):
        take(attempt, hashing, stop)
    hashing.close()


def test_two_never_read_one_session_s_files_at_once() -> None:
    hashing, looked, done = Hashing(1), Event(), Event()

    def second() -> None:
        with hashing.turn(7, looked.set):
            done.set()

    with hashing.turn(7, lambda: None):
        thread = Thread(target=second)
        thread.start()
        assert looked.wait(30)
        assert not done.is_set()
    thread.join(30)
    hashing.close()
    assert done.is_set()


def test_marks_are_kept_until_it_is_frozen_anew(tmp_path: Path, folder: Path) -> None:
    attempt = frozen_attempt(tmp_path, folder)
    attempt.mark(1, "create")
    attempt.mark(1, "block-3")
    attempt.unmark(1, "block-3")
    again = Attempt(attempt.folder)
    assert again.marks(1) == {"create"}
    assert again.marked("create") == [1]
    assert frozen_attempt(tmp_path, folder).marks(1) == frozenset()


def test_an_attempt_that_could_not_be_finished_leaves_the_one_before(tmp_path: Path, folder: Path) -> None:
    attempt = frozen_attempt(tmp_path, folder)
    attempt.mark(1, "create")

    def fail() -> None:
        with new_attempt(attempt) as writer:
            writer.add_header(Frozen(folder, SHA))
            writer.add_files(((file, 0) for file in list_files(folder / "gone")), lambda count: None)

    with pytest.raises(RefusedError, match="not there"):
        fail()
    assert attempt.marks(1) == {"create"}
    assert not list(attempt.folder.glob("*.new*"))


@pytest.mark.parametrize("damage", ["gone", "empty", "torn"])
def test_what_is_lost_or_damaged_is_said_to_be(tmp_path: Path, folder: Path, damage: str) -> None:
    attempt = frozen_attempt(tmp_path, folder)
    if damage == "gone":
        attempt.path.unlink()
    else:
        attempt.path.write_bytes(b"" if damage == "empty" else b"torn" * 3000)
    assert not attempt.is_frozen
    with pytest.raises(RefusedError) as refused:
        attempt.parcel(1)
    assert refused.value.code == "PAYLOAD_LOST"


def test_damaged_checksums_are_taken_again(tmp_path: Path, folder: Path) -> None:
    attempt, hashing = frozen_attempt(tmp_path, folder), Hashing(1)
    (attempt.folder / "checksums.sqlite").write_bytes(b"torn" * 3000)
    with pytest.raises(OSError, match="not a database"):
        take(attempt, hashing)
    take(attempt, hashing)
    hashing.close()
    assert checksums(attempt) == EXPECTED


def former(tmp_path: Path, folder: Path, marks: tuple[str, ...]) -> Attempt:
    """A session's attempt as version 1 left it."""
    attempt = Attempt(tmp_path / "attempts" / "000007")
    attempt.folder.mkdir(parents=True)
    files = [
        {"path": file.path, "size": file.size, "mtime_ns": file.mtime_ns, "checksum": ""}
        for file in sorted(list_files(folder), key=lambda file: file.path)
    ]
    payload = {
        "pid": "p/1",
        "folder": str(folder),
        "document": {"datasetName": "2θ"},
        "manifest": {"files": files, "skipped": ["link"]},
        "completed": COMPLETED.isoformat().replace("+00:00", "Z"),
    }
    (attempt.folder / "payload.json").write_text(json.dumps(payload))
    lines = [json.dumps({"algorithm": "sha256", **file, "checksum": f"known {file['path']}"}) for file in files[:5]]
    (attempt.folder / "checksums.jsonl").write_text("\n".join([*lines, '{"algorithm": "sha2']))
    for mark in marks:
        (attempt.folder / f"{mark}.mark").write_bytes(b"")
    return attempt


def test_what_an_older_version_was_sending_is_taken_over(tmp_path: Path, folder: Path) -> None:
    attempt, hashing = former(tmp_path, folder, ("create", "block-0")), Hashing(1)
    for _ in range(2):
        take_over(attempt, target(blocks={"files": 7}))
    take(attempt, hashing)
    hashing.close()
    parcel = attempt.parcel(1)
    assert (parcel.pid, parcel.document, parcel.run) == ("p/1", {"datasetName": "2θ"}, None)
    assert (parcel.files, parcel.blocks) == (len(CONTENTS), 4)
    assert attempt.marks(1) == {"create", "block-0"}
    assert attempt.frozen() == Frozen(folder, SHA, COMPLETED, 1)
    first = sorted(CONTENTS)[:5]
    assert checksums(attempt) == EXPECTED | {name: f"known {name}" for name in first}
    assert sorted(path.name for path in attempt.folder.iterdir() if "journal" not in path.name) == [
        "attempt.sqlite",
        "checksums.sqlite",
    ]


def test_what_an_older_version_has_not_begun_to_send_is_frozen_anew(tmp_path: Path, folder: Path) -> None:
    attempt = former(tmp_path, folder, ())
    take_over(attempt, target())
    assert not attempt.is_frozen
    known = [file.path for file in ChecksumStore(attempt.folder).known(SHA)]
    assert known == sorted(CONTENTS)[:5]


KILLED = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN IMMEDIATE")
database.execute("DELETE FROM marks")
database.execute("UPDATE files SET checksum = hex(zeroblob(2000))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_nothing_half_done(tmp_path: Path, folder: Path) -> None:
    attempt = frozen_attempt(tmp_path, folder)
    attempt.mark(1, "create")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(attempt.path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert attempt.marks(1) == {"create"}
    assert set(checksums(attempt).values()) == {""}


def test_a_person_is_told_at_most_once_a_second_and_ever_less_often() -> None:
    now, told = 0.0, list[float]()
    pace = Pace(lambda text: told.append(now), clock=lambda: now)
    while now < 1000:
        now += 0.25
        pace("on the way")
    gaps = [later - earlier for earlier, later in pairwise(told)]
    assert min(gaps) >= 1
    assert 30 < len(told) < 120


def test_counting_is_exact_over_threads() -> None:
    counted = Counted()
    threads = [Thread(target=lambda: [counted.add(1, 2) for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (counted.files, counted.bytes) == (4000, 8000)
