"""The data folders say what the store says, whatever happens to worker and disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beamsession.model.states import SessionState
from worker_rig import Rig, eventually


def seqs(path: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in path.read_text().splitlines()] if path.exists() else []


def in_store(rig: Rig, session_id: int | None = None) -> list[int]:
    return [event.seq for event in rig.store.events(limit=100_000, session_id=session_id)]


def start(rig: Rig) -> int:
    answer = rig.call("session_start", name="Łukasz 2θ")
    return int(answer["id"] if isinstance(answer, dict) else answer)


@pytest.mark.crash
@pytest.mark.parametrize("rig", ['when = "on_command"\n'], indirect=True)
def test_a_worker_killed_again_and_again_misses_and_doubles_no_event(rig: Rig) -> None:
    session_id = start(rig)
    for life in range(4):
        rig.start_worker()
        eventually(lambda life=life: rig.log().count("is at work") > life, "the worker works")
        for number in range(10):
            rig.call("comment_add", text=f"life {life}, comment {number}")
        rig.kill_worker()
    rig.start_worker()
    folder = rig.data_root / rig.store.session(session_id).folder
    expected = in_store(rig, session_id)
    eventually(lambda: seqs(folder / "events.jsonl")[-1:] == expected[-1:], "the last event is in the folder")
    assert seqs(folder / "events.jsonl") == expected
    assert seqs(rig.data_root / ".beamsession" / "B1_events.jsonl") == in_store(rig)
    assert (rig.data_root / ".beamsession-last-id").read_text() == f"{session_id}\n"


def test_a_data_root_that_goes_away_is_caught_up_with_and_nothing_is_made_in_its_place(rig: Rig) -> None:
    session_id = start(rig)
    rig.start_worker()
    folder = rig.data_root / rig.store.session(session_id).folder
    eventually((folder / "session.json").exists, "the record has begun")
    away = rig.folder / "unmounted"
    rig.data_root.rename(away)
    rig.call("comment_add", text="while the disk was away")
    eventually(lambda: "cannot be written" in rig.log(), "the worker says so")
    rig.call("session_complete")
    assert not rig.data_root.exists()
    away.rename(rig.data_root)
    eventually(lambda: rig.store.session(session_id).state is SessionState.ARCHIVED, "the session is archived")
    written = seqs(folder / "events.jsonl") + seqs(folder / "later_events.jsonl")
    expected = in_store(rig, session_id)
    assert written == expected[: len(written)]
    assert len(seqs(folder / "events.jsonl")) >= 3


def test_a_cancelled_session_leaves_no_folder(rig: Rig) -> None:
    rig.start_worker()
    session_id = start(rig)
    folder = rig.data_root / rig.store.session(session_id).folder
    eventually((folder / "session.json").exists, "the record has begun")
    rig.call("session_cancel")
    eventually(lambda: not folder.exists(), "the folder is gone")
    chain = rig.data_root / ".beamsession" / "B1_events.jsonl"
    eventually(lambda: seqs(chain) == in_store(rig), "the cancelled session is in the chain")
