"""The masters of a recorder's runs, and what is left in data files that broke: the work of a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from beamsession.model.abridged import abridged
from beamsession.model.completeness import Completeness
from beamsession.model.data_layout import DataLayout
from beamsession.model.errors import UnavailableError
from beamsession.model.plan import RunPlan
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import RunReport
from beamsession.model.value import Value
from beamsession.record.child import Child
from beamsession.record.readings.reading import Reading

_START_S = 15.0  # with the start of a new process on a busy machine
_CLOSE_S = 300.0  # ten thousand readings that changed all the time
_COUNT_S = 60.0  # the ids of a few million frames, on a disk that is slow


class Know(Value):
    """First of all: the readings that a plan names by their digest."""

    readings: tuple[ReadingConfig, ...]


class StartMaster(Value):
    """Make the master of a run."""

    plan: RunPlan
    start: datetime
    constants: dict[str, Reading]


class CloseMaster(Value):
    """Replace it by one that tells how the run ended."""

    plan: RunPlan
    report: RunReport
    constants_start: dict[str, Reading] | None
    constants_end: dict[str, Reading] | None


class Closed(Value):
    """The answer: what the check complains of."""

    complaints: tuple[str, ...]


class Mend(Value):
    """Wait for the writer of this file to end, and make the file readable."""

    data_file: Path
    patience_s: float


class Salvage(Value):
    """Do the same and correct an account by the frames that are in the file."""

    data_file: Path
    patience_s: float
    layout: DataLayout
    known: Completeness


class Corrected(Value):
    """The answer: the account; `problem` tells why the file could not be looked at, then it is as it was."""

    account: Completeness
    problem: str = ""


class Masters:
    """Speaks to the process; one that died is replaced. `eager` starts it now, else the first master waits for it."""

    def __init__(self, readings: Sequence[ReadingConfig], *, eager: bool) -> None:
        self._readings = tuple(readings)
        self._starting = threading.Lock()
        self._closed = False
        self._child: Child | None = None
        if eager:
            threading.Thread(target=self._living, name="scribe's start", daemon=True).start()

    def start(self, plan: RunPlan, *, start: datetime, constants: Mapping[str, Reading]) -> None:
        """Write the master through which a run can be followed; see `nexus.start_master`.

        Raises RefusedError (FILE_EXISTS), UnavailableError when the disk refuses or does not answer.
        """
        order = StartMaster(plan=self._short(plan), start=start, constants=dict(constants))
        self._ask("start", order, _START_S)

    def close(
        self,
        plan: RunPlan,
        report: RunReport,
        *,
        constants_start: Mapping[str, Reading] | None,
        constants_end: Mapping[str, Reading] | None,
    ) -> tuple[str, ...]:
        """Replace the master by one that tells how the run ended; the complaints of the check.

        See `nexus.close_master`. Raises UnavailableError when the disk refuses or does not answer.
        """
        order = CloseMaster(
            plan=self._short(plan),
            report=report,
            constants_start=None if constants_start is None else dict(constants_start),
            constants_end=None if constants_end is None else dict(constants_end),
        )
        return Closed.model_validate(self._ask_again("close", order, _CLOSE_S)).complaints

    def mend(self, data_file: Path, patience_s: float) -> None:
        """Make the file of a writer that died readable; see `salvage.make_readable`.

        Raises RefusedError where it cannot be, UnavailableError when the disk refuses or does not answer.
        """
        self._ask("mend", Mend(data_file=data_file, patience_s=patience_s), patience_s + _COUNT_S)

    def salvage(self, data_file: Path, patience_s: float, layout: DataLayout, known: Completeness) -> Corrected:
        """Make the file of a writer that died readable, and correct the account `known` by what is in it.

        A file that is not read within a minute, or ends the process that reads it, leaves the account as it was.
        """
        order = Salvage(data_file=data_file, patience_s=patience_s, layout=layout, known=known)
        try:
            return Corrected.model_validate(self._ask_again("salvage", order, patience_s + _COUNT_S))
        except UnavailableError as fault:
            return Corrected(account=known, problem=f"{data_file} could not be looked at: {fault.sentence}")

    def pids(self) -> dict[str, int]:
        """Its process by role; waits for nothing."""
        child = self._child
        return {} if child is None else {"scribe": child.pid}

    def shutdown(self, patience_s: float) -> None:
        """End the process; there will be no other."""
        self._closed = True
        with self._starting:
            child, self._child = self._child, None
        if child is not None:
            child.close(patience_s)

    def _short(self, plan: RunPlan) -> RunPlan:
        """Ten thousand readings are not sent with each run; those of an older configuration have to be."""
        return abridged(plan) if plan.readings == self._readings else plan

    def _ask_again(self, what: str, order: Value, patience_s: float) -> dict[str, object]:
        """Ask for what can be done twice: a process that died meanwhile is replaced, once."""
        try:
            return self._ask(what, order, patience_s)
        except UnavailableError as fault:
            if fault.code != "PROCESS_GONE":
                raise
            return self._ask(what, order, patience_s)

    def _ask(self, what: str, order: Value, patience_s: float) -> dict[str, object]:
        child = self._living()
        try:
            return child.ask({"do": what, **order.model_dump(mode="json")}, patience_s)
        except UnavailableError:
            self._give_up(child)
            raise

    def _give_up(self, child: Child) -> None:
        """It has died, ends by itself, or hangs in the kernel, where nobody should wait for it."""
        with self._starting:
            if self._child is child:
                self._child = None
        threading.Thread(target=child.close, args=(0,), name="scribe's end", daemon=True).start()

    def _living(self) -> Child:
        with self._starting:
            if self._closed:
                raise UnavailableError("The recorder is being stopped.", code="RECORDER_STOPPING")
            if self._child is None or not self._child.alive:
                if self._child is not None:
                    self._child.close(0)
                child = self._child = Child("beamsession.record.scribe", name="scribe")
                child.send({"do": "know", **Know(readings=self._readings).model_dump(mode="json")})
            return self._child
