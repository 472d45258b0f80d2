"""What a person corrects after a failed ingest is sent, also where nobody knew whether the dataset had arrived."""

from __future__ import annotations

from typing import Any

import pytest

from beamsession.model.session import Session
from beamsession.model.states import IngestState, SessionState
from beamsim.scicat import Fault, FaultKind
from worker_rig import AtWork, Rig, eventually

FILES = {"run_0001.nxs": b"master"}
DATASETS = "POST /api/v4/datasets"
pytestmark = pytest.mark.parametrize("rig", [AtWork()], indirect=True)


def parked(rig: Rig, session: Session) -> str:
    """The sentence of the ingest once it is parked."""

    def look() -> str:
        ingest = rig.store.ingest(session.id)
        return ingest.detail if ingest is not None and ingest.state is IngestState.PARKED else ""

    return eventually(look, f"session {session.id} is parked; {rig.store.ingest(session.id)}\n{rig.log()}")


def sent(rig: Rig, session: Session) -> dict[str, Any]:
    """The metadata of the one dataset once the session is archived."""
    archived = SessionState.ARCHIVED
    eventually(lambda: rig.store.session(session.id).state is archived, f"session {session.id} is archived")
    (dataset,) = rig.catalogue.state.datasets.values()
    return {key: item["value"] for key, item in dataset["scientificMetadata"].items()}


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([Fault(FaultKind.CUT_BEFORE, DATASETS), Fault(FaultKind.TOO_LARGE, DATASETS, nth=2)], "413"),
        ([Fault(FaultKind.FAIL_BEFORE, DATASETS, status=500, times=3)], "500"),
    ],
    ids=["cut then refused", "failed each time"],
)
def test_corrections_after_an_uncertain_answer_are_sent(rig: Rig, faults: list[Fault], said: str) -> None:
    rig.catalogue.faults.add(*faults)
    session = rig.completed_session(FILES, metadata={"sample": "CeO"})
    assert said in parked(rig, session)
    assert not rig.catalogue.faults.pending()
    assert not rig.catalogue.state.datasets
    rig.call("metadata_set", session=session.id, values={"sample": "CeO2"})
    rig.call("ingest_request", session=session.id, overlay={"energy": 12.4})
    metadata = sent(rig, session)
    assert (metadata["sample"], metadata["energy"]) == ("CeO2", 12.4)


def test_a_dataset_that_had_arrived_all_the_same_is_completed_and_not_made_again(rig: Rig) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.CUT_AFTER, DATASETS), Fault(FaultKind.TOO_LARGE, DATASETS, nth=2))
    session = rig.completed_session(FILES, metadata={"sample": "CeO2"})
    assert "413" in parked(rig, session)
    rig.call("ingest_request", session=session.id)
    assert sent(rig, session)["sample"] == "CeO2"
    assert len(rig.catalogue.state.blocks) > 0
