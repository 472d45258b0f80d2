"""A recorder in a process of its own, for tests that kill it: it begins a run and tells its processes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from external_rig import Station, armed, camera
from recorder_rig import wait_until, written

KINDS = {"camera": camera, "armed": armed}


def main(folder: str, kind: str) -> None:
    station = Station(Path(folder), KINDS[kind]())
    plan = station.plan()
    station.begin(plan)
    wait_until("frames are written", lambda: written(station.recorder))
    print(json.dumps({"plan": plan.model_dump(mode="json"), "pids": station.recorder.report().pids}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
