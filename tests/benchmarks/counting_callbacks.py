"""The reference client: counts the values of many PVs with pyepics' own callbacks, does nothing else with them.

`python counting_callbacks.py PREFIX COUNT` prints `ready` when each PV has a value; then each line on stdin makes it
print how many values came since and when the last did (monotonic clock), once no more come.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import epics

_QUIET_S = 0.5
_LOOK_S = 0.02


def main() -> None:
    """Count until the end of standard input."""
    came = 0

    def count(**_: Any) -> None:
        nonlocal came
        came += 1

    prefix, number = sys.argv[1], int(sys.argv[2])
    pvs = [epics.PV(f"{prefix}{place:05d}", form="time", auto_monitor=True, callback=count) for place in range(number)]
    while came < number:
        time.sleep(0.05)
    print("ready", flush=True)
    for _ in sys.stdin:
        before = -1
        quiet_since = last = time.monotonic()
        while quiet_since - last < _QUIET_S:
            time.sleep(_LOOK_S)
            quiet_since = time.monotonic()
            if before != came:
                before, last = came, quiet_since
        print(came, last, flush=True)
        came = 0
    del pvs


main()
