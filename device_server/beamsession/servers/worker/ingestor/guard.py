"""`python -m beamsession.servers.worker.ingestor.guard FOLDER`: run an ingestor and write down how it ended.

The order comes as JSON on standard input: `command`, `variables`, `cwd`, `limit_s`, `output_limit` (bytes), `mark`.
What the ingestor prints goes into files of the folder and not through this process, so it does not notice the end of
this one. At SIGTERM and at the limits it is ended with everything that it started. The worker may be long gone by then.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

from beamsession.servers.worker.hooks.leftovers import MARK, end_leftovers
from beamsession.servers.worker.ingestor.durable_file import write_durably

CLAIM, END = "claim", "end.json"
OUT, ERR = "stdout", "stderr"
_LOOK_S = 0.1


def main() -> int:
    """0 also where somebody else has the claim: then nothing is run."""
    folder, order = Path(sys.argv[1]), json.load(sys.stdin)
    told_to_stop = Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: told_to_stop.set())
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        claim = os.open(folder / CLAIM, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return 0
    fcntl.flock(claim, fcntl.LOCK_EX)  # held as long as this process lives, which another host may see too
    os.write(claim, str(os.getpid()).encode())
    end = _run(folder, order, told_to_stop)
    write_durably(folder / END, json.dumps(end).encode())
    return 0


def _run(folder: Path, order: dict[str, Any], told_to_stop: Event) -> dict[str, Any]:
    began = time.monotonic()
    try:
        process = _started(folder, order)
    except OSError as fault:
        return {"how": "not started", "code": None, "why": fault.strerror or str(fault), "seconds": 0.0}
    how = _wait(process, folder, order, told_to_stop, began + order["limit_s"])
    if how != "ended":
        end_leftovers(order["mark"])
        process.wait()
    return {"how": how, "code": process.returncode, "why": "", "seconds": time.monotonic() - began}


def _started(folder: Path, order: dict[str, Any]) -> subprocess.Popen[bytes]:
    with (folder / OUT).open("xb") as out, (folder / ERR).open("xb") as err:
        return subprocess.Popen(
            order["command"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=order["cwd"],
            env={**os.environ, **order["variables"], MARK: order["mark"]},
            start_new_session=True,
        )


def _wait(
    process: subprocess.Popen[bytes], folder: Path, order: dict[str, Any], told_to_stop: Event, deadline: float
) -> str:
    while True:
        try:
            process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            pass
        else:
            return "ended"
        if told_to_stop.is_set():
            return "cancelled"
        if time.monotonic() >= deadline:
            return "time limit"
        if any((folder / name).stat().st_size > order["output_limit"] for name in (OUT, ERR)):
            return "output limit"


if __name__ == "__main__":
    sys.exit(main())
