"""What a person is told about a PV that cannot be recorded."""

from __future__ import annotations

from beamsession.model.errors import RefusedError
from beamsession.model.reading import Protocol
from beamsession.record.readings.messages import Silent


def refusal(silent: Silent, timeout_s: float, *, others: int = 0) -> RefusedError:
    """The error for a PV that keeps a run from starting; `others` do too."""
    more = f" {others} more PVs cannot be recorded either." if others else ""
    if silent.refusal:
        return RefusedError(
            f"The PV {silent.pv} cannot be recorded as '{silent.name}': {silent.refusal}.{more}",
            code="READING_NOT_A_NUMBER",
            value=silent.pv,
            remedy=f"Correct {silent.key} in the configuration: a reading is a number or an enumeration.",
        )
    server = "device server" if silent.source is Protocol.TANGO else "IOC"
    return RefusedError(
        f"The PV {silent.pv} of '{silent.name}' did not answer within {timeout_s:g} s.{more}",
        code="PV_TIMEOUT",
        value=silent.pv,
        remedy=f"See that its {server} runs and can be reached, or correct {silent.key} in the configuration.",
    )
