"""The reference client: counts the values of a CA waveform with pyepics' own monitor, does nothing else with them.

`python counting_waveform.py PV` prints `ready`. On stdin `begin` subscribes and answers 0 when the first value has
come; `count` answers how many came since, `end` too and ends the subscription.
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

    waveform: Any = None
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "begin":
            first.clear()
            waveform = epics.PV(sys.argv[1], auto_monitor=True, callback=count)
            first.wait()
            seen = 0
        elif line.strip() == "end":
            waveform.disconnect()
        print(seen, flush=True)


main()
