"""The way to the catalogue: what counts as success, and what is said there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from beamsession.catalogue.manifest import list_files
from beamsession.catalogue.payload import dataset_document
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.errors import RefusedError
from beamsession.model.session import Session
from beamsession.model.states import IngestState, SessionState
from beamsession.record.recorder import Recorder
from beamsim.scicat import Fault, FaultKind
from catalogue_case import completed_case
from verb_desk import WORKER, Desk, open_desk
from worker_rig import Rig, eventually


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def document(root: Path, overlay: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """What the catalogue is sent of a completed session."""
    case = completed_case(root)
    nowhere = {"url": "http://127.0.0.1:1", "contact_email": "beamline@your.site", "token_file": root / "token"}
    target = CatalogueTarget.model_validate(nowhere)
    session = replace(case.session, **changes)
    return dataset_document(session, case.runs, instrument=case.instrument, target=target, overlay=overlay)


def settled(rig: Rig, session: Session) -> IngestState:
    """Where the ingest comes to rest."""

    def look() -> IngestState | None:
        ingest = rig.store.ingest(session.id)
        return ingest.state if ingest and ingest.state in (IngestState.PARKED, IngestState.DONE) else None

    return eventually(look, f"the ingest of session {session.id} to end; {rig.log()}")


def test_a_session_is_archived_only_when_the_catalogue_has_it(rig: Rig) -> None:
    """Elsewhere any noise on standard output was success and became the id of the dataset."""
    rig.catalogue.faults.add(Fault(FaultKind.TOO_LARGE, "POST /api/v4/datasets"))
    rig.start_worker()
    refused = rig.completed_session({"a.h5": b"x"})
    assert settled(rig, refused) is IngestState.PARKED
    shown = rig.store.session(refused.id)
    assert (shown.state, shown.dataset_pid) == (SessionState.COMPLETED, "")
    assert rig.catalogue.state.datasets == {}
    taken = rig.completed_session({"a.h5": b"x"})
    assert settled(rig, taken) is IngestState.DONE
    shown = rig.store.session(taken.id)
    assert shown.state is SessionState.ARCHIVED
    assert list(rig.catalogue.state.datasets) == [shown.dataset_pid]


def test_an_open_session_does_not_go_to_the_catalogue(tmp_path: Path, recorder: Recorder) -> None:
    """Elsewhere it became archived while it was current, and completed again later."""
    with open_desk(tmp_path, recorder) as desk:
        session = desk.ask("session_start")
        assert desk.refused("ingest_request", session=session).code == "WRONG_STATE"
        desk.ask("session_pause")
        assert desk.refused("ingest_request", session=session).code == "WRONG_STATE"
        assert desk.state(session) == "PAUSED"


@pytest.mark.usefixtures("in_tokyo")
def test_end_times_are_utc_where_they_say_z(desk: Desk, tmp_path: Path) -> None:
    """Elsewhere the end was local time with a Z behind it."""
    session = desk.ask("session_start")
    desk.ask("comment_add", text="kept")
    desk.ask("session_complete")
    stop = desk.store.session(session).stop
    assert stop is not None
    told = datetime.fromisoformat(document(tmp_path, stop=stop)["endTime"])
    assert abs((told - datetime.now(UTC)).total_seconds()) < 300
    assert abs((told - stop).total_seconds()) < 0.001


def test_an_end_time_that_somebody_gives_is_the_dataset_s(tmp_path: Path) -> None:
    """Elsewhere it landed in the scientific metadata, and the computed one was sent."""
    sent = document(tmp_path, {"endTime": "2026-11-20T10:00:00.000Z"})
    assert sent["endTime"] == "2026-11-20T10:00:00.000Z"
    assert "endTime" not in sent["scientificMetadata"]


@pytest.mark.parametrize("field", ["ownerGroup", "owner", "contactEmail", "datasetName"])
def test_a_blank_field_does_not_hide_what_is_configured(tmp_path: Path, field: str) -> None:
    """Elsewhere it was sent blank."""
    plain = document(tmp_path)
    assert plain[field]
    assert document(tmp_path, {field: " "})[field] == plain[field]
    assert document(tmp_path, metadata={field: ""})[field] == plain[field]


def test_a_file_that_is_gone_is_named_and_not_listed(tmp_path: Path) -> None:
    """Elsewhere files that were not there were listed in the catalogue."""
    (tmp_path / "run_0001.nxs").write_bytes(b"x")
    with pytest.raises(RefusedError) as refused:
        list(list_files(tmp_path, [tmp_path / "run_0001.nxs", tmp_path / "run_0002.nxs"]))
    assert refused.value.code == "FILE_MISSING"
    assert "run_0002.nxs" in refused.value.sentence


def test_hidden_files_go_to_the_catalogue(rig: Rig) -> None:
    """Elsewhere files whose name begins with a dot were dropped without a word."""
    rig.start_worker()
    session = rig.completed_session({"a.h5": b"x", "added/.mask.json": b"hidden", "added/.raw/b.h5": b"y"})
    assert settled(rig, session) is IngestState.DONE
    blocks = rig.catalogue.state.blocks.values()
    listed = {file["path"] for block in blocks for file in block["dataFileList"]}
    assert {"a.h5", "added/.mask.json", "added/.raw/b.h5"} <= listed


def test_an_ingest_tells_how_far_it_is_and_why_it_waits(tmp_path: Path, recorder: Recorder) -> None:
    """Elsewhere there was no queue, no second try and no progress."""
    with open_desk(tmp_path, recorder, ingest_on_complete=True) as desk:
        session = desk.ask("session_start")
        desk.ask("session_complete")
        desk.ask("ingest_report", by=WORKER, session=session, state="running", step="checksums", attempts=2)
        shown = desk.ask("ingest_show", session=session)
        assert (shown["state"], shown["step"], shown["attempts"]) == ("running", "checksums", 2)


def test_no_password_stands_in_a_configuration() -> None:
    """Elsewhere a password stood in the clear in a default."""
    secrets = [name for name in CatalogueTarget.model_fields if "password" in name or "token" in name]
    assert secrets
    assert all(name.endswith("_file") for name in secrets)
