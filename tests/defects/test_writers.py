"""Many who write and read at once; records that are never half written."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from beamsession.archive.folder_record import FolderRecord
from beamsession.archive.session_folder import News, SessionRecord
from verb_desk import Desk
from worker_rig import Rig, eventually

WRITERS, EACH = 4, 15


def test_concurrent_writers_lose_nothing(rig: Rig) -> None:
    """Elsewhere four threads kept 53 of 400 values, and 335 of their calls raised."""
    rig.call("session_start", name="shared")

    def write(writer: int) -> None:
        for number in range(EACH):
            rig.call("metadata_set", values={f"key_{writer}_{number}": number})

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    kept = rig.call("metadata_show")
    assert kept == {f"key_{writer}_{number}": number for writer in range(WRITERS) for number in range(EACH)}


def test_a_reader_never_meets_a_half_written_record(rig: Rig) -> None:
    """Elsewhere the session's record was rewritten in place, and a reader could meet an empty file."""
    rig.start_worker()
    session = rig.store.session(rig.call("session_start", name="read", metadata={"number": -1}))
    record = rig.data_root / session.folder / "session.json"
    rig.call("comment_add", text="so that there is a folder")
    (rig.data_root / session.folder).mkdir(parents=True, exist_ok=True)
    rig.call("metadata_set", values={"number": 0})
    eventually(record.exists, "the session's record")
    first = json.loads(record.read_text())
    over = Event()
    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(_read_on, record.read_text, over)
        for number in range(20):
            rig.call("metadata_set", values={"number": number, "padding": "x" * 20_000})
        eventually(lambda: json.loads(record.read_text()) != first, "the record to follow")
        over.set()
    assert seen.result() > 1


def test_one_more_run_adds_one_line_and_rewrites_no_other(desk: Desk) -> None:
    """Elsewhere the whole record was written again for each run, which is quadratic over a long session."""
    desk.ask("session_start", name="long")
    keeper = FolderRecord(desk.instrument.data_root, desk.instrument.name, desk.instrument.rules)
    folder = desk.instrument.data_root / desk.session.folder
    told, before, sizes = 0, b"", set[int]()
    for number in range(1, 9):
        desk.ask("run_register", path=str(desk.file(f"{number}.h5")))
        events = desk.store.events(after=told, session_id=desk.session.id)
        told = events[-1].seq
        run = desk.store.run(desk.session.id, number)
        keeper.keep(News(SessionRecord(desk.session, None, (run,), ()), tuple(events)))
        after = (folder / "runs.jsonl").read_bytes()
        assert after.startswith(before)
        assert after.count(b"\n") == number
        before = after
        sizes.add((folder / "session.json").stat().st_size)
    assert max(sizes) - min(sizes) < 10


def _read_on(read: Callable[[], str], over: Event) -> int:
    """How often the record could be read; ValueError where it was no whole document."""
    count = 0
    while not over.is_set():
        json.loads(read())
        count += 1
    return count
