"""The beamline as a program of its own: ready file, clean end, and nobody left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from p4p import Value
from p4p.client.thread import Context

from beamsim.loopback import HOST
from eventually import eventually


def alive(pid: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict]]:
    """A beamline of its own beside the one of the other tests, and what its ready file says."""
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "beamsim.beamline", "--prefix=OWN:", "--size-x=64", "--size-y=48"]
    with subprocess.Popen(
        [*command, f"--ready-file={ready}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        eventually(lambda: ready.exists() or process.poll() is not None, limit=90)
        assert ready.exists(), process.stdout and process.stdout.read()
        yield process, json.loads(ready.read_text(encoding="utf-8"))
        process.kill()


def test_the_ready_file_tells_all_a_client_needs(program: tuple[subprocess.Popen[str], dict]):
    process, ready = program
    assert set(ready) == {"prefix", "environment", "pvs", "pids", "catalogue_url", "tango_motor"}
    assert ready["prefix"] == "OWN:"
    assert {"beamline", "soft_ioc", "caproto_ioc", "pva_detector"} <= set(ready["pids"])
    assert ready["pids"]["beamline"] == process.pid
    assert all(alive(pid) for pid in ready["pids"].values())
    assert set(ready["pvs"]["OWN:M1"]) == {"protocols", "server", "type", "units", "writable", "description"}
    assert ready["catalogue_url"].startswith(f"http://{HOST}:")

    with Context("pva", conf=ready["environment"], useenv=False, nt=False) as context:
        image = cast(Value, context.get("OWN:PVA1:Image", timeout=30))
        height = cast(Value, context.get("OWN:CAM1:SizeY_RBV", timeout=30))
    # Before the first frame an image has no pixels, as at a real detector.
    assert (image.uniqueId, len(image.value), len(image.dimension)) == (0, 0, 0)
    assert height.value == 48


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(program: tuple[subprocess.Popen[str], dict], number: signal.Signals):
    process, ready = program
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "OWN:M1:RBV" in output
    assert "Traceback" not in output
    assert not [role for role, pid in ready["pids"].items() if alive(pid)]


def test_kill_9_leaves_no_server_behind(program: tuple[subprocess.Popen[str], dict]):
    process, ready = program
    process.kill()
    eventually(lambda: not [role for role, pid in ready["pids"].items() if alive(pid)])


def test_a_server_that_dies_ends_the_beamline_and_is_named(program: tuple[subprocess.Popen[str], dict]):
    process, ready = program
    os.kill(ready["pids"]["pva_detector"], signal.SIGKILL)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "pva_detector" in output.splitlines()[-1]
    assert not [role for role, pid in ready["pids"].items() if alive(pid)]
