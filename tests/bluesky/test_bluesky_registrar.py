"""The subscriber: the session knows of every Bluesky run, also after the manager was away."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bluesky.plans import count
from bluesky.utils import MsgGenerator
from event_model import compose_run

from beamsession.faces.bluesky import RunRegistrar, close_session, open_session, record_run
from beamsession.faces.bluesky.plain_document import LEFT_OUT, MAX_BYTES, plain_document
from beamsession.model.metadata import check_metadata
from bluesky_rig import Rig
from system_up import eventually


@pytest.fixture
def registrar(rig: Rig) -> Iterator[RunRegistrar]:
    registrar = RunRegistrar(rig.client.address)
    token = rig.engine.subscribe(registrar)
    yield registrar
    rig.engine.unsubscribe(token)
    assert registrar.close(60)


def tell(registrar: RunRegistrar, *files: Path, reason: str = "", **metadata: Any) -> str:
    """The documents of a Bluesky run that wrote `files` itself; its uid."""
    run = compose_run(metadata=metadata)
    start = run.start_doc
    registrar("start", start)
    for number, file in enumerate(files):
        resource = {
            "uid": f"{start['uid']}-{number}",
            "run_start": start["uid"],
            "data_key": f"det{number}",
            "mimetype": "application/x-hdf5",
            "uri": f"file://localhost{file}",
            "parameters": {"dataset": "/data"},
        }
        registrar("stream_resource", resource)
    registrar("stop", run.compose_stop(exit_status="success", reason=reason))
    return start["uid"]


def test_a_bluesky_run_is_told_with_its_metadata(rig: Rig, registrar: RunRegistrar) -> None:
    def plan() -> MsgGenerator[Any]:
        yield from open_session(rig.session, "told")
        yield from count([rig.session.RunNumber], num=2, md={"sample": "CeO2", "by": "Łukasz"})
        yield from close_session(rig.session)

    rig.engine(plan())
    [start] = rig.documents.of("start")
    begun, ended = rig.comments()
    assert f"Bluesky run count {start['scan_id']} has begun, uid {start['uid']}" in begun
    assert '"sample": "CeO2"' in begun
    assert "Łukasz" in begun
    assert f"ended, uid {start['uid']}: success (events: 2 of primary)" in ended


def test_a_recorded_run_is_named_at_its_end(rig: Rig, registrar: RunRegistrar) -> None:
    def plan() -> MsgGenerator[Any]:
        yield from open_session(rig.session, "recorded")
        yield from record_run(rig.session, frames=3, detectors=["camera"])
        yield from close_session(rig.session)

    rig.engine(plan())
    [ended] = rig.comments()
    assert "recorded as run 1: success (events: 3 of camera)" in ended
    assert len(rig.client.ask("run_list", session=rig.newest)) == 1


def test_files_that_a_plan_wrote_become_a_run_and_added_files(rig: Rig, registrar: RunRegistrar) -> None:
    rig.client.Start("files")
    root = Path(rig.client.read("Root"))
    root.mkdir(parents=True, exist_ok=True)
    first, second = root / "scan 1.h5", root / "scan_1_xrf.h5"
    first.write_bytes(b"measured")
    second.write_bytes(b"measured too")
    uid = tell(registrar, first, second, first, plan_name="fly", scan_id=7, energy=float("nan"))
    assert registrar.flush()
    [run] = rig.client.ask("run_list")
    assert (run["file"], run["title"], run["state"], run["origin"]) == (str(first), "fly 7", "COMPLETED", "registered")
    assert (run["metadata"]["bluesky"]["uid"], run["metadata"]["bluesky"]["energy"]) == (uid, "nan")
    assert [item["path"] for item in rig.client.ask("file_list")] == [str(second)]


def test_a_file_that_cannot_be_registered_is_told_with_the_reason(rig: Rig, registrar: RunRegistrar) -> None:
    rig.client.Start("outside")
    tell(registrar, Path("/etc/hostname"))
    assert registrar.flush()
    assert rig.client.ask("run_list") == []
    assert any("/etc/hostname of a Bluesky run is not in the session" in text for text in rig.comments())


def test_a_manager_that_was_away_is_told_everything_in_order_and_once(rig: Rig, registrar: RunRegistrar) -> None:
    rig.client.Start("away")
    file = Path(rig.client.read("Root")) / "while away.h5"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"measured")
    pid = rig.up.ready["pids"]["session_manager"]
    os.kill(pid, signal.SIGSTOP)
    try:
        uids = [tell(registrar, reason=f"number {index}", scan_id=index) for index in range(3)]
        uids.append(tell(registrar, file, scan_id=3))
        assert registrar.waiting == 9
        assert not registrar.flush(0.2)
    finally:
        # It answers what it has been asked, and dies before it can say so: it must be asked again.
        rig.up.kill("session_manager")
    eventually(lambda: rig.up.ready["pids"].get("session_manager") not in (None, pid), "a new manager")
    assert registrar.flush(90)
    comments = rig.comments()
    told = [(uid, word) for uid in uids for word in ("has begun", "ended")]
    assert [next((u, w) for u, w in told if u in text and w in text) for text in comments] == told
    assert len(rig.client.ask("run_list")) == 1


def test_nothing_is_told_to_a_session_that_began_later(rig: Rig, tmp_path: Path) -> None:
    registrar = RunRegistrar(rig.client.address)
    tell(registrar, plan_name="before")
    assert registrar.close(60)
    rig.client.Start("later")
    assert rig.comments() == []


def test_a_spool_keeps_what_was_not_told_when_the_process_ended(rig: Rig, tmp_path: Path) -> None:
    rig.client.Start("spooled")
    unreachable = RunRegistrar("tango://127.0.0.1:1/no/such/manager#dbase=no", spool=tmp_path)
    uid = tell(unreachable, plan_name="spooled")
    assert not unreachable.close(0.1)
    assert len(list(tmp_path.glob("*.json"))) == 2
    again = RunRegistrar(rig.client.address, spool=tmp_path)
    assert again.close(60)
    assert [uid in text for text in rig.comments()] == [True, True]
    assert list(tmp_path.iterdir()) == []


def test_any_document_becomes_metadata_that_may_be_stored() -> None:
    deep: Any = "end"
    for _ in range(30):
        deep = {"a": [deep]}
    doc = {"deep": deep, "nan": float("inf"), "": 1, "path": Path("/a"), "long": "x" * MAX_BYTES, "k" * 300: (1, 2)}
    plain = plain_document(doc)
    check_metadata({"bluesky": plain})
    json.dumps(plain, allow_nan=False)
    assert plain[LEFT_OUT] == ["long"]
    assert plain["path"] == "/a"
