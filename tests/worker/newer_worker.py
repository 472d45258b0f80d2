"""A worker whose steps are of a later version than ours; its arguments are those of the worker."""

from __future__ import annotations

from beamsession.servers.worker import jobs

jobs.JOBS_VERSION = "3"

if __name__ == "__main__":
    from beamsession.servers.worker.main import main

    main()
