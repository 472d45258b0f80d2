"""What the catalogue knows of proposals, samples and instruments goes into the document; nothing is guessed or made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.describe import Description, describe
from beamsession.catalogue.fault import CatalogueError, Nature
from beamsession.catalogue.lookups import Instruments, Lookup
from beamsession.catalogue.subject import Subject
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.errors import RefusedError
from beamsim.scicat import Catalogue, Fault, FaultKind
from catalogue_case import Case

PROPOSALS = "GET /api/v3/proposals/{id}"
SAMPLES = "GET /api/v3/samples/{id}"
INSTRUMENTS = "GET /api/v3/instruments/findOne"
FROM_PROPOSAL = {"owner_group_from": "proposal"}
Describing = Callable[..., Description]


@pytest.fixture
def known(catalogue: Catalogue) -> None:
    """The catalogue's administrators have entered a proposal, samples and an instrument."""
    login = {"username": "admin", "password": "admin"}
    token = httpx.post(f"{catalogue.url}/api/v3/auth/login", json=login).json()["id"]

    def enter(path: str, **body: Any) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.post(f"{catalogue.url}/api/v3/{path}", json=body, headers=headers)
        assert answer.status_code == 201, answer.text

    proposal = {"email": "pi@your.site", "pi_firstname": "Łucja", "pi_lastname": "Nowak", "title": "Oxides"}
    enter("proposals", proposalId="p12345", ownerGroup="g12345", accessGroups=["staff", "ingestor"], **proposal)
    enter("proposals", proposalId="p/1", ownerGroup="secret", accessGroups=[], **proposal)
    name = {"sampleName": "x"} if catalogue.backend.modern else {}
    enter("samples", sampleId="S 1/2", ownerGroup="g12345", accessGroups=["ingestor"], **name)
    enter("samples", sampleId="S2", ownerGroup="secret", **name)
    enter("instruments", uniqueName="b1", name="B1")


@pytest.fixture
def described(client: CatalogueClient, target: CatalogueTarget, case: Case) -> Describing:
    def make(options: dict[str, Any], **changes: Any) -> Description:
        chosen = target.model_copy(update=options)
        subject = Subject(replace(case.session, **changes), case.runs, case.instrument)
        return describe(subject, chosen, Lookup(client, chosen, Instruments(client)).facts(subject))

    return make


@pytest.mark.usefixtures("known")
def test_owner_and_access_come_from_the_proposal(described: Describing) -> None:
    made = described(FROM_PROPOSAL)
    assert made.problems == ()
    assert made.document["ownerGroup"] == "g12345"
    assert made.document["accessGroups"] == ["g12345", "staff", "ingestor"]
    assert made.document["principalInvestigators"] == ["Łucja Nowak"]
    assert made.document["proposalIds"] == ["p12345"]
    assert "proposal_title" not in made.document["scientificMetadata"]


@pytest.mark.usefixtures("known")
def test_what_is_taken_from_the_proposal_can_be_chosen(described: Describing) -> None:
    made = described({"proposal_gives": ("title",), "fields": {"datasetName": "{proposal_title}: {title}"}}).document
    assert made["ownerGroup"] == "p12345"
    assert made["accessGroups"] == ["ingestor"]
    assert "principalInvestigators" not in made
    assert made["scientificMetadata"]["proposal_title"]["value"] == "Oxides"
    assert made["datasetName"] == "Oxides: Łukasz 2θ"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("proposal", "template", "code"),
    [
        ("p999", "{proposal}", "PROPOSAL_UNKNOWN"),
        ("1", "p/{proposal}", "PROPOSAL_UNREADABLE"),
        ("p1", "{metadata[none]}", "PROPOSAL_UNKNOWN"),
    ],
)
def test_a_proposal_that_cannot_be_read_parks_or_is_done_without(
    described: Describing, proposal: str, template: str, code: str
) -> None:
    options = {**FROM_PROPOSAL, "proposal_id": template}
    with pytest.raises(RefusedError) as caught:
        described(options, proposal=proposal)
    assert caught.value.code == code
    assert "catalogue.proposal_required" in caught.value.remedy
    made = described({**options, "proposal_required": False}, proposal=proposal)
    assert made.required()["ownerGroup"] == proposal
    assert [problem.field for problem in made.warnings] == ["ownerGroup"]


def test_a_session_without_a_proposal_asks_for_none(described: Describing, catalogue: Catalogue) -> None:
    made = described({**FROM_PROPOSAL, "owner_group_without_proposal": "staff"}, proposal="")
    assert made.required()["ownerGroup"] == "staff"
    assert catalogue.requests.count(PROPOSALS) == 0
    (problem,) = described(FROM_PROPOSAL, proposal="").errors
    assert problem.code == "NO_OWNER_GROUP"


@pytest.mark.usefixtures("known")
def test_samples_are_linked_where_the_catalogue_knows_them_and_never_made(
    described: Describing, catalogue: Catalogue
) -> None:
    before = dict(catalogue.state.samples)
    metadata = {"sample_ids": ["S 1/2", "S2", "S3"], "more": {"id": "S 1/2"}, "none": None}
    made = described({"sample_keys": ("sample_ids", "more.id", "none", "absent")}, metadata=metadata)
    assert made.required()["sampleIds"] == ["S 1/2"]
    assert made.document["scientificMetadata"]["sample_ids"]["value"] == ["S 1/2", "S2", "S3"]
    told = " ".join(problem.sentence for problem in made.warnings)
    assert "'S2' is not for the account" in told
    assert "'S3' is not known" in told
    assert catalogue.state.samples == before
    assert catalogue.requests.count(SAMPLES) == 3


@pytest.mark.usefixtures("known")
def test_an_instrument_is_asked_for_once_and_again_where_it_was_not_found(
    client: CatalogueClient, target: CatalogueTarget, case: Case, catalogue: Catalogue
) -> None:
    instruments = Instruments(client)
    subject = Subject(case.session, case.runs, case.instrument)
    for name, requests in (("b1", 1), ("b2", 3)):
        chosen = target.model_copy(update={"instrument_unique_name": name})
        found = [Lookup(client, chosen, instruments).facts(subject) for _ in range(2)]
        assert catalogue.requests.count(INSTRUMENTS) == requests
        made = describe(subject, chosen, found[-1])
        assert bool(made.required().get("instrumentIds")) == (name == "b1")
        assert len(made.warnings) == (0 if name == "b1" else 1)


def test_a_catalogue_that_is_down_is_waited_for(described: Describing, catalogue: Catalogue) -> None:
    catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, PROPOSALS, status=503))
    with pytest.raises(CatalogueError) as caught:
        described(FROM_PROPOSAL)
    assert caught.value.nature is Nature.TRANSIENT


def test_without_a_look_the_description_says_so(target: CatalogueTarget, case: Case, catalogue: Catalogue) -> None:
    options = {**FROM_PROPOSAL, "sample_keys": ("sample",), "instrument_unique_name": "b1"}
    subject = Subject(case.session, case.runs, case.instrument)
    made = describe(subject, target.model_copy(update=options), None)
    assert made.errors == []
    assert {problem.field for problem in made.warnings} == {"ownerGroup", "sampleIds", "instrumentIds"}
    assert catalogue.requests.count() == 0


@pytest.mark.usefixtures("known")
def test_who_names_the_owner_for_one_ingest_needs_no_proposal(
    client: CatalogueClient, target: CatalogueTarget, case: Case
) -> None:
    chosen = target.model_copy(update=FROM_PROPOSAL)
    session = replace(case.session, proposal="p999")
    subject = Subject(session, case.runs, case.instrument, overlay={"ownerGroup": "staff"})
    made = describe(subject, chosen, Lookup(client, chosen, Instruments(client)).facts(subject))
    assert made.problems == ()
    assert made.document["ownerGroup"] == "staff"
