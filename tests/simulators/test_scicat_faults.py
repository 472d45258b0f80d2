"""Every fault of the catalogue's stand-in strikes where and when it was set to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from beamsim.scicat import Catalogue, Fault, FaultKind, running_catalogue

CREATE = "POST /api/v4/datasets"
LIMIT = 20.0


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    with running_catalogue() as running:
        yield running


@pytest.fixture
def client(catalogue: Catalogue) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=catalogue.url, timeout=LIMIT) as ready:
        answer = ready.post("/api/v3/auth/login", json={"username": "ingestor", "password": "ingestor"})
        ready.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        yield ready


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def dataset(**more: Any) -> dict[str, Any]:
    return {
        "type": "raw",
        "owner": "Ada",
        "contactEmail": "ada@site.example",
        "sourceFolder": "/data/2026/p1/000001_scan",
        "creationTime": "2026-11-21T08:00:00Z",
        "ownerGroup": "p1",
        "accessGroups": ["ingestor"],
        "datasetName": "scan",
    } | more


def create(client: httpx.Client) -> httpx.Response:
    return client.post("/api/v4/datasets", json=dataset())


def test_a_fault_strikes_the_nth_call_of_its_route_and_then_is_over(catalogue: Catalogue, client: httpx.Client) -> None:
    catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, CREATE, nth=2, times=2, status=503))
    assert client.get("/api/v3/health").status_code == 200
    assert [create(client).status_code for _ in range(4)] == [201, 503, 503, 201]
    assert len(catalogue.state.datasets) == 2
    assert catalogue.faults.pending() == []


def test_a_fault_with_no_end_goes_on_until_it_is_cleared(catalogue: Catalogue, client: httpx.Client) -> None:
    catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, "POST /API/v?/datasets", times=0))
    assert [create(client).status_code for _ in range(3)] == [500, 500, 500]
    catalogue.faults.clear()
    assert create(client).status_code == 201


@pytest.mark.parametrize("status", [502, 503, 504])
def test_gateway_failures_are_pages_of_a_proxy(catalogue: Catalogue, client: httpx.Client, status: int) -> None:
    catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, CREATE, status=status))
    answer = create(client)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


def test_a_failure_after_the_commit_leaves_the_dataset_stored(catalogue: Catalogue, client: httpx.Client) -> None:
    catalogue.faults.add(Fault(FaultKind.FAIL_AFTER, CREATE))
    assert create(client).status_code == 500
    assert len(catalogue.state.datasets) == 1


@pytest.mark.parametrize(("kind", "stored"), [(FaultKind.CUT_BEFORE, 0), (FaultKind.CUT_AFTER, 1)])
def test_a_cut_connection_gives_no_answer(
    catalogue: Catalogue, client: httpx.Client, kind: FaultKind, stored: int
) -> None:
    catalogue.faults.add(Fault(kind, CREATE))
    with pytest.raises(httpx.TransportError):
        create(client)
    assert len(catalogue.state.datasets) == stored
    assert create(client).status_code == 201


def test_a_connection_cut_in_the_middle_gives_half_an_answer(catalogue: Catalogue, client: httpx.Client) -> None:
    catalogue.faults.add(Fault(FaultKind.CUT_MIDDLE, CREATE))
    with client.stream("POST", "/api/v4/datasets", json=dataset()) as answer:
        assert answer.status_code == 201
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert len(catalogue.state.datasets) == 1


def test_wrong_json_comes_with_the_right_status(catalogue: Catalogue, client: httpx.Client) -> None:
    catalogue.faults.add(Fault(FaultKind.WRONG_JSON, CREATE))
    answer = create(client)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    with pytest.raises(ValueError, match="Unterminated string"):
        answer.json()


def test_too_many_requests_says_when_to_come_back(catalogue: Catalogue, client: httpx.Client) -> None:
    catalogue.faults.add(Fault(FaultKind.TOO_MANY, CREATE, seconds=7))
    answer = create(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def test_a_proxy_refuses_a_large_body_with_a_page(catalogue: Catalogue, client: httpx.Client) -> None:
    catalogue.faults.add(Fault(FaultKind.TOO_LARGE, CREATE))
    answer = create(client)
    assert answer.status_code == 413
    assert "<html>" in answer.text
    assert not catalogue.state.datasets


def test_a_delayed_request_is_carried_out_though_its_client_has_gone(
    catalogue: Catalogue, client: httpx.Client
) -> None:
    catalogue.faults.add(Fault(FaultKind.DELAY, CREATE, seconds=1))
    with pytest.raises(httpx.ReadTimeout):
        client.post("/api/v4/datasets", json=dataset(), timeout=0.2)
    assert client.get("/api/v3/health").status_code == 200
    wait_until(lambda: len(catalogue.state.datasets) == 1)


@pytest.mark.parametrize(
    ("profile", "status", "message"), [("4.27", 403, "Forbidden resource"), ("5.2", 401, "SESSION_EXPIRED")]
)
def test_tokens_expire_in_the_way_of_the_generation(profile: str, status: int, message: str) -> None:
    with running_catalogue(profile) as catalogue, httpx.Client(base_url=catalogue.url, timeout=LIMIT) as client:
        credentials = {"username": "ingestor", "password": "ingestor"}
        for kind in (FaultKind.EXPIRE_TOKENS, FaultKind.CLOCK_JUMP):
            token = httpx.post(f"{catalogue.url}/api/v3/auth/login", json=credentials).json()["access_token"]
            client.headers["authorization"] = f"Bearer {token}"
            assert create(client).status_code == 201
            catalogue.faults.add(Fault(kind, CREATE, seconds=3601))
            answer = create(client)
            assert (answer.status_code, answer.json()["message"]) == (status, message)


def test_refused_connections_are_accepted_again_after_their_time(catalogue: Catalogue, client: httpx.Client) -> None:
    catalogue.faults.add(Fault(FaultKind.REFUSE, CREATE, seconds=0.5))
    with pytest.raises(httpx.TransportError):
        create(client)
    with pytest.raises(httpx.ConnectError):
        create(client)
    wait_until(lambda: catalogue.listening)
    assert create(client).status_code == 201
    assert len(catalogue.state.datasets) == 1


def test_another_process_sets_faults_and_counts_requests_over_http(client: httpx.Client) -> None:
    fault = {"kind": "fail_before", "route": CREATE, "status": 502}
    assert client.post("/_stand-in/faults", json=fault).status_code == 201
    assert client.get("/_stand-in/faults").json()[0]["kind"] == "fail_before"
    assert [create(client).status_code for _ in range(2)] == [502, 201]
    assert client.get("/_stand-in/requests").json()["by_route"][CREATE] == 2
    assert client.post("/_stand-in/faults", json={"kind": "nonsense"}).status_code == 400
    client.post("/_stand-in/faults", json=[fault, fault])
    assert client.delete("/_stand-in/faults").json() == []
    assert create(client).status_code == 201
    client.post("/_stand-in/expire-tokens")
    assert create(client).status_code == 401


@pytest.mark.parametrize("metadata", [{"a": None}, {"": 1}])
def test_deadly_metadata_kill_the_old_generation_after_its_answer(metadata: dict[str, Any]) -> None:
    with running_catalogue("4.27") as catalogue, httpx.Client(base_url=catalogue.url, timeout=LIMIT) as client:
        token = client.post("/api/v3/auth/login", json={"username": "ingestor", "password": "ingestor"}).json()
        client.headers["authorization"] = f"Bearer {token['access_token']}"
        answer = client.post("/api/v4/datasets", json=dataset(scientificMetadata=metadata))
        assert answer.status_code == 201
        with pytest.raises(httpx.TransportError):
            client.get("/api/v3/health")
        catalogue.restart()
        assert client.get("/api/v3/health").status_code == 200
        assert len(catalogue.state.datasets) == 1


def test_null_metadata_are_stored_and_answered_with_500_by_the_new_generation(
    catalogue: Catalogue, client: httpx.Client
) -> None:
    answer = client.post("/api/v4/datasets", json=dataset(scientificMetadata={"a": None}))
    assert answer.status_code == 500
    assert len(catalogue.state.datasets) == 1
    assert client.get("/api/v3/health").status_code == 200
