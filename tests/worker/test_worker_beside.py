"""What is asked for while the worker is in the middle of something else is done as well, all of it."""

from __future__ import annotations

import time

import pytest

from beamsession.model.job import JobKind, JobState
from beamsession.model.states import SessionState
from worker_rig import Rig, eventually

FILES = {"run_0001.nxs": b"master", "run_0001_eiger.h5": b"x" * 100_000}
# Not all in one look at the log, but while the work on those before is in the middle of its own.
_PACE_S = 0.13
_HOOK = '[[hooks]]\nname = "seen"\non = "run_finished"\ncommand = ["/bin/true"]\n'


@pytest.mark.parametrize("rig", [{"has_recorder": True, "tables": _HOOK}], indirect=True)
def test_archives_asked_for_one_after_the_other_beside_ingests_and_hooks_are_all_made(rig: Rig) -> None:
    rig.start_recorder()
    rig.start_worker()
    archives: list[int] = []

    def ask(session_id: int) -> None:
        target = rig.folder / f"{len(archives)}.zip"
        archives.append(rig.call("session_zip", file_name=str(target), session=session_id))
        time.sleep(_PACE_S)

    sessions: list[int] = []
    for _ in range(5):
        session_id = rig.open_session(FILES).id
        sessions.append(session_id)
        rig.call("run_register", path="run_0001.nxs")
        ask(session_id)
        rig.call("session_complete")
        for _ in range(4):
            ask(session_id)
    ended = [rig.ended(job_id) for job_id in archives]
    assert [job.detail for job in ended if job.state is not JobState.DONE] == []
    for session_id in sessions:
        eventually(
            lambda session_id=session_id: rig.store.session(session_id).state is SessionState.ARCHIVED,
            f"session {session_id} is archived: {rig.store.ingest(session_id)}",
        )
    hooks = rig.store.jobs("B1", kind=JobKind.HOOK)
    assert [job.state for job in hooks] == [JobState.DONE] * len(sessions)
