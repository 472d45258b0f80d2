"""The camera of a file plugin, where the run drives it: started, stopped, and asked whether it runs."""

from __future__ import annotations

from beamsession.record.external.pvs import Pvs
from beamsession.record.external.records import Records


class Acquisition:
    """Acquire is a busy record: it is put without waiting, and looked at in Acquire_RBV. All raise SilentError."""

    def __init__(self, pvs: Pvs, records: Records) -> None:
        self._pvs = pvs
        self._records = records

    def begin(self) -> None:
        """Let it acquire."""
        self._put(1)

    def end(self) -> None:
        """Let it stop."""
        self._put(0)

    def runs(self) -> bool:
        """Whether it acquires."""
        return bool(self._pvs.number(self._records.camera("Acquire_RBV")))

    def says(self) -> str:
        """Its status message in brackets, with a space before; empty where it has none."""
        name = self._records.camera("StatusMessage_RBV")
        text = self._pvs.text(name).strip() if self._pvs.has(name) else ""
        return f" ({text})" if text else ""

    def period(self) -> float:
        """From frame to frame, s; 0 where nothing tells."""
        name = self._records.camera("AcquirePeriod_RBV")
        return self._pvs.number(name) if self._pvs.has(name) else 0.0

    def _put(self, value: int) -> None:
        self._pvs.put(self._records.camera("Acquire"), value, wait=False)
