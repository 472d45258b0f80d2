"""`beamsession up [--config FILE] [--simulate] [--state DIR] [--ready-file FILE]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from beamsession.config import load
from beamsession.faces.cli.place import default_state
from beamsession.model.errors import BeamsessionError, InvalidInputError
from beamsession.servers.up.beamline_up import BeamlineUp
from beamsession.servers.up.ready import print_ready
from beamsession.servers.up.simulation import Simulation, start_simulation
from beamsession.store.instrument_lock import InstrumentLock


class _ToldToStopError(Exception):
    """SIGINT or SIGTERM arrived."""


def main() -> None:
    """Start everything, say where it is, keep it running until SIGINT or SIGTERM; exit code 1 if it cannot start."""
    arguments = parser().parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    console = Console(stderr=True)
    try:
        _run(arguments, console)
    except _ToldToStopError:
        console.print("Everything is stopped.")
    except BeamsessionError as error:
        sys.exit(f"beamsession up: {error.text}")


def _run(arguments: argparse.Namespace, console: Console) -> None:
    state = state_folder(arguments)
    os.environ["BEAMSESSION_STATE"] = str(state)
    with InstrumentLock(state, ".up"):
        simulation: Simulation | None = None
        up: BeamlineUp | None = None
        try:
            if arguments.simulate:
                console.print("Starting the simulated beamline …")
                simulation = start_simulation(state, state / "data", state / "logs", arguments.simulator)
                os.environ.update(simulation.environment)
            config = _config_file(arguments, simulation)
            ready_files = [state / "ready.json", *([arguments.ready_file.absolute()] if arguments.ready_file else [])]
            up = BeamlineUp(load(config), config, state, ready_files, simulation)
            console.print("Starting the servers …")
            print_ready(console, up.start())
            up.watch()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
            if up is not None:
                up.stop()
            elif simulation is not None:
                simulation.part.stop()


def state_folder(arguments: argparse.Namespace) -> Path:
    """The one that was asked for, else that of BEAMSESSION_STATE, of the configuration, or below the user's own."""
    if arguments.state is not None:
        return arguments.state.absolute()
    if arguments.config is not None and not os.environ.get("BEAMSESSION_STATE"):
        configured = load(arguments.config.absolute()).state_dir
        if configured is not None:
            return configured
    return default_state().absolute()


def _config_file(arguments: argparse.Namespace, simulation: Simulation | None) -> Path:
    if arguments.config is not None:
        return arguments.config.absolute()
    if simulation is not None:
        return simulation.config
    raise InvalidInputError(
        "No beamline is given.", code="BAD_CONFIG", remedy="Give --config FILE, or --simulate for a simulated one."
    )


def _stop(number: int, frame: object) -> NoReturn:
    raise _ToldToStopError


def parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    arguments = argparse.ArgumentParser(
        prog="beamsession up", description="Start everything of one beamline and keep it running until Ctrl-C."
    )
    arguments.add_argument("--config", type=Path, help="the beamline's TOML file")
    arguments.add_argument("--simulate", action="store_true", help="start a simulated beamline and catalogue as well")
    arguments.add_argument("--state", type=Path, help="folder of databases, locks and logs; wins over state_dir")
    arguments.add_argument("--ready-file", type=Path, help="write this JSON file when everything answers")
    arguments.add_argument(
        "--simulator", action="append", default=[], metavar="OPTION", help="one more option for the simulator (repeat)"
    )
    return arguments
