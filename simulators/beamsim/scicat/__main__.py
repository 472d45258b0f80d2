"""`python -m beamsim.scicat`: the stand-in as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from .app import Application
from .door import Door
from .server import LOOPBACK, build
from .site import Profile

_PR_SET_PDEATHSIG = 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="beamsim.scicat", description="A SciCat stand-in for tests and demonstrations."
    )
    parser.add_argument("--port", type=int, default=0, help="port on the loopback interface; 0 takes a free one")
    parser.add_argument("--profile", choices=[profile.value for profile in Profile], default=Profile.V5_2.value)
    parser.add_argument("--ready-file", type=Path, help="file to write, as JSON, when connections are accepted")
    parser.add_argument("--state", type=Path, help="file that keeps the catalogue over restarts")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends")
    return parser.parse_args()


def _die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGTERM at the parent's end, which may already have come."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


def _announce(path: Path, application: Application, url: str) -> None:
    site = application.backend.site
    users = {
        account.username: {"password": account.password, "groups": list(account.groups)} for account in site.accounts
    }
    content = {"url": url, "pid": os.getpid(), "profile": application.backend.profile.value, "users": users}
    temporary = path.with_suffix(path.suffix + ".new")
    temporary.write_text(json.dumps(content), encoding="utf-8")
    temporary.replace(path)


async def _serve(application: Application, port: int, ready_file: Path | None) -> None:
    door = Door(application, LOOPBACK, port)
    application.close_door = door.close
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: door.close(0))
    await door.open()
    if ready_file is not None:
        _announce(ready_file, application, door.url)
    await stop.wait()
    await door.shut()
    application.backend.state.save()


def main() -> None:
    parent = os.getppid()
    arguments = _arguments()
    if arguments.die_with_parent:
        _die_with_parent(parent)
    application = build(arguments.profile, state_file=arguments.state)
    try:
        asyncio.run(_serve(application, arguments.port, arguments.ready_file))
    except OSError as error:
        sys.exit(f"the catalogue cannot be served on port {arguments.port}: {error}")


if __name__ == "__main__":
    main()
