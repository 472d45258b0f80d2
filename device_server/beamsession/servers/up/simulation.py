"""The simulated beamline beside the real servers: started as a program of its own, known only by its ready file."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from beamsession.model.errors import UnavailableError
from beamsession.servers.up.part import Part

_START_S = 90.0


@dataclass(frozen=True)
class Simulation:
    """A simulated beamline that answers."""

    part: Part
    environment: dict[str, str]
    catalogue_url: str | None
    config: Path
    pids: dict[str, int]


def start_simulation(state: Path, data_root: Path, log_folder: Path, options: list[str]) -> Simulation:
    """Start it; its ready file and a configuration for it are in the state folder. UnavailableError SIMULATION."""
    if importlib.util.find_spec("beamsim") is None:
        raise UnavailableError(
            "The simulated beamline is not installed.", code="SIMULATION", remedy="Install the extra 'sim'."
        )
    ready, config = state / "simulation.json", state / "beamline.toml"
    ready.unlink(missing_ok=True)
    files = ["--ready-file", str(ready), "--config-file", str(config), "--data-root", str(data_root)]
    command = [sys.executable, "-m", "beamsim.beamline", *files, "--state", str(state), *options]
    part = Part("simulation", command, {}, log_folder)
    part.start()
    until = time.monotonic() + _START_S
    while not ready.exists():
        if not part.alive or time.monotonic() > until:
            part.stop()
            raise UnavailableError(
                f"The simulated beamline does not start: {part.last_words()}",
                code="SIMULATION",
                remedy=f"See {part.log}.",
            )
        time.sleep(0.05)
    data = json.loads(ready.read_text(encoding="utf-8"))
    return Simulation(part, data["environment"], data.get("catalogue_url"), config, data["pids"])
