"""What the client makes of a catalogue's answers, silences and lapses; against the stand-in over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamsession.catalogue.blocks import block_document, paths_digest
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.fault import CatalogueError, Nature
from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.payload import dataset_document
from beamsession.catalogue.target import CatalogueTarget, ChecksumAlgorithm
from beamsim.scicat import Catalogue, Fault, FaultKind
from catalogue_case import Case

FILES = (
    ListedFile(path="run_0001.nxs", size=10, mtime_ns=1_700_000_000_123_456_789, checksum="ab"),
    ListedFile(path="added/2θ.txt", size=5, mtime_ns=1_700_000_000_000_000_000, checksum="cd"),
)


def test_a_session_is_stored_with_its_own_pid_and_read_back(
    client: CatalogueClient, target: CatalogueTarget, case: Case
) -> None:
    document = dataset_document(case.session, case.runs, instrument=case.instrument, target=target)
    assert client.is_valid(document)
    assert client.create_dataset(document) == document["pid"]
    client.post_block(block_document(document["pid"], FILES, ChecksumAlgorithm.SHA256))
    stored = client.dataset(document["pid"])
    assert stored is not None
    assert stored.fingerprint == document["scientificMetadata"]["ingest_fingerprint"]["value"]
    assert (stored.files, stored.size) == (2, 15)
    expected = [(15, paths_digest(["run_0001.nxs", "added/2θ.txt"]))]
    assert [(block.size, block.digest) for block in client.blocks(document["pid"])] == expected
    assert [block.size for block in client.blocks(document["pid"], size=15)] == [15]
    assert list(client.blocks(document["pid"], size=14)) == []


def test_the_catalogue_keeps_values_with_their_units(
    client: CatalogueClient, target: CatalogueTarget, case: Case, catalogue: Catalogue
) -> None:
    document = dataset_document(case.session, case.runs, instrument=case.instrument, target=target)
    client.create_dataset(document)
    metadata = catalogue.state.datasets[document["pid"]]["scientificMetadata"]
    assert (metadata["energy"]["value"], metadata["energy"]["unit"]) == (12.4, "keV")
    assert metadata["session_id"]["value"] == 7
    assert metadata["runs"]["run_0001"]["frames_missing"]["value"] == 2
    assert metadata["runs"]["run_0001"]["state"]["value"] == "INCOMPLETE"


def test_the_same_pid_again_is_a_conflict(client: CatalogueClient, target: CatalogueTarget, case: Case) -> None:
    document = dataset_document(case.session, case.runs, instrument=case.instrument, target=target)
    client.create_dataset(document)
    with pytest.raises(CatalogueError) as caught:
        client.create_dataset(document)
    assert (caught.value.status, caught.value.nature) == (409, Nature.PERMANENT)


def test_an_unknown_pid_is_nothing(client: CatalogueClient) -> None:
    assert client.dataset("beamsim/unknown") is None


def test_an_expired_token_is_renewed_in_the_middle(client: CatalogueClient, catalogue: Catalogue) -> None:
    assert client.whoami().name == "ingestor"
    catalogue.backend.tokens.expire_all()
    assert client.dataset("beamsim/unknown") is None
    assert "ingestor" in client.whoami().groups


def test_a_refusal_that_no_login_can_cure_is_permanent(
    client: CatalogueClient, target: CatalogueTarget, case: Case
) -> None:
    document = dataset_document(case.session, case.runs, instrument=case.instrument, target=target)
    client.create_dataset(document | {"accessGroups": []})
    with pytest.raises(CatalogueError) as caught:
        client.dataset(document["pid"])
    assert (caught.value.status, caught.value.nature) == (403, Nature.PERMANENT)


def test_a_token_file_is_read_again_when_it_changes(catalogue: Catalogue, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("not-a-token")
    target = CatalogueTarget(url=catalogue.url, token_file=token_file, contact_email="a@b.org")
    with CatalogueClient(target) as client:
        assert client.whoami().name == ""
        account = catalogue.backend.site.account("ingestor")
        assert account is not None
        token_file.write_text(catalogue.backend.tokens.issue(account, 3600))
        assert client.whoami().name == "ingestor"


@pytest.mark.parametrize(
    ("fault", "nature"),
    [
        (Fault(FaultKind.FAIL_BEFORE, "POST /api/v4/datasets", status=502), Nature.AMBIGUOUS),
        (Fault(FaultKind.FAIL_AFTER, "POST /api/v4/datasets", status=500), Nature.AMBIGUOUS),
        (Fault(FaultKind.CUT_AFTER, "POST /api/v4/datasets"), Nature.AMBIGUOUS),
        (Fault(FaultKind.CUT_MIDDLE, "POST /api/v4/datasets"), Nature.AMBIGUOUS),
        (Fault(FaultKind.WRONG_JSON, "POST /api/v4/datasets"), Nature.AMBIGUOUS),
        (Fault(FaultKind.TOO_MANY, "POST /api/v4/datasets", seconds=7), Nature.TRANSIENT),
        (Fault(FaultKind.TOO_LARGE, "POST /api/v4/datasets"), Nature.PERMANENT),
    ],
)
def test_each_lapse_says_what_may_be_done_after_it(
    client: CatalogueClient, target: CatalogueTarget, case: Case, catalogue: Catalogue, fault: Fault, nature: Nature
) -> None:
    catalogue.faults.add(fault)
    with pytest.raises(CatalogueError) as caught:
        client.create_dataset(dataset_document(case.session, case.runs, instrument=case.instrument, target=target))
    assert caught.value.nature is nature
    assert caught.value.sentence
    assert caught.value.remedy
    if fault.kind is FaultKind.TOO_MANY:
        assert caught.value.retry_after_s == 7


def test_a_catalogue_that_is_down_can_be_asked_again(client: CatalogueClient, catalogue: Catalogue) -> None:
    client.health()
    catalogue.refuse()
    with pytest.raises(CatalogueError) as caught:
        client.health()
    assert (caught.value.nature, caught.value.code) == (Nature.TRANSIENT, "CATALOGUE_UNREACHABLE")
    catalogue.restart()
    client.health()


def test_the_server_s_complaints_are_in_the_sentence(
    client: CatalogueClient, target: CatalogueTarget, case: Case
) -> None:
    document = dataset_document(case.session, case.runs, instrument=case.instrument, target=target)
    with pytest.raises(CatalogueError, match="creationTime"):
        client.create_dataset(document | {"creationTime": "yesterday"})


def test_more_blocks_than_a_page_holds_are_all_listed(
    client: CatalogueClient, target: CatalogueTarget, case: Case
) -> None:
    document = dataset_document(case.session, case.runs, instrument=case.instrument, target=target)
    client.create_dataset(document)
    for number in range(13):
        file = ListedFile(path=f"file_{number}", size=1, mtime_ns=0)
        client.post_block(block_document(document["pid"], (file,), ChecksumAlgorithm.NONE))
    digests = [block.digest for block in client.blocks(document["pid"])]
    assert sorted(digests) == sorted(paths_digest([f"file_{number}"]) for number in range(13))
