"""A real Tiled server reads the frames of a recorded run from our files."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import pytest
from bluesky_tiled_plugins import TiledWriter
from tiled.client import from_uri

from beamsession.faces.bluesky import open_session, record_run
from bluesky_rig import API_KEY, Rig


@pytest.fixture(scope="module")
def catalogue(tiled: str) -> Any:
    return from_uri(tiled, api_key=API_KEY)


def test_tiled_reads_the_frames_that_are_in_the_files(rig: Rig, catalogue: Any) -> None:
    token = rig.engine.subscribe(TiledWriter(catalogue, batch_size=1))
    try:
        rig.engine(open_session(rig.session, "tiled"))
        uids: Any = rig.engine(record_run(rig.session, frames=12))
    finally:
        rig.engine.unsubscribe(token)
    run = catalogue[uids[0]]
    assert set(run) == {"camera", "monitor"}
    assert rig.session.run.result is not None
    with h5py.File(rig.session.run.result.file) as master:
        for detector in ("camera", "monitor"):
            there: Any = master[f"entry/{detector}/data"]
            read = run[detector][f"session-{detector}"].read()
            assert read.shape == (12, 48, 64)
            assert read.dtype == there.dtype
            assert len({frame.tobytes() for frame in read}) > 1, "frames differ from each other"
            np.testing.assert_array_equal(read, there[...])


def test_tiled_shows_the_frames_while_they_are_recorded(rig: Rig, catalogue: Any) -> None:
    """Each checkpoint tells of what is on disk, and the server reads it from the growing file."""
    from bluesky import plan_stubs as bps

    seen: list[int] = []
    writer = TiledWriter(catalogue, batch_size=1)

    def look() -> Any:
        uid = rig.documents.of("start")[-1]["uid"]
        while len(seen) < 2:
            yield from bps.checkpoint()
            yield from bps.sleep(0.1)
            told = sum(doc["indices"]["stop"] - doc["indices"]["start"] for doc in rig.documents.of("stream_datum"))
            if told > (seen[-1] if seen else 0):
                frames = catalogue[uid]["camera"]["session-camera"].read()
                assert len(frames) == told
                assert rig.client.read("RunState") == "RECORDING"
                seen.append(told)

    token = rig.engine.subscribe(writer)
    try:
        rig.engine(open_session(rig.session, "watched"))
        rig.engine(record_run(rig.session, look(), detectors=["camera"]))
    finally:
        rig.engine.unsubscribe(token)
    assert len(seen) == 2
