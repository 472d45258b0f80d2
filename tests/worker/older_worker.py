"""A worker of version 1: `older_worker.py <job database> <folder> <session> <session>`.

It knew one instrument: its work and its queues had short names. It begins the ingest of the first session, which
writes a file and then never ends; that of the second one waits.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

_FOREVER_S = 3600


def main(url: str, folder: Path, sessions: list[int]) -> None:
    def hang(number: int) -> str:
        (folder / f"begun-{number}").touch()
        time.sleep(_FOREVER_S)
        return ""

    DBOS(
        config={
            "name": "beamsession-worker",
            "system_database_url": url,
            "application_version": "1",
            "executor_id": "worker-1",
            "log_level": "WARNING",
        }
    )
    ingest = DBOS.workflow(name="ingest", max_recovery_attempts=None)(hang)
    DBOS.launch()
    DBOS.register_queue("jobs", worker_concurrency=2, polling_interval_sec=0.2)
    DBOS.register_queue("four_at_once", partition_worker_concurrency=1, polling_interval_sec=0.2)
    for session in sessions:
        with SetWorkflowID(f"ingest-{session}"), SetEnqueueOptions(queue_partition_key="ingests"):
            DBOS.enqueue_workflow("four_at_once", ingest, session)
    time.sleep(_FOREVER_S)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [int(number) for number in sys.argv[3:]])
