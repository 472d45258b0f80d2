"""Hooks are run for what they wait for, once, and what they add to a session comes into the catalogue."""

from __future__ import annotations

import fcntl
import getpass
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.job import Job, JobKind, JobState
from beamsession.model.principal import Principal
from beamsession.model.states import SessionState
from beamsim.scicat import Catalogue
from worker_rig import Rig, eventually

FILES = {"run_0001.nxs": b"master"}

_HOOK = """#!{python}
import json, os, sys, time
from pathlib import Path

facts = json.load(sys.stdin)
folder = Path({folder!r})
{body}
"""


def write_hook(folder: Path, name: str, body: str) -> str:
    """An executable of the beamline; its path."""
    path = folder / f"{name}.py"
    path.write_text(_HOOK.format(python=sys.executable, folder=str(folder), body=body))
    path.chmod(0o755)
    return str(path)


def table(name: str, on: str, command: str, timeout_s: float = 30) -> str:
    return f'[[hooks]]\nname = "{name}"\non = "{on}"\ncommand = ["{command}"]\ntimeout_s = {timeout_s}\n'


def configure(rig: Rig, *tables: str) -> None:
    """Before the servers are started."""
    rig.config.write_text(rig.config.read_text() + "\n" + "\n".join(tables))


@pytest.fixture
def beamline(catalogue: Catalogue, tmp_path: Path) -> Iterator[Rig]:
    """Nothing of it runs, so that a test can write the configuration first."""
    rig = Rig(tmp_path, catalogue, has_recorder=True)
    yield rig
    rig.close()


def hooks(rig: Rig) -> list[Job]:
    return list(reversed(rig.store.jobs("B1", kind=JobKind.HOOK)))


def ended_hooks(rig: Rig, count: int) -> list[Job]:
    eventually(
        lambda: len([job for job in hooks(rig) if job.state.is_end]) == count, f"{count} hooks ended {hooks(rig)}"
    )
    return hooks(rig)


def test_each_event_runs_its_hook_with_the_facts(beamline: Rig) -> None:
    keep = "(folder / f\"{facts['event']['kind']}.json\").write_text(json.dumps(facts | {\"cwd\": os.getcwd()}))"
    path = write_hook(beamline.folder, "keep", keep)
    events = ("session_started", "run_finished", "session_finished", "session_archived")
    configure(beamline, *(table(f"on_{event}", event, path) for event in events))
    beamline.start_recorder()
    beamline.start_manager()
    beamline.start_worker()
    session = beamline.open_session(FILES)
    beamline.call("run_register", path="run_0001.nxs", title="the run")
    beamline.call("session_complete")
    assert [job.state for job in ended_hooks(beamline, 4)] == [JobState.DONE] * 4, hooks(beamline)

    def told(kind: str) -> dict[str, Any]:
        return json.loads((beamline.folder / f"{kind}.json").read_text())

    folder = beamline.folder_of(session.id)
    registered = told("run_registered")
    assert (registered["session_id"], registered["run"]["title"]) == (session.id, "the run")
    assert (registered["run_file"], registered["runs"]) == (str(folder / "run_0001.nxs"), None)
    finished = told("session_completed")
    assert (finished["session"]["state"], finished["run"]) == ("COMPLETED", None)
    assert [run["number"] for run in finished["runs"]] == [1]
    assert (finished["session_folder"], finished["cwd"]) == (str(folder), str(folder))
    assert (finished["device"], finished["instrument"]) == (beamline.address, "B1")
    assert told("session_archived")["session"]["dataset_pid"]


def test_what_a_hook_adds_by_the_command_line_when_the_session_is_finished_is_in_the_catalogue(beamline: Rig) -> None:
    body = f"""
import subprocess
time.sleep(2)
command = [{sys.executable!r}, "-m", "beamsession.faces.cli.main", "metadata", "set"]
command += ["--session", os.environ["BEAMSESSION_SESSION_ID"], json.dumps({{"transmission": 0.25}})]
sys.exit(subprocess.run(command).returncode)
"""
    configure(beamline, table("last_words", "session_finished", write_hook(beamline.folder, "last_words", body)))
    beamline.start_manager()
    beamline.start_worker()
    mine = {"principal": Principal(getpass.getuser()), "face": "cli"}
    manager = TangoManager(beamline.address)
    session_id = manager.call("session_start", {"name": "mine"}, **mine)
    manager.call("session_complete", {}, **mine)
    archived = SessionState.ARCHIVED
    eventually(lambda: beamline.store.session(session_id).state is archived, f"archived {hooks(beamline)}")
    (job,) = hooks(beamline)
    assert job.state is JobState.DONE, job
    assert beamline.store.session(session_id).metadata == {"transmission": 0.25}
    (dataset,) = beamline.catalogue.state.datasets.values()
    assert dataset["scientificMetadata"]["transmission"]["value"] == 0.25


def test_a_person_s_request_for_the_ingest_waits_for_the_hook_too(beamline: Rig) -> None:
    body = '(folder / "begun").touch()\nwhile not (folder / "go").exists(): time.sleep(0.05)'
    configure(beamline, table("slow", "session_finished", write_hook(beamline.folder, "slow", body)))
    beamline.start_manager()
    beamline.start_worker()
    session = beamline.completed_session(FILES)
    eventually((beamline.folder / "begun").exists, "the hook runs")
    beamline.call("ingest_request", session=session.id)
    comment = beamline.call("metadata_set", session=session.id, values={"late": True})
    assert comment == {"late": True}
    requests = beamline.catalogue.requests
    assert requests.count() == requests.count("GET /api/v3/health")
    (beamline.folder / "go").touch()
    eventually(lambda: beamline.store.session(session.id).state is SessionState.ARCHIVED, "archived")
    (dataset,) = beamline.catalogue.state.datasets.values()
    assert dataset["scientificMetadata"]["late"]["value"] is True


def test_a_hook_that_fails_or_hangs_stops_nothing_and_says_why(beamline: Rig) -> None:
    configure(
        beamline,
        table("bad", "session_finished", write_hook(beamline.folder, "bad", "print('no beam'); sys.exit(3)")),
        table("hangs", "session_finished", write_hook(beamline.folder, "hangs", "time.sleep(600)"), timeout_s=1),
        table("gone", "session_finished", "/nowhere/hook"),
    )
    beamline.start_manager()
    beamline.start_worker()
    session = beamline.completed_session(FILES)
    eventually(lambda: beamline.store.session(session.id).state is SessionState.ARCHIVED, "archived")
    bad, hangs, gone = ended_hooks(beamline, 3)
    assert {job.state for job in (bad, hangs, gone)} == {JobState.FAILED}
    assert "exit code 3" in bad.detail
    assert "no beam" in bad.result["output"]
    assert "1 s" in hangs.detail
    assert "/nowhere/hook does not exist" in gone.detail


def test_a_hook_whose_table_was_taken_out_is_told_about(beamline: Rig) -> None:
    before = beamline.config.read_text()
    configure(beamline, table("old", "session_started", write_hook(beamline.folder, "old", "pass")))
    beamline.start_manager()
    beamline.open_session(FILES)
    beamline.config.write_text(before)
    beamline.start_worker()
    (job,) = ended_hooks(beamline, 1)
    assert (job.state, "No hook called 'old'" in job.detail) == (JobState.FAILED, True)


# It holds a lock as long as it lives, and tells if it finds another one doing that.
_ALONE = """
import fcntl, signal
{tidy}
life = open(folder / "life", "w")
try:
    fcntl.flock(life, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    (folder / "two at a time").touch()
(folder / f"try-{{os.getpid()}}").touch()
time.sleep(60)
"""


def tries(rig: Rig) -> int:
    return len(list(rig.folder.glob("try-*")))


def is_alive(rig: Rig) -> bool:
    """Whether a hook lives."""
    with (rig.folder / "life").open("w") as life:
        try:
            fcntl.flock(life, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.crash
@pytest.mark.parametrize(
    "tidy",
    ["signal.signal(signal.SIGTERM, signal.SIG_IGN)", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"],
    ids=["deaf", "tidy"],
)
def test_a_hook_that_a_crash_cut_short_is_run_once_more_alone_and_not_a_third_time(beamline: Rig, tidy: str) -> None:
    path = write_hook(beamline.folder, "long", _ALONE.format(tidy=tidy))
    configure(beamline, table("long", "session_started", path, timeout_s=60))
    beamline.start_manager()
    beamline.open_session(FILES)
    for count in (1, 2):
        beamline.start_worker()
        eventually(lambda count=count: tries(beamline) == count, f"try {count}")
        beamline.kill_worker()
        assert is_alive(beamline), "the hook outlives the worker"
    beamline.start_worker()
    (job,) = ended_hooks(beamline, 1)
    assert (job.state, tries(beamline)) == (JobState.FAILED, 2)
    assert "not run a third time" in job.detail
    assert not (beamline.folder / "two at a time").exists()
    assert not is_alive(beamline)


@pytest.mark.crash
def test_a_hook_that_is_not_wanted_any_more_is_ended_by_the_next_worker(beamline: Rig) -> None:
    path = write_hook(beamline.folder, "long", _ALONE.format(tidy=""))
    configure(beamline, table("long", "session_started", path, timeout_s=60))
    beamline.start_manager()
    beamline.open_session(FILES)
    beamline.start_worker()
    eventually(lambda: tries(beamline) == 1, "the hook runs")
    beamline.kill_worker()
    (job,) = hooks(beamline)
    assert beamline.call("job_cancel", job=job.id) is True
    beamline.start_worker()
    (job,) = ended_hooks(beamline, 1)
    assert (job.state, tries(beamline)) == (JobState.CANCELLED, 1)
    assert not is_alive(beamline)


def test_a_hook_begins_only_when_the_store_says_so(beamline: Rig) -> None:
    body = """
import sqlite3
((state,),) = sqlite3.connect(folder / "state" / "store.sqlite").execute("SELECT state FROM jobs")
(folder / "found").write_text(state)
"""
    configure(beamline, table("look", "session_started", write_hook(beamline.folder, "look", body)))
    beamline.start_manager()
    beamline.open_session(FILES)
    beamline.kill_manager()
    beamline.start_worker()
    eventually(lambda: "waits: " in beamline.log() or (beamline.folder / "found").exists(), "its turn has come")
    beamline.start_manager()
    (job,) = ended_hooks(beamline, 1)
    assert job.state is JobState.DONE, job
    assert (beamline.folder / "found").read_text() == JobState.RUNNING.value
