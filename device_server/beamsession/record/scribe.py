"""The process that writes a recorder's masters and looks into data files that broke.

A disk that breaks or hangs takes it along, and so does a damaged file, never the recorder.

Started as `python -m beamsession.record.scribe`; `beamsession.record.masters` speaks to it. The HDF5 library holds on
to a file that it could not close and ends its process when it touches that once more; so this one ends by itself after
a fault of the disk, and the next master is written by another.
"""

from __future__ import annotations

import os
import sys

from beamsession.model.abridged import Completer
from beamsession.model.errors import UnavailableError
from beamsession.record import nexus
from beamsession.record.link import Link, Message
from beamsession.record.masters import Closed, CloseMaster, Corrected, Know, Mend, Salvage, StartMaster
from beamsession.record.refusal import disk_words
from beamsession.record.salvage import make_readable, salvage

_GIVEN_UP = 3


class Scribe:
    """One master at a time."""

    def __init__(self) -> None:
        self._link = Link(self._handle)
        self._completer = Completer(())
        self._broken = False

    def run(self) -> None:
        """Serve the recorder until it is gone."""
        while self._link.open and not self._broken:
            self._link.poll(None)
        if self._broken:
            sys.stderr.flush()
            os._exit(_GIVEN_UP)

    def _handle(self, message: Message) -> Message | None:
        try:
            return self._write(message)
        except (OSError, RuntimeError) as fault:
            self._broken = True
            raise UnavailableError(
                f"The disk refused it: {disk_words(fault)}.",
                code="MASTER_NOT_WRITTEN",
                remedy="Look at the disk of the data root: full, failing, or gone?",
            ) from fault

    def _write(self, message: Message) -> Message | None:
        match message.pop("do"):
            case "know":
                self._completer = Completer(Know.model_validate(message).readings)
                return None
            case "start":
                start = StartMaster.model_validate(message)
                nexus.start_master(self._completer.whole(start.plan), start=start.start, constants=start.constants)
                return None
            case "close":
                close = CloseMaster.model_validate(message)
                complaints = nexus.close_master(
                    self._completer.whole(close.plan),
                    close.report,
                    constants_start=close.constants_start,
                    constants_end=close.constants_end,
                )
                return Closed(complaints=complaints).model_dump(mode="json")
            case "mend":
                mend = Mend.model_validate(message)
                make_readable(mend.data_file, mend.patience_s)
                return None
            case "salvage":
                order = Salvage.model_validate(message)
                found = salvage(order.data_file, order.patience_s, order.layout)
                return Corrected(account=found.account(order.known), problem=found.problem).model_dump(mode="json")
            case other:
                raise ValueError(f"unknown command {other!r}")


if __name__ == "__main__":
    Scribe().run()
