"""The whole simulated beamline, from a program (:func:`running_beamline`) or a shell.

``python -m beamsim.beamline`` starts all servers, lists their PVs, and ends with them on SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from beamsim.announcement import print_table, write_ready_file
from beamsim.loopback import Loopback
from beamsim.processes import ServerEndedError, ServerProcesses
from beamsim.pvs import beamline_pvs
from beamsim.running import Beamline
from beamsim.session_config import write_session_config
from beamsim.starting import (
    START_TIMEOUT,
    BeamlineNotReadyError,
    BeamlineOptions,
    await_catalogue,
    await_pvs,
    await_repeater,
    await_tango_motor,
    start_catalogue,
    start_epics_servers,
    start_tango_motor,
)


@contextmanager
def running_beamline(options: BeamlineOptions | None = None, loopback: Loopback | None = None) -> Iterator[Beamline]:
    """A beamline for the length of a ``with`` block; all of its PVs answer when the block begins.

    Raises BeamlineNotReadyError or :class:`beamsim.processes.ServerEndedError` if it cannot be started.
    """
    options = options or BeamlineOptions()
    loopback = loopback or Loopback.choose()
    until = time.monotonic() + START_TIMEOUT
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="beamsim-")))
        servers = ServerProcesses(options.log_folder or folder)
        stack.callback(servers.stop)
        start_epics_servers(servers, options, loopback)
        motor = start_tango_motor(servers, options, folder / "motor.json")
        catalogue = start_catalogue(servers, options, folder / "catalogue.json")
        await_repeater(servers, loopback, until)
        await_pvs(servers, options, loopback, until)
        url = await_catalogue(servers, catalogue, until)
        environment = loopback.client_environment()
        device = await_tango_motor(servers, motor, until)
        yield Beamline(options.prefix, environment, beamline_pvs(options.prefix), url, servers, device)


def main() -> None:
    """Run a beamline until SIGINT or SIGTERM; exit code 1, with the reason, if it cannot run."""
    arguments = _parser().parse_args()
    options = BeamlineOptions(
        prefix=arguments.prefix,
        size_x=arguments.size_x,
        size_y=arguments.size_y,
        largest=arguments.largest,
        rate=arguments.rate,
        tango_motor=arguments.tango_motor,
        catalogue=arguments.catalogue,
        catalogue_profile=arguments.catalogue_profile,
        log_folder=arguments.log_folder,
        catalogue_state=arguments.state / "catalogue.json" if arguments.state is not None else None,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt), running_beamline(options) as beamline:
            print_table(beamline)
            if arguments.config_file is not None:
                write_session_config(
                    arguments.config_file,
                    prefix=beamline.prefix,
                    data_root=(arguments.data_root or Path("data")).absolute(),
                    state=(arguments.state or Path("state")).absolute(),
                    catalogue_url=beamline.catalogue_url,
                    tango_motor=beamline.tango_motor,
                )
            if arguments.ready_file is not None:
                write_ready_file(arguments.ready_file, beamline)
            beamline.watch()
    except (BeamlineNotReadyError, ServerEndedError, OSError) as problem:
        sys.exit(f"The beamline does not run: {problem}")


def _parser() -> argparse.ArgumentParser:
    defaults = BeamlineOptions()
    parser = argparse.ArgumentParser(prog="python -m beamsim.beamline", description=__doc__)
    parser.add_argument("--prefix", default=defaults.prefix)
    parser.add_argument("--size-x", type=int, default=defaults.size_x, help="width of the frames")
    parser.add_argument("--size-y", type=int, default=defaults.size_y, help="height of the frames")
    parser.add_argument("--largest", type=int, default=defaults.largest, help="pixels of the largest frame over CA")
    parser.add_argument("--rate", type=float, default=defaults.rate, help="frames a second, 0 = fastest")
    parser.add_argument("--tango-motor", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--catalogue", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--catalogue-profile", help="version of the catalogue to play, for example 5.2")
    parser.add_argument("--log-folder", type=Path, help="keep the servers' output here")
    parser.add_argument("--config-file", type=Path, help="write a session manager's configuration for this beamline")
    parser.add_argument("--data-root", type=Path, help="the data root in that configuration")
    parser.add_argument(
        "--state", type=Path, help="the state folder in that configuration; the catalogue is kept there"
    )
    parser.add_argument("--ready-file", type=Path, help="write this JSON file when all PVs answer")
    return parser


if __name__ == "__main__":
    main()
