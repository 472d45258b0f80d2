"""`beamsession up`: everything of one beamline on one machine, started, kept running, announced and stopped."""
