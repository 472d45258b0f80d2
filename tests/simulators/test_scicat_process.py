"""The stand-in as a process of its own: it says when it is ready, keeps its state, and leaves when it should."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

LIMIT = 30.0


def wait_for_json(path: Path) -> dict[str, Any]:
    deadline = time.monotonic() + LIMIT
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was never written"
        time.sleep(0.02)
    return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen([sys.executable, "-m", "beamsim.scicat", *arguments])
    try:
        yield started
    finally:
        started.kill()
        started.wait(LIMIT)


@pytest.mark.parametrize("profile", ["4.27", "5.2"])
def test_the_ready_file_tells_a_client_all_it_needs(tmp_path: Path, profile: str) -> None:
    ready = tmp_path / "ready.json"
    with process("--profile", profile, "--ready-file", str(ready)) as started:
        told = wait_for_json(ready)
        assert told["pid"] == started.pid
        assert told["profile"] == profile
        credentials = {"username": "ingestor", "password": told["users"]["ingestor"]["password"]}
        assert httpx.post(f"{told['url']}/api/v3/auth/login", json=credentials).status_code == 201
        started.send_signal(signal.SIGTERM)
        assert started.wait(LIMIT) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(told["url"])


def test_state_outlives_a_kill(tmp_path: Path) -> None:
    ready, state = tmp_path / "ready.json", tmp_path / "catalogue.json"
    arguments = ("--ready-file", str(ready), "--state", str(state))
    body = {
        "type": "raw",
        "owner": "Ada",
        "contactEmail": "ada@site.example",
        "sourceFolder": "/data/1",
        "creationTime": "2026-11-21T08:00:00Z",
        "ownerGroup": "visitors",
        "datasetName": "scan",
    }
    with process(*arguments) as started:
        url = wait_for_json(ready)["url"]
        token = httpx.post(f"{url}/api/v3/auth/login", json={"username": "user", "password": "user"}).json()["id"]
        headers = {"authorization": f"Bearer {token}"}
        assert httpx.post(f"{url}/api/v4/datasets", json=body, headers=headers).status_code == 201
        started.kill()
        started.wait(LIMIT)
        ready.unlink()
    with process(*arguments):
        url = wait_for_json(ready)["url"]
        assert httpx.get(f"{url}/api/v4/datasets/count", headers=headers).json() == {"count": 1}


def test_it_dies_with_its_parent_if_asked(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "beamsim.scicat", "--ready-file", str(ready), "--die-with-parent"]
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, time; subprocess.Popen({command!r}); time.sleep(600)"]
    )
    told = wait_for_json(ready)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(LIMIT)
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            httpx.get(f"{told['url']}/api/v3/health")
        except httpx.TransportError:
            return
        assert time.monotonic() < deadline, "it is still answering"
        time.sleep(0.05)


def test_a_port_that_is_taken_is_named_in_one_sentence(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with process("--ready-file", str(ready)):
        port = wait_for_json(ready)["url"].rpartition(":")[2]
        second = subprocess.run(
            [sys.executable, "-m", "beamsim.scicat", "--port", port], capture_output=True, text=True, timeout=LIMIT
        )
    assert second.returncode == 1
    assert f"port {port}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_hangup_makes_a_dead_catalogue_listen_again(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with process("--profile", "4.27", "--ready-file", str(ready)) as started:
        url = wait_for_json(ready)["url"]
        fault = {"kind": "refuse", "route": "GET /api/v3/health", "seconds": 3600}
        httpx.post(f"{url}/_stand-in/faults", json=fault)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/api/v3/health")
        started.send_signal(signal.SIGHUP)
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            answer = client.get(f"{url}/api/v3/health")
    assert answer.status_code == 200
