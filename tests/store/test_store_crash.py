"""A writer killed at any instant loses nothing it has acknowledged."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from beamsession.store import Store

WRITER = Path(__file__).with_name("writer_program.py")


@pytest.mark.crash
def test_a_killed_writer_loses_nothing_acknowledged(url: str, store: Store) -> None:
    acknowledged: dict[int, str] = {}
    version = 0
    for _ in range(6):
        lines = output_until_killed(url)
        for line in lines:
            seq, found_hash, found_version = line.split()
            acknowledged[int(seq)] = found_hash
            version = int(found_version)
        kept = {event.seq: event.hash for event in store.events(limit=1_000_000)}
        assert acknowledged.items() <= kept.items()
        session = store.open_session("beamline")
        assert session is not None
        assert session.version >= version
        assert store.events(after=max(kept) - 1)[0].payload["version"] == session.version
        assert store.verify_chain().is_intact
    assert len(acknowledged) >= 6


def output_until_killed(url: str) -> list[str]:
    """What the writer acknowledged before it was killed, up to 0.2 s after its first commit."""
    writer = subprocess.Popen([sys.executable, WRITER, url, "beamline", "1000000"], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    first = writer.stdout.readline()
    time.sleep(random.uniform(0, 0.2))
    writer.kill()
    rest = writer.stdout.read()
    writer.stdout.close()
    writer.wait()
    return [line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
