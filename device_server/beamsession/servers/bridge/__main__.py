"""`python -m beamsession.servers.bridge`: the bridge as a process."""

from beamsession.servers.bridge.main import main

main()
