"""What the recordings do not show: the rights of each role, filters, totals, keeping state, pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from beamsim.scicat import Account, Catalogue, Profile, Site, demo_site, running_catalogue

FILE = {"path": "run_0001.nxs", "size": 30, "time": "2026-11-21T08:00:00Z"}
BLOCK = {"size": 30, "dataFileList": [FILE]}


class Client(httpx.Client):
    """A client that is logged in as a user whose password is its name."""

    def __init__(self, catalogue: Catalogue, user: str) -> None:
        answer = httpx.post(f"{catalogue.url}/api/v3/auth/login", json={"username": user, "password": user})
        token = answer.json()["access_token"]
        super().__init__(base_url=catalogue.url, timeout=30, headers={"authorization": f"Bearer {token}"})


@pytest.fixture(params=["4.27", "5.2"])
def catalogue(request: pytest.FixtureRequest) -> Iterator[Catalogue]:
    with running_catalogue(request.param) as running:
        yield running


def dataset(**more: Any) -> dict[str, Any]:
    return {
        "type": "raw",
        "owner": "Ada",
        "contactEmail": "ada@site.example",
        "sourceFolder": "/data/2026/p1/000001_scan",
        "creationTime": "2026-11-21T08:00:00Z",
        "ownerGroup": "p1",
        "datasetName": "scan",
    } | more


def created(client: Client, **more: Any) -> str:
    answer = client.post("/api/v4/datasets", json=dataset(**more))
    assert answer.status_code == 201, answer.text
    return answer.json()["pid"]


def at(pid: str, version: str = "v4", part: str = "") -> str:
    return f"/api/{version}/datasets/{quote(pid, safe='')}{part}"


@pytest.mark.parametrize("shared", [False, True])
def test_a_privileged_account_can_add_to_what_it_made_but_not_change_it(catalogue: Catalogue, shared: bool) -> None:
    with Client(catalogue, "ingestor") as ingestor:
        pid = created(ingestor, pid="p/1", accessGroups=["ingestor"] if shared else [])
        attachment = {"caption": "c", "ownerGroup": "p1"}
        relation = [{"targetId": pid, "targetType": "dataset"}]
        statuses = {
            "read": ingestor.get(at(pid)).status_code,
            "read blocks": ingestor.get(at(pid, "v3", "/origdatablocks")).status_code,
            "v3 block": ingestor.post("/api/v3/origdatablocks", json=BLOCK | {"datasetId": pid}).status_code,
            "nested block": ingestor.post(at(pid, "v3", "/origdatablocks"), json=BLOCK).status_code,
            "v4 block": ingestor.post("/api/v4/origdatablocks", json=BLOCK | {"datasetId": pid}).status_code,
            "v3 attachment": ingestor.post(at(pid, "v3", "/attachments"), json=attachment).status_code,
            "v4 attachment": ingestor.post(
                "/api/v4/attachments", json=attachment | {"isPublished": False, "relationships": relation}
            ).status_code,
            "patch": ingestor.patch(at(pid), json={"comment": "c"}).status_code,
            "lifecycle": ingestor.patch(at(pid, part="/datasetlifecycle"), json={"archivable": False}).status_code,
            "same pid": ingestor.post("/api/v4/datasets", json=dataset(pid=pid)).status_code,
            "delete": ingestor.delete(at(pid)).status_code,
        }
        listed = ingestor.get("/api/v4/datasets").json()
    seen = 200 if shared else 403
    assert statuses == {
        "read": seen,
        "read blocks": seen,
        "v3 block": 201,
        "nested block": 201,
        "v4 block": 403,
        "v3 attachment": 201,
        "v4 attachment": 403 if catalogue.backend.profile is Profile.V4_27 else 201,
        "patch": 403,
        "lifecycle": 403,
        "same pid": 409,
        "delete": 403,
    }
    assert len(listed) == (1 if shared else 0)
    assert catalogue.state.datasets[pid]["numberOfFiles"] == 2
    assert catalogue.state.datasets[pid]["size"] == 60


def test_a_plain_user_creates_for_its_own_group_and_without_pid(catalogue: Catalogue) -> None:
    with Client(catalogue, "user") as user:
        assert user.post("/api/v4/datasets", json=dataset(ownerGroup="visitors")).status_code == 201
        refused = user.post("/api/v4/datasets", json=dataset(ownerGroup="visitors", pid="p/1"))
        foreign = user.post("/api/v3/datasets", json=dataset(principalInvestigator="A", creationLocation="B"))
    assert (refused.status_code, refused.json()["message"]) == (403, "Unauthorized access")
    assert (foreign.status_code, foreign.json()["message"]) == (403, "Unauthorized to create this dataset")


def test_four_parallel_creations_of_one_pid_store_one_dataset(catalogue: Catalogue) -> None:
    with Client(catalogue, "ingestor") as client, ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(client.post, "/api/v4/datasets", json=dataset(pid="p/1")) for _ in range(4)]
        assert sorted(post.result().status_code for post in posts) == [201, 409, 409, 409]


def test_a_pid_must_match_the_pattern_of_the_site() -> None:
    site = replace(demo_site(), pid_pattern=r"beamsim/[0-9a-f-]{36}")
    with running_catalogue(site=site) as catalogue, Client(catalogue, "ingestor") as client:
        refused = client.post("/api/v4/datasets", json=dataset(pid="beamsim/1"))
        assert refused.json()["message"] == "PID is not following required standards"
        created(client, pid="beamsim/088e9cae-bfcb-4065-bdde-6be58aed39a4")


def test_filters_select_by_equality_sets_logic_and_dotted_paths(catalogue: Catalogue) -> None:
    with Client(catalogue, "admin") as client:
        for number in range(12):
            session = {"value": f"s{number}", "unit": ""}
            created(
                client, pid=f"p/{number:02d}", scientificMetadata={"session_id": session}, keywords=[f"k{number % 3}"]
            )

        def found(**content: Any) -> list[str]:
            answer = client.get("/api/v4/datasets", params={"filter": json.dumps(content)})
            assert answer.status_code == 200, answer.text
            return [document["pid"] for document in answer.json()]

        assert len(found()) == 10
        assert len(found(limits={"limit": 100})) == 12
        assert found(where={"scientificMetadata.session_id.value": "s7"}) == ["p/07"]
        assert found(where={"pid": {"$in": ["p/01", "p/02"]}}) == ["p/01", "p/02"]
        assert found(where={"$or": [{"pid": "p/03"}, {"$and": [{"keywords": "k0"}, {"pid": "p/09"}]}]}) == [
            "p/03",
            "p/09",
        ]
        assert found(where={"pid": {"$gte": "p/10"}}, limits={"sort": {"pid": "desc"}}) == ["p/11", "p/10"]
        assert found(where={"keywords": "k1"}, limits={"skip": 1, "limit": 2}) == ["p/04", "p/07"]
        assert client.get("/api/v4/datasets/count").json() == {"count": 12}
        unknown = client.get("/api/v4/datasets", params={"filter": json.dumps({"when": 1})})
        assert unknown.json()["message"] == "Property when should not exist in the filter object"


def test_parallel_nested_blocks_lose_updates_only_in_the_old_generation(catalogue: Catalogue) -> None:
    with Client(catalogue, "ingestor") as client, ThreadPoolExecutor(4) as pool:
        pid = created(client)
        catalogue.backend.nested_gap = 0.5
        posts = [pool.submit(client.post, at(pid, "v3", "/origdatablocks"), json=BLOCK) for _ in range(4)]
        assert [post.result().status_code for post in posts] == [201] * 4
    old = catalogue.backend.profile is Profile.V4_27
    assert catalogue.state.datasets[pid]["numberOfFiles"] == (1 if old else 4)
    assert len(catalogue.state.blocks_of(pid)) == 4


def test_a_value_may_not_be_patched_without_its_unit(catalogue: Catalogue) -> None:
    with Client(catalogue, "admin") as client:
        pid = created(client, scientificMetadata={"gap": {"value": 6, "unit": "mm"}})
        assert client.patch(at(pid), json={"scientificMetadata": {"gap": {"value": 7}}}).status_code == 400
        answer = client.patch(at(pid), json={"scientificMetadata": {"gap": {"value": 7, "unit": "um"}}})
    assert answer.json()["scientificMetadata"]["gap"] == {"value": 7, "unit": "um", "valueSI": 7e-6, "unitSI": "m"}


def test_lifecycle_keys_that_are_unknown_are_dropped(catalogue: Catalogue) -> None:
    with Client(catalogue, "ingestor") as ingestor, Client(catalogue, "archiver") as archiver:
        pid = created(ingestor, datasetlifecycle={"archivable": False, "nonsense": 1})
        lifecycle = archiver.get(at(pid, part="/datasetlifecycle")).json()
        assert lifecycle["archivable"] is False
        assert lifecycle["isOnCentralDisk"] is True
        assert "nonsense" not in lifecycle
        assert archiver.patch(at(pid, part="/datasetlifecycle"), json={"archivable": True}).json()["archivable"] is True
        assert archiver.delete(at(pid)).status_code == 200
        assert archiver.get(at(pid)).status_code == 404


def test_explorer_tells_which_interfaces_there_are(catalogue: Catalogue) -> None:
    paths = httpx.get(f"{catalogue.url}/explorer-json").json()["paths"]
    assert {"/api/v4/datasets", "/api/v3/origdatablocks"} <= paths.keys()


def test_a_token_issued_before_a_restart_and_all_documents_are_still_good_after_it(tmp_path: Path) -> None:
    kept = tmp_path / "catalogue.json"
    with running_catalogue(state_file=kept) as first, Client(first, "ingestor") as client:
        pid = created(client, accessGroups=["ingestor"])
        authorization = client.headers["authorization"]
        client.post("/api/v3/origdatablocks", json=BLOCK | {"datasetId": pid})
    with running_catalogue(state_file=kept) as second:
        answer = httpx.get(f"{second.url}{at(pid)}", headers={"authorization": authorization})
        assert (answer.status_code, answer.json()["numberOfFiles"]) == (200, 1)


def test_pages_show_datasets_and_their_files_as_text(catalogue: Catalogue) -> None:
    with Client(catalogue, "ingestor") as client:
        pid = created(client, datasetName="Łukasz 2θ <b>", pid="p/1")
        client.post(
            "/api/v3/origdatablocks", json={"size": 30, "dataFileList": [FILE | {"size": 3 << 20}], "datasetId": pid}
        )
        overview = client.get("/")
        details = client.get(f"/catalogue/{quote(pid, safe='')}")
        missing = client.get("/catalogue/p%2F2")
    assert "Łukasz 2θ &lt;b&gt;" in overview.text
    assert "p%2F1" in overview.text
    assert "run_0001.nxs" in details.text
    assert "3.0 MiB" in details.text
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expected property name or '}' in JSON at position 1"),
        ('{"a": 1, }', "Expected double-quoted property name in JSON at position 9"),
        ('{"a" 1}', "Expected ':' after property name in JSON at position 5"),
        ('{"a": [1 2]}', "Expected ',' or ']' after array element in JSON at position 9"),
        ('{"a": [1] "b"}', "Expected ',' or '}' after property value in JSON at position 10"),
        ('{"a": ', "Unexpected end of JSON input"),
        ('{"a": "b', "Unterminated string in JSON at position 8"),
        ("{} {}", "Unexpected non-whitespace character after JSON at position 3"),
        ('{"a": NaN}', 'Unexpected token \'N\', "{"a": NaN}" is not valid JSON'),
        ('{"a": -Infinity}', "No number after minus sign in JSON at position 7"),
    ],
)
def test_bad_json_is_refused_in_the_words_of_javascript_even_for_nobody(
    catalogue: Catalogue, text: str, message: str
) -> None:
    answer = httpx.post(f"{catalogue.url}/api/v4/datasets", content=text, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_a_site_of_ones_own_has_its_own_accounts_and_limits() -> None:
    site = Site(accounts=(Account("me", "me", ("mine",)),), body_limit=1000, pid_prefix="site")
    with running_catalogue(site=site) as catalogue, Client(catalogue, "me") as client:
        assert created(client, ownerGroup="mine").startswith("site/")
        answer = client.post("/api/v4/datasets", json=dataset(ownerGroup="mine", description="x" * 1000))
        assert (answer.status_code, answer.json()) == (500, "Internal server error")
