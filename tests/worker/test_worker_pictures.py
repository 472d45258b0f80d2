"""Quick looks of a session's runs are beside its dataset, and never keep it from being there."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from beamsession.model.session import Session
from beamsession.model.states import SessionState
from beamsim.scicat import Fault, FaultKind, running_catalogue
from recorded_run import record, spot
from worker_rig import Rig, eventually

V3 = "POST /api/v3/datasets/{pid}/attachments"
OPTIONS = """
thumbnails = 2
[catalogue.fields]
datasetName = "{title} of {user}"
"""


@pytest.fixture(params=["4.27", "5.2"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with running_catalogue(request.param) as catalogue:
        rig = Rig(tmp_path, catalogue, OPTIONS, has_recorder=True)
        try:
            rig.start_manager()
            rig.start_recorder()
            rig.start_worker()
            yield rig
        finally:
            rig.close()


def measured(rig: Rig, runs: int) -> Session:
    """An open session with runs whose files are registered, each with a quick look that was just asked for."""
    session = rig.open_session({})
    rig.folder_of(session.id).mkdir(parents=True, exist_ok=True)
    for number in range(1, runs + 1):
        frames = [spot((60, 80), 20, number)]
        master = record(rig.folder_of(session.id), {"eiger": frames}, number=number).master
        rig.call("run_register", path=str(master), title=f"scan {number}")
        rig.call("run_quick_look", run=number)
    return session


def archived(rig: Rig, session: Session) -> dict[str, Any]:
    """The session's dataset once it is complete."""

    def look() -> bool:
        return rig.store.session(session.id).state is SessionState.ARCHIVED

    try:
        eventually(look, f"session {session.id} is archived")
    except AssertionError as fault:
        raise AssertionError(f"{rig.store.ingest(session.id)}\n{rig.log()}") from fault
    return rig.catalogue.state.datasets[rig.store.session(session.id).dataset_pid]


def pictures(rig: Rig, dataset: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        attachment
        for attachment in rig.catalogue.state.attachments.values()
        if any(relation["targetId"] == dataset["pid"] for relation in attachment["relationships"])
    ]


def test_the_newest_runs_are_shown_and_a_picture_that_is_not_taken_is_left_out(rig: Rig) -> None:
    session = measured(rig, 2)
    if rig.catalogue.backend.modern:
        rig.catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, "POST /api/v4/attachments", times=3, status=500))
    else:
        rig.catalogue.faults.add(Fault(FaultKind.TOO_LARGE, V3))
    rig.call("session_complete")
    dataset = archived(rig, session)
    assert dataset["datasetName"] == "Łukasz 2θ of anna"
    (shown,) = pictures(rig, dataset)
    assert shown["caption"] == "Run 1: scan 1"
    assert (shown["ownerGroup"], shown["accessGroups"]) == (dataset["ownerGroup"], dataset["accessGroups"])
    image = Image.open(io.BytesIO(base64.b64decode(shown["thumbnail"].partition(",")[2])))
    assert image.size == (80, 60)
    assert rig.catalogue.faults.pending() == []
    assert "'Run 2: scan 2' is left out" in rig.log()
