"""The reference client: counts the frames of an NTNDArray with p4p's own monitor, does nothing else with them.

`python counting_monitor.py PV QUEUE` prints `ready`. On stdin `begin` subscribes, with a queue as long as the
recorder's, and answers 0 when the first value has come; `count` answers how many came since, `end` too and ends the
subscription.
"""

from __future__ import annotations

import sys
from threading import Event
from typing import Any

from p4p import Value
from p4p.client.thread import Context


def main() -> None:
    name, queue = sys.argv[1:]
    ids: set[int] = set()
    first = Event()

    def count(value: Value) -> None:
        ids.add(value["uniqueId"])
        first.set()

    context = Context("pva", nt=False)
    subscription: Any = None
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "begin":
            first.clear()
            subscription = context.monitor(name, count, request=f"record[queueSize={queue}]")
            first.wait()
            ids.clear()
        elif line.strip() == "end":
            subscription.close()
        print(len(ids), flush=True)
    context.close()


main()
