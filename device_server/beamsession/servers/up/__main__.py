"""`python -m beamsession.servers.up` is `beamsession up`."""

from beamsession.servers.up.main import main

main()
