"""Orders to a recorder that say more than which run: values that cross the wire as JSON."""

from __future__ import annotations

from beamsession.model.plan import RunKey
from beamsession.model.report import RunReport


class _Order(RunKey):
    @property
    def key(self) -> RunKey:
        """Which run."""
        return RunKey(instrument=self.instrument, session_id=self.session_id, run_number=self.run_number)


class StopOrder(_Order):
    """Stop a run; with a `reason` its verdict is ABORTED."""

    reason: str = ""


class ConcludeOrder(_Order):
    """What became of the other parts of a shared run."""

    others: tuple[RunReport, ...]
