"""`python -m beamsim.demo`: everything is started, the story told, what exists now shown, everything stopped."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from beamsim.demo.server import DemoFailedError, left_running, running_server, use_environment

_ENOUGH_COLUMNS = 120


def main() -> None:
    """Exit code 0 if everything in the story happened and nothing is left running."""
    parser = argparse.ArgumentParser(prog="python -m beamsim.demo", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where data and state go; left out: a new folder below build/")
    folder = parser.parse_args().folder or _new_folder()
    console = Console()
    if not console.is_terminal:
        console = Console(width=_ENOUGH_COLUMNS)
    try:
        _demonstrate(folder.absolute(), console)
    except DemoFailedError as failure:
        sys.exit(f"The demonstration failed: {failure}")


def _demonstrate(folder: Path, console: Console) -> None:
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    console.print("Starting a simulated beamline, its servers and a catalogue …")
    with running_server(folder, ["--size-x=256", "--size-y=256", "--rate=20"]) as ready:
        use_environment(ready)
        import tango  # after the environment is set

        from beamsim.demo.inventory import print_files, print_picture, print_runs
        from beamsim.demo.story import Story

        pids = ready["pids"]
        started = time.monotonic() - began
        manager = tango.DeviceProxy(ready["session_managers"][0])
        outcome = Story(manager, "SIM:", ready["epics_prefix"], console).tell()
        session_folder = Path(outcome.folder)
        print_runs(manager, outcome.session, console)
        print_picture(session_folder / "run_0002.nxs", console)
        print_files(session_folder, console)
    remaining = left_running(pids)
    if remaining:
        raise DemoFailedError(f"still running: {remaining}")
    console.print(f"The session's folder is {session_folder}", highlight=False)
    console.print(f"Dataset {outcome.pid} was in the catalogue {ready['catalogue_url']}", highlight=False)
    console.print(
        f"Servers started in {started:.1f} s, the story took {outcome.seconds:.1f} s; nothing is left running."
    )
    installed = os.environ.get("BEAMSESSION_DEMO_STARTED")
    if installed:
        console.print(f"From `make demo` to here: {time.time() - float(installed):.1f} s.")


def _new_folder() -> Path:
    build = Path("build")
    build.mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="demo-", dir=build))


if __name__ == "__main__":
    main()
