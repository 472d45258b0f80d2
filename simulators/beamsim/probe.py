"""Asks every PV of the beamline once, as a client would: with the client environment, in a process of its own.

``python -m beamsim.probe --prefix SIM:`` ends with 0 when all have answered, else names the silent ones.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable

import epics
from p4p.client.thread import Context

from beamsim.pvs import Protocol, beamline_pvs


def main() -> None:
    """Ask, and exit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", default="SIM:")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds for all of them")
    options = parser.parse_args()
    pvs = beamline_pvs(options.prefix)
    until = time.monotonic() + options.timeout
    silent = [
        *_silent_over_ca([pv.name for pv in pvs if Protocol.CA in pv.protocols], until),
        *_silent_over_pva([pv.name for pv in pvs if Protocol.PVA in pv.protocols], until),
    ]
    if silent:
        sys.exit("no answer from " + ", ".join(silent))


def _silent_over_ca(names: Iterable[str], until: float) -> list[str]:
    # All channels are made first, so that they are searched for together.
    pvs = [epics.PV(name, auto_monitor=False) for name in names]
    return [f"{pv.pvname} (Channel Access)" for pv in pvs if not _answers(pv, until)]


def _answers(pv: epics.PV, until: float) -> bool:
    if not pv.wait_for_connection(timeout=max(0.1, until - time.monotonic())):
        return False
    return pv.get(timeout=max(0.1, until - time.monotonic())) is not None


def _silent_over_pva(names: list[str], until: float) -> list[str]:
    with Context("pva", nt=False) as context:
        answers = context.get(names, timeout=max(0.1, until - time.monotonic()), throw=False) or []
    answered = (not isinstance(answer, Exception) for answer in answers)
    return [f"{name} (pvAccess)" for name, good in zip(names, answered, strict=True) if not good]


if __name__ == "__main__":
    main()
