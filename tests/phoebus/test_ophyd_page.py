"""The page about EPICS signals is done with ophyd, on a running bridge and with a detector that acquires."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import pytest

from bridge_rig import PREFIX, Rig
from markdown_blocks import ROOT, examples

_PAGE = ROOT / "docs" / "how-to" / "use-bluesky-with-epics-signals.md"
_OTHER_LETTERS = """
session.title.set(list("Łukasz 2θ".encode())).wait(timeout=10)
session.do(session.start_session)
print(session.state.get())
session.do(session.complete_session)
"""


@pytest.mark.usefixtures("ca_detector")
def test_the_page_opens_a_session_records_a_run_and_completes_it(rig: Rig) -> None:
    blocks = [example.text for example in examples("python session") if example.page == _PAGE]
    environment = {
        **rig.environment,
        "SESSION_PREFIX": PREFIX,
        "DETECTOR_PREFIX": f"{rig.simulated}CAM1:",
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*blocks, _OTHER_LETTERS])],
        capture_output=True,
        text=True,
        env=environment,
        timeout=150,
        encoding="utf-8",
    )

    assert done.returncode == 0, done.stderr[-3000:]
    verdict, refusal, state = done.stdout.splitlines()
    assert verdict.startswith("COMPLETED /")
    assert refusal.startswith("No ")
    assert state == "STARTED"
    file: Any = h5py.File(Path(verdict.split()[1]), "r")
    with file as master:
        assert master["entry/title"][()].decode() == "dark frames"
    rows = rig.proxy().command_inout("ListSessions", "{}")
    assert '"name": "first_light"' in rows
    assert "\\u0141ukasz 2\\u03b8" in rows
