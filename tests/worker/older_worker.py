"""A worker of the version that had a queue for each lane: `older_worker.py <job database> <folder>`.

It puts four works into the queue of jobs and begins two of them, which write a file each and then never end.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dbos import DBOS, SetWorkflowID

from beamsession.servers.worker.jobs import JobDatabase

_FOREVER_S = 3600


def main(url: str, folder: Path) -> None:
    def hang(number: int) -> str:
        (folder / f"begun-{number}").touch()
        time.sleep(_FOREVER_S)
        return ""

    database = JobDatabase(url, "test")
    database.learn("job", hang)
    DBOS.launch()
    DBOS.register_queue("jobs", worker_concurrency=2, polling_interval_sec=0.2)
    for number in range(4):
        with SetWorkflowID(f"job-{number}"):
            DBOS.enqueue_workflow("jobs", database._works["job"], number)  # pyright: ignore[reportPrivateUsage]
    time.sleep(_FOREVER_S)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
