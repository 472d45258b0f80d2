"""The recorder's side of the readings process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.plan import RunPlan
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.model.report import Problem
from beamsession.record.child import Child, Message
from beamsession.record.readings.messages import (
    MOST_ROWS,
    Begin,
    Configure,
    Constants,
    End,
    Look,
    Progress,
    Seen,
    Silence,
)
from beamsession.record.readings.reading import Reading
from beamsession.record.readings.silent_pv import refusal
from beamsession.record.scalars import ReadingsLost

_MODULE = "beamsession.record.readings"
_NAME = "readings"
_CHECK_S = 1.0
_ANSWER_S = 10.0
_KILL_S = 1.0


class ReadingsRecorder:
    """Records the readings of one run at a time, and reads the constants at its start and end.

    Its process lives from the beginning, so that all PVs are connected when a run starts; one that died is replaced
    before the next run. Without readings and constants there is none. To be used from one thread.
    """

    def __init__(
        self,
        readings: Sequence[ReadingConfig],
        constants: Sequence[ConstantConfig],
        most_rows: int = MOST_ROWS,
    ) -> None:
        self._readings = tuple(readings)
        self._constants = tuple(constants)
        self._most_rows = most_rows
        self._child: Child | None = None
        self._path: Path | None = None
        self._recording = False
        self._progress = Progress()
        if self._readings or self._constants:
            self._child = self._start()

    @property
    def count(self) -> int:
        """Readings in the present run's table, or the last one's; a crash does not take them back."""
        return self._progress.count

    @property
    def failure(self) -> str:
        """What broke in the present run, or the last one, as a sentence; empty if nothing did."""
        return self._progress.failure

    @property
    def lost(self) -> ReadingsLost:
        """Readings of the present run, or the last one, that the disk did not take in time."""
        return ReadingsLost(count=self._progress.lost, first=self._progress.losers)

    def check(self) -> tuple[Problem, ...]:
        """A problem for each PV that does not answer or is no number."""
        child = self._living()
        if child is None:
            return ()
        look = Look(timeout_s=_CHECK_S)
        try:
            seen = Seen.model_validate(child.ask(look.model_dump(mode="json"), 2 * _CHECK_S + _ANSWER_S))
        except BeamsessionError as fault:
            return (Problem(code=fault.code, sentence=fault.sentence, remedy=fault.remedy),)
        return (*_problems(seen.readings), *_problems(seen.constants))

    def prepare(self, plan: RunPlan) -> dict[str, Reading]:
        """Create the table exclusively and record from now on, each PV's present value first; the constants.

        Raises RefusedError: PV_TIMEOUT, READING_NOT_A_NUMBER, FILE_EXISTS and the like; nothing then stays open.
        """
        self._path = None
        self._progress = Progress()
        child = self._living()
        if child is None:
            return {}
        path = plan.readings_file if self._readings else None
        begin = Begin(path=path, rules=plan.rules, timeout_s=plan.connect_timeout_s)
        try:
            answer = self._asked(child, begin.model_dump(mode="json"), plan.connect_timeout_s)
        except UnavailableError:
            child.close(_KILL_S)  # Else it might begin to record after all.
            raise
        self._path = path
        self._progress = answer.progress
        self._recording = True
        return answer.constants

    def stop(self) -> dict[str, Reading]:
        """Write what came, close the table; the constants that answer. A dead process is told in `failure`."""
        child, self._recording = self._child, False
        if child is None or (self.failure and not child.alive):
            return {}
        try:
            answer = self._asked(child, End(timeout_s=_CHECK_S).model_dump(mode="json"), _CHECK_S)
        except UnavailableError as gone:
            child.close(_KILL_S)
            self._fail(gone.sentence)
            return {}
        failure = answer.progress.failure or self.failure
        self._progress = answer.progress.model_copy(update={"failure": failure})
        if self.failure:
            child.close(_ANSWER_S)  # It holds on to the table that it could not write; the next run has a new one.
        return answer.constants

    def data_file(self) -> Path | None:
        """The table of the present run, or of the last one."""
        return self._path

    def pids(self) -> dict[str, int]:
        """The readings process, if there is one."""
        return {_NAME: self._child.pid} if self._child is not None and self._child.alive else {}

    def shutdown(self) -> None:
        """End the process; a table that is open is closed in order."""
        if self._child is not None:
            self._recording = False
            self._child.close(_ANSWER_S)
            self._child = None

    def _asked(self, child: Child, message: Message, timeout_s: float) -> Constants:
        return Constants.model_validate(child.ask(message, timeout_s + _ANSWER_S))

    def _living(self) -> Child | None:
        if self._child is not None and not self._child.alive:
            self._child.close(_ANSWER_S)
            self._child = self._start()
        return self._child

    def _start(self) -> Child:
        child = Child(_MODULE, name=_NAME, on_message=self._hear, on_exit=self._lose)
        configure = Configure(readings=self._readings, constants=self._constants, most_rows=self._most_rows)
        child.send(configure.model_dump(mode="json"))
        return child

    def _hear(self, message: Message) -> None:
        if "count" in message:
            self._progress = Progress.model_validate(message)

    def _lose(self, code: int) -> None:
        if self._recording:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            self._fail(f"The readings process {how}.")

    def _fail(self, sentence: str) -> None:
        if not self.failure:
            failure = f"{sentence} {self.count} readings are safe."
            self._progress = self._progress.model_copy(update={"failure": failure})


def _problems(silence: Silence) -> list[Problem]:
    """One for each PV that is named, and one for all others."""
    refusals = [refusal(silent, _CHECK_S) for silent in silence.first]
    problems = [Problem(code=error.code, sentence=error.sentence, remedy=error.remedy) for error in refusals]
    if others := silence.count - len(silence.first):
        problems.append(Problem(code="PV_TIMEOUT", sentence=f"{others} more PVs cannot be recorded either."))
    return problems
