"""The whole document, sent to both generations of the catalogue, through both APIs, by every kind of account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.describe import Description, describe
from beamsession.catalogue.facts import Facts, ProposalFacts
from beamsession.catalogue.fault import CatalogueError
from beamsession.catalogue.subject import Subject
from beamsession.catalogue.target import CatalogueTarget
from beamsession.catalogue.v3_body import v3_body
from beamsession.catalogue.validate import dataset_problems
from beamsession.model.errors import InvalidInputError
from beamsession.model.nexus import NexusRules
from beamsim.scicat import Account, Catalogue, Site, running_catalogue
from catalogue_case import Case, completed_case

PANET = "http://purl.org/pan-science/PaNET/"
SITE = Site(
    accounts=(
        Account("plain", "plain", ("p12345",)),
        Account("chooser", "chooser", ("p12345", "choosers")),
        Account("privileged", "privileged", ("ingestors",)),
        Account("admin", "admin", ("admin",)),
    ),
    create_with_pid=frozenset({"choosers"}),
    create_privileged=frozenset({"ingestors"}),
)
OLD = replace(SITE, absent=("* /api/v4/*",))
HIDDEN = replace(OLD, absent=("* /api/v4/*", "GET /explorer-json"))
RICH: dict[str, Any] = {
    "access_groups": ("staff",),
    "ingestor_group": "ingestors",
    "principal_investigators": ("Ana", "Bo"),
    "source_folder_host": "files.your.site",
    "instrument_id": "pid/of/b1",
    "keywords": ("oxides",),
    "techniques": ({"pid": f"{PANET}PaNET01217", "name": "x-ray diffraction"},),
    "lifecycle": {"archivable": False, "isOnCentralDisk": False, "archiveStatusMessage": "filesNotYetAvailable"},
    "fields": {
        "description": "{run_count} runs",
        "comment": "on {instrument}",
        "ownerEmail": "{user}@your.site",
        "orcidOfOwner": "https://orcid.org/0000-0002-1825-0097",
        "instrumentGroup": "b1",
        "license": "CC-BY-4.0",
        "validationStatus": "unknown",
        "sharedWith": "friend@your.site",
        "usedSoftware": "scan 1.2",
    },
}
FACTS = Facts(proposal=ProposalFacts("p12345", "p12345"), samples=("S1", "S2"))


def described(folder: Path, **options: Any) -> Description:
    given = {"url": "http://c", "token_file": folder / "t", "contact_email": "a@your.site; b@your.site"}
    place = {"creation_location": "/SITE/FACILITY/B1", "pid_prefix": "beamsim"}
    target = CatalogueTarget.model_validate({**given, **place, **RICH, **options})
    case = completed_case(folder / "data")
    return describe(Subject(case.session, case.runs, case.instrument), target, FACTS)


@contextmanager
def account(catalogue: Catalogue, folder: Path, name: str, **options: Any) -> Iterator[CatalogueClient]:
    password = folder / f"{name}.password"
    password.write_text(name)
    password.chmod(0o600)
    target = CatalogueTarget(
        url=catalogue.url, username=name, password_file=password, contact_email="a@your.site", **options
    )
    with CatalogueClient(target) as client:
        yield client


@pytest.mark.parametrize("profile", ["4.27", "5.2"])
@pytest.mark.parametrize("api", ["v3", "v4"])
def test_every_account_stores_the_same_through_either_api(tmp_path: Path, profile: str, api: str) -> None:
    made = described(tmp_path)
    assert made.problems == ()
    with running_catalogue(profile, SITE) as catalogue:
        for name in ("plain", "chooser", "privileged", "admin"):
            document = {**made.required(), "pid": f"beamsim/{name}"}
            if name == "plain":
                del document["pid"]  # Who may not choose one gets one.
            with account(catalogue, tmp_path, name, api=api) as client:
                assert client.is_valid(document)
                pid = client.create_dataset(document)
                found = client.dataset(pid)
            assert found is not None
            assert found.fingerprint == document["scientificMetadata"]["ingest_fingerprint"]["value"]
            stored = catalogue.state.datasets[pid]
            losses = {"sampleIds": ["S1"], "principalInvestigators": ["Ana; Bo"]} if api == "v3" else {}
            for field, value in (document | losses).items():
                if field not in ("pid", "scientificMetadata", "datasetlifecycle", "techniques"):
                    assert stored[field] == value, field
            assert stored["datasetlifecycle"]["archiveStatusMessage"] == "filesNotYetAvailable"
            assert (stored["datasetlifecycle"]["archivable"], stored["isPublished"]) == (False, False)
            assert [technique["name"] for technique in stored["techniques"]] == ["x-ray diffraction"]
            assert stored["scientificMetadata"]["energy"]["unit"] == "keV"


def test_neither_body_has_a_field_that_the_api_forbids(tmp_path: Path) -> None:
    document = described(tmp_path).required()
    schemas = json.loads((Path(__file__).parent / "dataset_fields.json").read_text())
    assert not document.keys() - set(schemas["v4"])
    assert not v3_body(document).keys() - set(schemas["v3"])
    assert set(schemas["v4_required"]) <= document.keys()
    assert set(schemas["v3_required"]) <= v3_body(document).keys()


@pytest.mark.parametrize("profile", ["4.27", "5.2"])
@pytest.mark.parametrize(("site", "asked"), [(OLD, 0), (HIDDEN, 1)], ids=["shown", "hidden"])
def test_a_server_without_the_newer_api_is_noticed(tmp_path: Path, profile: str, site: Site, asked: int) -> None:
    document = described(tmp_path).required()
    with running_catalogue(profile, site) as catalogue, account(catalogue, tmp_path, "privileged") as client:
        assert client.dataset(document["pid"]) is None
        assert client.create_dataset(document) == document["pid"]
        with pytest.raises(CatalogueError) as caught:
            client.create_dataset(document)
        assert caught.value.status == 409
        client.post_block({"datasetId": document["pid"], "size": 3, "dataFileList": [_file("a", 3)]})
        client.post_block({"datasetId": document["pid"], "size": 5, "dataFileList": [_file("b", 5)]})
        assert [block.size for block in client.blocks(document["pid"])] == [3, 5]
        assert [block.size for block in client.blocks(document["pid"], size=5)] == [5]
        stored = client.dataset(document["pid"])
        assert stored is not None
        assert (stored.files, stored.size) == (2, 8)
        assert catalogue.requests.count("GET /explorer-json") == 1 - asked


def test_the_newer_api_is_asked_for_once_and_taken(tmp_path: Path) -> None:
    with running_catalogue("5.2", SITE) as catalogue, account(catalogue, tmp_path, "privileged") as client:
        client.create_dataset(described(tmp_path).required())
        client.dataset("beamsim/none")
        assert catalogue.requests.count("GET /explorer-json") == 1
        assert catalogue.requests.count("POST /api/v4/datasets") == 1
        catalogue.refuse()
        with account(catalogue, tmp_path, "admin") as other, pytest.raises(CatalogueError) as caught:
            other.create_dataset({})
        assert caught.value.code == "CATALOGUE_UNREACHABLE"


def test_what_the_older_api_cannot_be_told_is_said_before(tmp_path: Path) -> None:
    (warning,) = described(tmp_path, api="v3").warnings
    assert (warning.field, "S2" in warning.sentence) == ("sampleIds", True)
    (problem,) = described(tmp_path, api="v3", creation_location="").errors
    assert (problem.field, problem.setting) == ("creationLocation", "catalogue.creation_location")
    with pytest.raises(InvalidInputError, match="creationLocation"):
        v3_body(described(tmp_path, creation_location="").required())


def test_one_run_is_described_in_its_own_words(case: Case, target: CatalogueTarget) -> None:
    run = replace(case.runs[0], title="omega scan", metadata={"energy": 7, "session_id": 1})
    subject = Subject(case.session, [run], case.instrument, run=run)
    made = describe(subject, target, Facts()).required()
    whole = describe(replace(subject, run=None), target, Facts()).required()
    assert made["pid"] != whole["pid"]
    assert made["datasetName"] == "Łukasz 2θ, run 1 omega scan"
    assert "incomplete: eiger: 2 frames missing" in made["description"]
    assert made["keywords"] == ["session:7", "instrument:B1", "run:1"]
    metadata = made["scientificMetadata"]
    assert (metadata["run_number"]["value"], metadata["run_frames_missing"]["value"]) == (1, 2)
    assert (metadata["energy"]["value"], metadata["sample_name"]["value"]) == (7, "CeO2")
    assert (metadata["session_id"]["value"], metadata["user_session_id"]["value"]) == (7, 1)
    alternatives = {"datasetName": ["{title} #{run}", "{title}"]}
    named = target.model_copy(update={"fields": alternatives})
    assert describe(subject, named, Facts()).required()["datasetName"] == "Łukasz 2θ #1"
    assert describe(replace(subject, run=None), named, Facts()).required()["datasetName"] == "Łukasz 2θ"


def test_techniques_follow_from_what_was_done(case: Case, target: CatalogueTarget) -> None:
    def rule(number: int, **chosen: Any) -> dict[str, Any]:
        return {"pid": f"{PANET}PaNET0{number}", "name": f"t{number}", **chosen}

    rules = [
        rule(1001, by="metadata", key="method", matches=["SAXS*", "saxs"]),
        rule(1002, by="run_title", matches=["*tomo*"]),
        rule(1003, by="definition", matches=["NXmx"]),
        rule(1004),
        rule(1001, by="run_title", matches=["*"]),
    ]
    chosen = target.model_validate({**target.model_dump(by_alias=True), "techniques": rules})
    runs = [replace(case.runs[0], title="Tomography of a leaf")]
    session = replace(case.session, metadata={"method": ["waxs", "Saxs-2"]})
    subject = Subject(session, runs, case.instrument)

    def used(subject: Subject) -> list[str]:
        return [technique["name"] for technique in describe(subject, chosen, Facts()).required()["techniques"]]

    assert used(subject) == ["t1001", "t1002", "t1004"]
    plain = replace(subject, session=replace(session, metadata={}), runs=[replace(runs[0], title="")])
    assert used(plain) == ["t1004"]
    nexus = NexusRules(definition="NXmx", definitions=Path("/definitions"))
    assert used(replace(plain, instrument=case.instrument.model_copy(update={"nexus": nexus}))) == ["t1003", "t1004"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"techniques": [{"pid": "PaNET01217", "name": "x"}]},
        {"techniques": [{"pid": f"{PANET}PaNET01217", "name": "x", "by": "metadata", "matches": ["x"]}]},
        {"techniques": [{"pid": f"{PANET}PaNET01217", "name": "x", "matches": ["x"]}]},
        {"techniques": [{"pid": f"{PANET}PaNET01217", "name": "x", "by": "run_title"}]},
        {"lifecycle": {"archiveable": True}},
        {"lifecycle": {"is_on_central_disk": True}},
        {"lifecycle": {"dateOfPublishing": "2030-01-01T00:00:00"}},
        {"api": "v2"},
        {"thumbnails": 100},
    ],
)
def test_what_the_catalogue_would_drop_or_refuse_is_refused_with_the_configuration(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        described(tmp_path, **wrong)


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"contactEmail": "a@your.site;"}, "catalogue.contact_email"),
        ({"ownerEmail": "anna@localhost"}, "catalogue.fields.ownerEmail"),
        ({"sourceFolderHost": "files"}, "catalogue.source_folder_host"),
        ({"keywords": ["", "x"]}, "catalogue.keywords"),
        ({"techniques": [{"pid": "x"}]}, "catalogue.techniques"),
        ({"datasetName": "\ud800"}, "the session's title"),
        ({"ownerGroup": "  "}, "catalogue.owner_group"),
        ({"proposalIds": [None]}, "the session's proposal or catalogue.proposal_id"),
        ({"scientificMetadata": {"mono": {"energy": None}}}, "'mono.energy' in the session's metadata"),
        ({"scientificMetadata": {"note": "\ud800"}}, "'note' in the session's metadata"),
        ({"scientificMetadata": {"note": "x" * 16_000_000}}, "the session's metadata"),
        ({"scientificMetadata": None}, "the session's metadata"),
        ({"datasetlifecycle": {"archivable": None}}, "catalogue.lifecycle"),
        ({"pid": ""}, "catalogue.pid_prefix"),
    ],
)
def test_what_is_wrong_names_what_to_change(tmp_path: Path, change: dict[str, Any], setting: str) -> None:
    problems = dataset_problems(described(tmp_path).required() | change)
    assert [problem.setting for problem in problems] == [setting]
    assert setting in problems[0].remedy


def test_many_runs_with_much_to_say_still_arrive(case: Case, target: CatalogueTarget) -> None:
    said = {"note": "x" * 9_000, "flux": {"value": 3, "unit": "ph/s"}}
    runs = [replace(case.runs[0], number=number, metadata=said) for number in range(1, 1001)]
    made = describe(Subject(case.session, runs, case.instrument), target, Facts())
    assert len(made.required()["scientificMetadata"]["runs"]) == 200
    assert len(made.warnings) == 2
    heavy = {f"note{number}": "x" * 9_000 for number in range(20)}
    runs = [replace(run, metadata=heavy) for run in runs]
    made = describe(Subject(case.session, runs, case.instrument), target, Facts())
    described = made.required()["scientificMetadata"]["runs"]
    assert (len(described), "metadata_note0" in described["run_0001"]) == (200, True)
    assert "metadata_note0" not in described["run_0200"]
    assert "left out" in made.warnings[0].sentence


def test_a_doubtful_orcid_is_a_warning(tmp_path: Path) -> None:
    (problem,) = dataset_problems(described(tmp_path).required() | {"orcidOfOwner": "0000"})
    assert problem.severity == "warning"


def _file(path: str, size: int) -> dict[str, Any]:
    return {"path": path, "size": size, "time": "2026-11-21T08:00:00.000Z"}
