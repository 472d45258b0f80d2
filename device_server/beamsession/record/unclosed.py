"""The masters that could not be closed when their run ended, for want of room most often: closed as soon as it works.

A file that says RECORDING for ever misleads whoever finds it. Each such master is kept in the journal with the verdict
of its run, and is tried again while no run is recorded, by a process of its own: a run never waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from beamsession.model.errors import BeamsessionError
from beamsession.model.plan import RunKey
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import Problem
from beamsession.record.deadline import DiskHand, sentence_of
from beamsession.record.journal import Journal, UnclosedMaster
from beamsession.record.masters import Masters

MOST = 100
_EVERY_S = 30.0
_log = logging.getLogger(__name__)


class UnclosedMasters:
    """Keeps them, the oldest `MOST`; a thread tries the oldest every 30 s and at once after each run, while idle."""

    def __init__(
        self,
        known: Sequence[UnclosedMaster],
        journal: Journal,
        readings: Sequence[ReadingConfig],
        disk: DiskHand,
        is_idle: Callable[[], bool],
        every_s: float = _EVERY_S,
    ) -> None:
        """`known` are those of earlier processes; `readings` those that the recorder was configured with."""
        self._journal = journal
        self._readings = readings
        self._masters: Masters | None = None
        self._disk = disk
        self._is_idle = is_idle
        self._every_s = every_s
        self._lock = threading.Lock()
        self._entries = {entry.plan.key: entry for entry in known}
        self._wake = threading.Event()
        if known:
            self._wake.set()
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="unclosed masters", daemon=True)
        self._thread.start()

    def keep(self, entry: UnclosedMaster) -> None:
        """Write this one down and try it later. Raises UnavailableError (JOURNAL_NOT_WRITABLE)."""
        with self._lock:
            if len(self._entries) >= MOST and entry.plan.key not in self._entries:
                _log.error("%s is not closed: %d others wait for that already", entry.plan.master, MOST)
                return
        self._journal.write_unclosed(entry)
        with self._lock:
            self._entries[entry.plan.key] = entry

    def forget(self, key: RunKey) -> None:
        """This one is closed, or gone; one that was never kept is well."""
        with self._lock:
            if key not in self._entries:
                return
        self._journal.forget_unclosed(key)
        with self._lock:
            self._entries.pop(key, None)

    def try_soon(self) -> None:
        """The recorder has nothing to do: try now."""
        self._wake.set()

    def problems(self) -> tuple[Problem, ...]:
        """One that names the oldest and counts the others; waits for nothing that the disk does."""
        with self._lock:
            entries = tuple(self._entries.values())
        if not entries:
            return ()
        first, *more = entries
        others = f" ({len(more)} more wait as well)" if more else ""
        return (
            Problem(
                code="MASTER_UNCLOSED",
                sentence=f"The master {first.plan.master.name} could not be closed yet{others}: {first.why}",
                remedy="It is tried again while no run is recorded.",
                blocks=False,
            ),
        )

    def shutdown(self, patience_s: float) -> None:
        """Stop trying; the next process goes on."""
        self._ended = True
        self._wake.set()
        if (masters := self._masters) is not None:
            masters.shutdown(patience_s)
        self._thread.join(patience_s)

    def _work(self) -> None:
        while not self._ended:
            self._wake.wait(self._every_s)
            self._wake.clear()
            if self.problems():
                self._try_all()

    def _try_all(self) -> None:
        """One after the other, until one fails or a run begins."""
        self._masters = masters = Masters(self._readings, eager=False)
        try:
            while not self._ended and self._is_idle() and self._try_oldest(masters):
                pass
        except Exception:
            _log.exception("the masters that wait to be closed could not be tried")
        finally:
            masters.shutdown(1.0)

    def _try_oldest(self, masters: Masters) -> bool:
        """Whether one is done and the next may be tried. One that fails is the last then: none stands in the way."""
        with self._lock:
            entry = next(iter(self._entries.values()), None)
        if entry is None:
            return False
        plan = entry.plan
        try:
            if self._disk.do(f"look for {plan.master}", lambda: _is_gone(entry)):
                _log.warning("%s is gone: it is not closed any more", plan.master)
            else:
                masters.close(
                    plan, entry.report, constants_start=entry.constants_start, constants_end=entry.constants_end
                )
                _log.info("%s is closed at last", plan.master)
            self._disk.do("the journal", lambda: self.forget(plan.key))
        except (BeamsessionError, OSError) as fault:
            _log.warning("%s could not be closed yet: %s", plan.master, sentence_of(fault))
            why = fault.sentence if isinstance(fault, BeamsessionError) else sentence_of(fault)
            with self._lock:
                if self._entries.pop(plan.key, None):
                    self._entries[plan.key] = entry.model_copy(update={"why": why})
            return False
        return True


def _is_gone(entry: UnclosedMaster) -> bool:
    """Whether somebody has removed it. Where the whole data root is empty or missing, the disk is not mounted."""
    root = entry.plan.data_root
    return not entry.plan.master.exists() and root.is_dir() and any(root.iterdir())
