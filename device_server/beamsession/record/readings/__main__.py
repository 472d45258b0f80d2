"""`python -m beamsession.record.readings`: the readings process, started and spoken to by its recorder."""

from beamsession.record.readings.process import ReadingsProcess

ReadingsProcess().run()
