"""What a worker of another version has left is neither lost nor done twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from dbos import DBOS, DBOSClient

from beamsession.model.errors import RefusedError
from beamsession.model.states import SessionState
from beamsession.servers.worker import jobs
from beamsession.servers.worker.jobs import JobDatabase, Lane
from worker_rig import Rig, eventually

OLDER = Path(__file__).with_name("older_worker.py")


def test_what_version_1_had_begun_and_what_waited_there_is_done_anew_and_once(rig: Rig) -> None:
    sessions = [rig.completed_session({"a.h5": b"a", "b.h5": b"b", "c.h5": b"c"}) for _ in range(2)]
    url = rig.beamline.jobs_url
    arguments = [url, str(rig.folder), *(str(session.id) for session in sessions)]
    with subprocess.Popen([sys.executable, str(OLDER), *arguments]) as older:
        eventually((rig.folder / f"begun-{sessions[0].id}").exists, "one is begun")
        eventually(lambda: len(work(url)) == 2, "the other one waits")
        older.kill()
    assert work(url) == {"ingest-1": "PENDING", "ingest-2": "ENQUEUED"}
    rig.start_worker()
    for session in sessions:
        eventually(
            lambda session=session: rig.store.session(session.id).state is SessionState.ARCHIVED,
            f"session {session.id} is archived",
        )
    assert len(rig.catalogue.state.datasets) == 2
    blocks = rig.catalogue.state.blocks.values()
    listed = Counter((block["datasetId"], file["path"]) for block in blocks for file in block["dataFileList"])
    assert set(listed.values()) == {1}
    assert sum(path.endswith(".h5") for _, path in listed) == 6
    done = work(url)
    assert done.pop("ingest-1") == done.pop("ingest-2") == "CANCELLED"
    assert set(done) == {"B1/ingest-1", "B1/ingest-2"}


def test_an_older_program_leaves_the_work_of_a_newer_one_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    monkeypatch.setattr(jobs, "JOBS_VERSION", "3")
    newer = opened(url)
    try:
        newer.launch()
        jobs.DBOS.delete_queue("B1/two_at_once")  # nobody takes it up
        newer.enqueue(Lane.JOBS, "job", 1, "job-1")
    finally:
        DBOS.destroy()
    monkeypatch.undo()
    older = opened(url)
    try:
        with pytest.raises(RefusedError) as refused:
            older.launch()
        assert refused.value.code == "JOBS_TOO_NEW"
    finally:
        DBOS.destroy()
    assert work(url) == {"B1/job-1": "ENQUEUED"}


def opened(url: str) -> JobDatabase:
    database = JobDatabase(url, "B1", "test")
    database.learn("job", lambda number: f"{number} is done")
    return database


def work(url: str) -> dict[str, str]:
    """What is or was to be done, by its id."""
    client = DBOSClient(system_database_url=url)
    try:
        return {item.workflow_id: item.status for item in client.list_workflows(load_input=False, load_output=False)}
    finally:
        client.destroy()
