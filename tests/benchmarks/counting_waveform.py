"""The reference client: counts the values of a CA waveform with pyepics' own monitor, does nothing else with them.

`python counting_waveform.py PV` prints `ready` after the first value; a line on stdin makes it print how many came.
"""

from __future__ import annotations

import sys
from threading import Event
from typing import Any

import epics


def main() -> None:
    seen = 0
    first = Event()

    def count(**_: Any) -> None:
        nonlocal seen
        seen += 1
        first.set()

    waveform = epics.PV(sys.argv[1], auto_monitor=True, callback=count)
    first.wait()
    seen = 0
    print("ready", flush=True)
    sys.stdin.readline()
    print(seen, flush=True)
    waveform.disconnect()


main()
