"""The store is lost with everything killed: it is made again from the data folders, and the beamline goes on."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from beamsession.faces.cli.store_commands import store_app
from beamsession.model.errors import BeamsessionError
from beamsession.model.job import JobKind, JobState
from beamsession.model.plain import plain
from beamsession.model.session_query import SessionQuery
from beamsession.model.states import SessionState
from beamsession.store import Store
from recorded_run import record, spot
from worker_rig import Rig, eventually

with_recorder = pytest.mark.parametrize("rig", [{"has_recorder": True}], indirect=True)


def rebuild(rig: Rig, *options: str) -> Result:
    return CliRunner().invoke(store_app, ["rebuild", "--config", str(rig.config), *options])


def refused(result: Result) -> str:
    assert isinstance(result.exception, BeamsessionError), result.output
    return result.exception.code


def everything(store: Store) -> dict[str, Any]:
    """All that the store says, as plain data."""
    sessions = sorted(store.sessions(SessionQuery()), key=lambda session: session.id)
    return {
        "sessions": plain(sessions),
        "runs": {session.id: plain(store.runs(session.id)) for session in sessions},
        "files": {session.id: plain(store.files(session.id)) for session in sessions},
        "ingests": plain(store.ingests()),
        "events": [event.as_json() for event in store.events(limit=100_000)],
    }


def history(rig: Rig) -> int:
    """Sessions in every state; the id of the open one."""
    rig.start_recorder()
    rig.start_worker()
    archived = rig.completed_session({"run_0001.nxs": b"data"}, metadata={"energy": {"value": 12.4, "unit": "keV"}})
    eventually(lambda: rig.store.session(archived.id).state is SessionState.ARCHIVED, "the first is archived")
    rig.call("session_rename", session=archived.id, title="a better title")
    rig.open_session({})
    rig.call("session_cancel")
    opened = rig.open_session({"a.h5": b"a", "b.h5": b"b", "c.h5": b"c"}, name="open", proposal="p12").id
    for name in ("a.h5", "b.h5", "c.h5"):
        rig.call("run_register", path=name, title=f"run of {name}")
    rig.call("run_disable", run=1)
    detached = rig.call("run_detach", runs=[2], name="apart")
    eventually(lambda: rig.store.session(detached).state is SessionState.ARCHIVED, "the detached one is archived")
    rig.call("comment_add", text="2θ")
    rig.call("metadata_set", values={"sample": "CeO2"})
    rig.call("file_add", path=str(rig.config))
    rig.call("session_pause")
    eventually(lambda: _position(rig) == rig.store.head()[0], "the worker has written everything")
    return opened


def _position(rig: Rig) -> int:
    return json.loads((rig.state / "worker-position.json").read_text())["seq"]


def lose_store(rig: Rig) -> dict[str, Any]:
    """Kill everything; what was in the store that is no more."""
    rig.close()
    lost = everything(rig.store)
    rig.store.close()
    for path in rig.state.glob("store.sqlite*"):
        path.unlink()
    return lost


@with_recorder
@pytest.mark.crash
def test_a_lost_store_is_made_again_and_the_beamline_goes_on(rig: Rig) -> None:
    opened = history(rig)
    lost = lose_store(rig)
    sent = rig.catalogue.requests.count("POST /api/v[34]/*")
    assert rebuild(rig).exit_code == 0
    found = everything(rig.store)
    ending = found["events"].pop()
    assert found == lost
    assert ending["kind"] == "store_rebuilt"
    assert ending["payload"] == {
        "sessions": 4,
        "runs": 3,
        "files": 1,
        "events": len(lost["events"]),
        "jobs": 0,
        "missing": [],
    }

    rig.start_manager()
    rig.start_recorder()
    rig.start_worker()
    assert rig.call("event_verify")["first_bad"] is None
    eventually(lambda: _position(rig) >= ending["seq"], "the worker follows the log again")
    assert rig.catalogue.requests.count("POST /api/v[34]/*") == sent, "nothing is sent twice"
    rig.call("session_resume")
    assert rig.call("run_register", path=str(rig.config)) == 4
    assert rig.open_session({}).id == max(session["id"] for session in lost["sessions"]) + 1
    eventually(lambda: rig.store.session(opened).state is SessionState.ARCHIVED, "the open one went on to its end")
    datasets = Counter(dataset["pid"] for dataset in rig.catalogue.state.datasets.values())
    assert set(datasets.values()) == {1}
    assert len(datasets) == 3


@with_recorder
def test_the_damaged_file_is_moved_aside_only_when_asked_for(rig: Rig) -> None:
    rig.start_worker()
    rig.open_session({})
    eventually((rig.state / "worker-position.json").exists, "the worker keeps the record")
    eventually(lambda: _position(rig) == rig.store.head()[0], "the worker has written everything")
    assert refused(rebuild(rig)) == "INSTRUMENT_LOCKED"
    rig.kill_manager()
    assert refused(rebuild(rig)) == "WORKER_RUNNING"
    rig.close()
    assert refused(rebuild(rig)) == "STORE_NOT_EMPTY"
    lost = everything(rig.store)
    rig.store.close()
    store = rig.state / "store.sqlite"
    store.write_bytes(b"no database at all" * 1000)
    for name in ("store.sqlite-wal", "store.sqlite-shm"):
        (rig.state / name).unlink(missing_ok=True)
    assert refused(rebuild(rig)) == "STORE_UNAVAILABLE"
    told = rebuild(rig, "--replace", "--dry-run", "--json")
    assert json.loads(told.stdout)["instruments"][0]["sessions"] == 1
    assert store.read_bytes().startswith(b"no database")
    assert rebuild(rig, "--replace").exit_code == 0
    found = everything(rig.store)
    assert {**found, "events": found["events"][:-1]} == lost
    (aside,) = rig.state.glob("store.sqlite.lost-*")
    assert aside.read_bytes().startswith(b"no database")
    verified = CliRunner().invoke(store_app, ["verify", "--config", str(rig.config)])
    assert (verified.exit_code, verified.stdout.split()[0]) == (0, str(len(found["events"])))


def test_a_hole_in_the_log_is_refused_until_it_is_allowed_and_is_told_for_ever(rig: Rig) -> None:
    rig.start_worker()
    rig.open_session({})
    rig.call("session_cancel")
    rig.open_session({})
    eventually((rig.state / "worker-position.json").exists, "the worker keeps the record")
    eventually(lambda: _position(rig) == rig.store.head()[0], "the worker has written everything")
    lose_store(rig)
    chain = rig.data_root / ".beamsession" / "B1_events.jsonl"
    lines = chain.read_bytes().splitlines(keepends=True)
    chain.write_bytes(b"".join([lines[0], b"damaged\n", *lines[2:]]))
    (rig.state / "worker-position.json").write_text('{"seq": 1000}')  # it had read more than the folders have
    result = rebuild(rig)
    assert refused(result) == "EVENTS_MISSING"
    assert "Events 2 are" in str(result.exception)
    assert not (rig.state / "store.sqlite").exists()
    assert rebuild(rig, "--allow-gaps").exit_code == 0
    verified = CliRunner().invoke(store_app, ["verify", "--config", str(rig.config), "--json"])
    assert verified.exit_code == 1
    assert json.loads(verified.stdout)["holes"] == [[2, 2]]
    assert rig.store.session(1).state is SessionState.COMPLETED
    assert rig.store.session(2).state is SessionState.STARTED
    rig.start_manager()
    third = rig.open_session({})
    assert third.id == 3
    rig.start_worker()
    eventually((rig.data_root / third.folder / "session.json").exists, "the worker follows the new store")


@with_recorder
def test_quick_looks_and_copies_that_lie_beside_their_runs_are_known_again(rig: Rig) -> None:
    rig.start_recorder()
    rig.start_worker()
    session = rig.open_session({}).id
    folder = rig.folder_of(session)
    folder.mkdir(parents=True, exist_ok=True)
    for number in (1, 2):
        frames = [spot((40, 50), 20, index) for index in range(5)]
        master = record(folder, {"eiger": frames}, number=number).master
        rig.call("run_register", path=str(master))
        for verb in ("run_quick_look", "run_quick_look", "run_pack"):
            assert rig.ended(rig.call(verb, run=number)).state is JobState.DONE
    copies = [job for job in rig.store.jobs(rig.beamline.instrument.name) if job.kind is JobKind.PACK]
    shown = rig.call("run_quick_look_show", run=1)
    eventually(lambda: _position(rig) == rig.store.head()[0], "the worker has written everything")
    (folder / "run_0002_quicklook" / "run_0002_quicklook.json").write_text("{}")
    (folder / "run_0002_single.nxs").write_bytes(b"somebody else's")
    lost = lose_store(rig)
    assert rebuild(rig).exit_code == 0
    assert everything(rig.store)["runs"] == lost["runs"]
    rig.start_manager()
    again = rig.call("run_quick_look_show", run=1)
    assert {**again, "files": set(again["files"])} == {**shown, "files": set(shown["files"])}
    kept = {job.id: job for job in rig.store.jobs(rig.beamline.instrument.name)}
    first = next(job for job in copies if job.arguments["run_id"] == 1)
    assert set(kept) == {shown["job"], first.id}
    assert {name: kept[first.id].result[name] for name in ("file", "size")} == {
        name: first.result[name] for name in ("file", "size")
    }
    assert refused_call(rig, "run_quick_look_show", run=2) == "NO_QUICK_LOOK"


def refused_call(rig: Rig, verb: str, **arguments: Any) -> str:
    with pytest.raises(BeamsessionError) as caught:
        rig.call(verb, **arguments)
    return caught.value.code
