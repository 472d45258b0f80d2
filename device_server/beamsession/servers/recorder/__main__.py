"""`python -m beamsession.servers.recorder` is the command `RunRecorder`."""

from beamsession.servers.recorder.main import main

main()
