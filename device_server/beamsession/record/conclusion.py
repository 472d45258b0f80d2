"""What became of the other parts of a shared run: the leading recorder waits to be told, then gives the verdict."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

from beamsession.model.completeness import Completeness
from beamsession.model.errors import UnavailableError
from beamsession.model.parts import concluded
from beamsession.model.plan import RunPlan
from beamsession.model.report import RunReport
from beamsession.model.sentences import joined
from beamsession.model.states import RunState
from beamsession.record.deadline import DiskHand

_VISIBLE_S = 5.0  # a shared file system may show another host's new file that late
_PAUSE_S = 0.25


class UnconcludedError(Exception):
    """This process ends before it was told; the next one takes the wait up again."""


class Conclusion:
    """Waits for the outcomes of the other parts. Told twice, the first word counts."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._others: tuple[RunReport, ...] | None = None
        self._given_up = False

    def tell(self, others: tuple[RunReport, ...]) -> None:
        """These are the outcomes of all other parts."""
        with self._changed:
            if self._others is None:
                self._others = others
            self._changed.notify_all()

    def give_up(self) -> None:
        """Nobody will tell: the process ends."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def wait(self) -> tuple[RunReport, ...]:
        """The outcomes of the other parts, whenever they are told. Raises UnconcludedError."""
        with self._changed:
            self._changed.wait_for(lambda: self._others is not None or self._given_up)
            if self._others is None:
                raise UnconcludedError
            return self._others


def first_accounts(plan: RunPlan) -> tuple[Completeness, ...]:
    """The accounts of the plan's detectors when nothing has come yet."""
    return tuple(
        Completeness(detector=item.name, expected=expected, missing=expected or 0)
        for item in plan.detectors
        for expected in [plan.frames_of(item.name)]
    )


def whole_outcome(plan: RunPlan, own: RunReport, others: tuple[RunReport, ...], disk: DiskHand) -> RunReport:
    """The outcome of the run, with an account of each detector, in the plan's order, also where nobody gave one.

    A run is not complete where this host does not see another recorder's data file: the master would lead nowhere.
    """
    outcome = concluded((_seen_from_here(own, others, disk), *others))
    known = {account.detector: account for account in outcome.accounts}
    accounts = tuple(known.get(empty.detector, empty) for empty in first_accounts(plan.whole))
    return outcome.model_copy(update={"accounts": accounts})


def _seen_from_here(own: RunReport, others: tuple[RunReport, ...], disk: DiskHand) -> RunReport:
    files = [file for other in others for file in other.files]
    give_up = time.monotonic() + _VISIBLE_S
    while True:
        try:
            unseen = disk.do("look for the data files", lambda: _unseen(files))
        except UnavailableError as fault:
            unseen, sentence = files, fault.sentence
        else:
            sentence = f"It does not see {', '.join(file.name for file in unseen)}: is it another disk?"
        if not unseen or time.monotonic() > give_up:
            break
        time.sleep(_PAUSE_S)
    if not unseen:
        return own
    state = RunState.INCOMPLETE if own.state is RunState.COMPLETED else own.state
    return own.model_copy(update={"state": state, "reason": joined(own.reason, sentence)})


def _unseen(files: list[Path]) -> list[Path]:
    """Those that are not there. Listing a folder makes a shared file system forget what it remembers of it."""
    for folder in {file.parent for file in files}:
        with suppress(OSError):
            list(folder.iterdir())
    return [file for file in files if not file.exists()]
