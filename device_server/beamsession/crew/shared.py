"""One of several workers of an instrument, on any host, that share a job database on PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread

from beamsession.crew.job_server import connect, prepare
from beamsession.crew.lease import Lease
from beamsession.crew.position import Position, SharedPosition
from beamsession.crew.roster import Roster, lead_lock, muster_lock, name_lock
from beamsession.crew.shared_folder import mark_first, require_shared
from beamsession.model.errors import BeamsessionError, RefusedError, UnavailableError

log = logging.getLogger(__name__)
# Its holder may be ending, or who takes his work over may be keeping it for a moment.
_NAME_WAIT = 1 / 3
_MUSTER_WAIT_S = 20.0
_LOOKS = 8


class Shared:
    """See `Membership`. Made by `join`; every right ends with the lease, also where this process cannot tell."""

    def __init__(self, lease: Lease, roster: Roster, instrument: str, name: str, lease_s: float) -> None:
        self._lease = lease
        self._roster = roster
        self._instrument = instrument
        self._name = name
        self._period_s = lease_s / _LOOKS
        self._position = SharedPosition(roster)
        self._writing = Lock()
        self._ended = Event()

    @classmethod
    def join(
        cls,
        jobs_url: str,
        instrument: str,
        name: str,
        *,
        version: int,
        lease_s: float,
        folder: Path,
        adopts_folder: bool,
        on_lost: Callable[[], None],
    ) -> Shared:
        """Take the place of `name`. `version` is that of the steps we know, `folder` the one that all share.

        `adopts_folder`: it is another folder than before from now on. `on_lost` is called once, in any thread, when
        the place is lost. Raises RefusedError (WORKER_RUNNING, JOBS_TOO_NEW, FOLDER_NOT_SHARED), UnavailableError and
        OSError.
        """
        engine = connect(jobs_url, answer_s=lease_s / 2)
        prepare(engine)
        roster, lease = Roster(engine, instrument), Lease(jobs_url, lease_s)
        try:
            lease.keep(on_lost)
            member = cls(lease, roster, instrument, name, lease_s)
            if not lease.take_within(_NAME_WAIT * lease_s, *name_lock(instrument, name)):
                raise RefusedError(
                    f"A worker called '{name}' is at work for {instrument}: {roster.holder(name)}.",
                    code="WORKER_RUNNING",
                    value=name,
                    remedy="Stop that one first, or give this one another name (worker.name).",
                )
            member._enter(version, folder, adopts_folder=adopts_folder)
        except BaseException:
            lease.close()
            engine.dispose()
            raise
        return member

    @property
    def position(self) -> Position:
        """See `Membership`."""
        return self._position

    def is_sure(self) -> bool:
        """See `Membership`."""
        return self._lease.await_held()

    @contextmanager
    def writing(self) -> Generator[None]:
        """See `Membership`."""
        with self._writing, self._roster.turn("record"):
            yield

    @contextmanager
    def absent(self, name: str) -> Generator[bool]:
        """See `Membership`."""
        lock = name_lock(self._instrument, name)
        is_absent = name != self._name and self._lease.take(*lock)
        try:
            yield is_absent
        finally:
            if is_absent:
                self._lease.free(*lock)

    @contextmanager
    def mustered(self) -> Generator[set[int] | None]:
        """See `Membership`."""
        if not self._lease.take(*muster_lock(self._instrument)):
            yield None
            return
        try:
            yield set(self._roster.living().values())
        finally:
            self._lease.free(*muster_lock(self._instrument))

    def start(self, lead: Callable[[], None], care: Callable[[], None]) -> None:
        """See `Membership`."""
        Thread(target=self._run, args=(lead, care), name="crew", daemon=True).start()

    def leave(self) -> None:
        """See `Membership`; the locks go with the process."""
        self._ended.set()
        try:
            self._roster.leave(self._name)
        except UnavailableError as fault:
            log.info("nobody could be told that we go: %s", fault.text)

    def _enter(self, version: int, folder: Path, *, adopts_folder: bool) -> None:
        if not self._lease.take_within(_MUSTER_WAIT_S, *muster_lock(self._instrument)):
            raise UnavailableError(
                "Another worker is beginning and does not come to an end with it.",
                code="JOBS_BUSY",
                remedy="Look at its log; try again when it works or is stopped.",
            )
        try:
            others = {name: its for name, its in self._roster.living().items() if name != self._name}
            _require_not_older(version, others)
            self._share(folder, others, adopts_folder=adopts_folder)
            self._roster.enter(self._name, version)
        finally:
            self._lease.free(*muster_lock(self._instrument))

    def _share(self, folder: Path, others: dict[str, int], *, adopts_folder: bool) -> None:
        if adopts_folder:
            _require_none(others)
            self._roster.renew_mark()
        mark, is_marked = self._roster.folder_mark()
        if is_marked:
            require_shared(folder, mark)
            return
        mark_first(folder, mark, replaces=adopts_folder)
        self._roster.note_marked()

    def _run(self, lead: Callable[[], None], care: Callable[[], None]) -> None:
        leads = False
        while not self._ended.is_set():
            try:
                if not leads and self._lease.take(*lead_lock(self._instrument)):
                    lead()
                    leads = True
                    log.info("worker '%s' follows the log of %s", self._name, self._instrument)
                elif leads:
                    care()
            except BeamsessionError as fault:
                log.warning("looking after the other workers' work: %s", fault.text)
            except Exception:
                log.exception("looking after the other workers' work failed")
            self._ended.wait(self._period_s)


def _require_not_older(version: int, others: dict[str, int]) -> None:
    newer = [name for name, its in others.items() if its > version]
    if newer:
        raise RefusedError(
            f"The worker '{min(newer)}' is of a newer version and at work.",
            code="JOBS_TOO_NEW",
            value=version,
            remedy="Install the same version of beamsession here.",
        )


def _require_none(others: dict[str, int]) -> None:
    if others:
        raise RefusedError(
            f"The worker '{min(others)}' is at work in the folder as it was.",
            code="WORKER_RUNNING",
            value=min(others),
            remedy="Stop all workers of the instrument, then start one with --adopt-folder.",
        )
