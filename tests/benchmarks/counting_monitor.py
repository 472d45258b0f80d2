"""The reference client: counts the frames of an NTNDArray with p4p's own monitor, does nothing else with them.

`python counting_monitor.py PV` prints `ready` after the first value; a line on stdin makes it print how many came.
"""

from __future__ import annotations

import sys
from threading import Event

from p4p import Value
from p4p.client.thread import Context


def main() -> None:
    ids: set[int] = set()
    first = Event()

    def count(value: Value) -> None:
        ids.add(value["uniqueId"])
        first.set()

    context = Context("pva", nt=False)
    subscription = context.monitor(sys.argv[1], count, request="record[queueSize=100]")
    first.wait()
    ids.clear()
    print("ready", flush=True)
    sys.stdin.readline()
    print(len(ids), flush=True)
    subscription.close()
    context.close()


main()
