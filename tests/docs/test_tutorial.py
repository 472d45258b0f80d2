"""The tutorial is done line by line, as a person would, on a simulated beamline of its own."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from markdown_blocks import ROOT, examples

_PATIENCE_S = 120.0
_PAGE = ROOT / "docs" / "tutorial" / "first-session.md"
_SMALL = ["--simulator=--size-x=64", "--simulator=--size-y=48", "--simulator=--rate=50"]
_VERDICTS = {"COMPLETED", "INCOMPLETE", "ABORTED", "FAILED"}


@dataclass(frozen=True)
class Terminal:
    """A second terminal beside the running beamline, with what the tutorial has a person export in it."""

    environment: dict[str, str]

    def type(self, line: str) -> str:
        """What the line prints; the programs of the environment in which the tests run are found first."""
        return subprocess.run(
            line, shell=True, check=True, capture_output=True, text=True, env=self.environment, timeout=_PATIENCE_S
        ).stdout

    def runs(self) -> list[dict[str, Any]]:
        """The runs of the open session."""
        return json.loads(self.type("beamsession --json run list"))

    def sessions(self) -> list[dict[str, Any]]:
        """All sessions, newest first."""
        return json.loads(self.type("beamsession --json session list"))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """`beamsession up --simulate` as the tutorial starts it, with small frames, below a home folder of its own."""
    state, ready = tmp_path / "beamsession-tutorial", tmp_path / "ready.json"
    options = ["--simulate", "--state", str(state), "--ready-file", str(ready), *_SMALL]
    with (tmp_path / "up.log").open("wb") as log:
        up = subprocess.Popen([sys.executable, "-m", "beamsession.servers.up", *options], stdout=log, stderr=log)
    try:
        _wait("everything answers", lambda: ready.exists() or up.poll() is not None)
        assert up.poll() is None, (tmp_path / "up.log").read_text()
        told = json.loads(ready.read_text())
        yield Terminal(
            {
                **os.environ,
                **told["environment"],
                "TANGO_HOST": told["tango_host"],
                "HOME": str(tmp_path),
                "BEAMSESSION_STATE": str(state),
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            }
        )
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(_PATIENCE_S)


def _wait(what: str, reached: Callable[[], Any]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not reached():
        assert time.monotonic() < until, f"waited {_PATIENCE_S:g} s in vain: {what}"
        time.sleep(0.2)


def _lines() -> list[str]:
    """What is typed in the second terminal, in order; Python examples as one line each."""
    blocks = [item for item in examples("shell", "python") if item.page == _PAGE]
    lines: list[str] = []
    for block in blocks:
        if block.info == "python":
            lines.append(shlex.join(["python", "-c", block.text]))
        else:
            lines += block.text.splitlines()
    return [line for line in lines if line.startswith(("beamsession ", "python ")) and " up " not in line]


def _ends_a_run(line: str) -> bool:
    return line == "beamsession run stop" or (line.startswith("beamsession run start") and "--frames" in line)


def test_the_tutorial_leads_where_it_says(terminal: Terminal) -> None:
    verdicts: list[str] = []

    for line in _lines():
        if line == "beamsession session complete":
            verdicts = [run["state"] for run in terminal.runs()]
        terminal.type(line)
        if _ends_a_run(line):
            _wait("the run has its verdict", lambda: terminal.runs()[-1]["state"] in _VERDICTS)
    _wait("the session is in the catalogue", lambda: terminal.sessions()[0]["state"] == "ARCHIVED")

    assert verdicts == ["COMPLETED", "COMPLETED", "INCOMPLETE"]
    assert terminal.sessions()[0]["dataset_pid"]
