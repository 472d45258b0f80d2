"""`python -m beamsession.servers.worker`: the worker as a process."""

from beamsession.servers.worker.main import main

main()
