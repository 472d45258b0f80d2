"""The examples of the guide, in order: in a RunEngine, in Tiled, and in a queue server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from bluesky_rig import API_KEY, Rig, running_queue_server
from markdown_blocks import ROOT, Example, examples

PAGE = ROOT / "docs/how-to/use-bluesky.md"


def _blocks() -> list[Example]:
    return [item for item in examples("python") if item.page == PAGE]


def _block(containing: str) -> Example:
    [found] = [item for item in _blocks() if containing in item.text]
    return found


def test_the_guides_examples_run_one_after_the_other(rig: Rig, tiled: str, tmp_path: Path) -> None:
    program = "\n".join(item.text for item in _blocks())
    assert program.count("http://localhost:8000/api/v1") == 1
    program = program.replace("http://localhost:8000/api/v1", tiled).replace('"secret"', repr(API_KEY))
    script = tmp_path / "guide.py"
    script.write_text(f"{program}\nRE(sample('at the end', frames=3))\n", encoding="utf-8")
    environment = {**os.environ, "BEAMSESSION_DEVICE": rig.client.address}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=150, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Run 1 of session" in done.stdout
    assert "(10, 48, 64)" in done.stdout
    sessions = {item["name"]: item for item in rig.client.ask("session_list", limit=5)}
    assert set(sessions) == {"align", "steps", "wrapped", "tiled", "at the end"}
    assert {item["state"] for item in sessions.values()} == {"COMPLETED"}
    for item in sessions.values():
        [run] = rig.client.ask("run_list", session=item["id"])
        assert run["state"] == "COMPLETED"
        assert run["metadata"]["bluesky"]["uid"]
    assert sessions["align"]["metadata"] == {"sample": "CeO2"}


def test_a_plan_queued_at_the_queue_server_records_a_session(rig: Rig, tmp_path: Path) -> None:
    startup = tmp_path / "startup.py"
    setup, plans, imported = _block("RE = RunEngine"), _block("def sample("), _block("def dark_frames")
    startup.write_text(f"{setup.text}\n{imported.text.splitlines()[0]}\n\n{plans.text}", encoding="utf-8")
    environment = {"BEAMSESSION_DEVICE": rig.client.address}
    item = {"name": "sample", "args": ["CeO2"], "kwargs": {"frames": 20}, "item_type": "plan"}
    assert json.dumps({key: item[key] for key in ("name", "args", "kwargs")}) in PAGE.read_text()
    with running_queue_server(tmp_path, startup, **environment) as queue:
        queue.ask("environment_open")
        queue.await_state("idle")
        assert queue.ask("status")["worker_environment_exists"], queue.log.read_text()
        queue.ask("queue_item_add", item=item, user="alice", user_group="primary")
        queue.ask("queue_start")
        queue.await_state("executing_queue")
        queue.await_state("idle")
        [done] = queue.ask("history_get")["items"]
        assert done["result"]["exit_status"] == "completed", done["result"]
    session = rig.client.ask("session_list", limit=1)[0]
    assert (session["name"], session["state"]) == ("CeO2", "COMPLETED")
    [run] = rig.client.ask("run_list", session=session["id"])
    assert (run["state"], run["frames"]) == ("COMPLETED", 20)
    assert run["metadata"]["bluesky"]["uid"] in done["result"]["run_uids"]
    with h5py.File(run["file"]) as master:
        frames = master["entry/camera/data"]
        assert isinstance(frames, h5py.Dataset)
        assert len(frames) == 20


@pytest.mark.parametrize("name", ["run_wrapper", "session_wrapper", "record_run", "RunRegistrar"])
def test_the_guide_names_what_there_is(name: str) -> None:
    from beamsession.faces import bluesky

    assert name in PAGE.read_text()
    assert name in bluesky.__all__
