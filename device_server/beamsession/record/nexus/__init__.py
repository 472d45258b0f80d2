"""The NeXus master of a run: `start_master` before the first frame, `close_master` with the verdict, `check_nexus`."""

from beamsession.record.nexus.check import check_nexus
from beamsession.record.nexus.master import close_master, start_master

__all__ = ["check_nexus", "close_master", "start_master"]
