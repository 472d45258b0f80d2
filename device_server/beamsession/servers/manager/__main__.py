"""`python -m beamsession.servers.manager` is the same as `SessionManager`."""

from beamsession.servers.manager.main import main

main()
