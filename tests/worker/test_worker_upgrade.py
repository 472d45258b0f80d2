"""What an older worker left in its queues is done by the present one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dbos import DBOS

from beamsession.servers.worker.jobs import JobDatabase, Lane
from worker_rig import eventually

OLDER = Path(__file__).with_name("older_worker.py")


def opened(url: str, done: list[int]) -> JobDatabase:
    def work(number: int) -> str:
        done.append(number)
        return "done"

    database = JobDatabase(url, "test")
    database.learn("job", work)
    database.launch()
    return database


def test_what_waits_in_an_old_queue_and_what_was_begun_there_is_done_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    with subprocess.Popen([sys.executable, str(OLDER), url, str(tmp_path)]) as older:
        eventually(lambda: len(list(tmp_path.glob("begun-*"))) == 2, "two are begun")
        older.kill()
    done: list[int] = []
    database = opened(url, done)
    try:
        database.enqueue(Lane.JOBS, "job", 9, "job-9")
        eventually(lambda: len(database.known("job")) == 5 and not any(database.known("job").values()), "all is done")
        assert sorted(done) == [0, 1, 2, 3, 9]
    finally:
        DBOS.destroy()
    database = opened(url, done)
    try:
        assert DBOS.retrieve_queue("jobs") is None
    finally:
        DBOS.destroy()
