"""What the parts of a worker ask about the others, and the answers of one that has its job database for itself."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Protocol

from beamsession.crew.lease import Lease
from beamsession.crew.position import FilePosition, Position
from beamsession.crew.roster import only_lock
from beamsession.model.errors import RefusedError


class Membership(Protocol):
    """A worker's place among those of its instrument. Methods raise UnavailableError."""

    @property
    def position(self) -> Position:
        """How far the log was followed."""
        ...

    def is_sure(self) -> bool:
        """Wait until our place is surely ours; False if it is lost for good."""
        ...

    @contextmanager
    def writing(self) -> Generator[None]:
        """Our turn to write the record in the data folders."""
        ...

    @contextmanager
    def absent(self, name: str) -> Generator[bool]:
        """Whether nobody works under `name`; while that is so nobody begins to."""
        ...

    @contextmanager
    def mustered(self) -> Generator[set[int] | None]:
        """The versions of all workers that live, while none begins; None if one is just beginning."""
        ...

    def start(self, lead: Callable[[], None], care: Callable[[], None]) -> None:
        """Have `lead` called once, as soon as it is ours to follow the log, and `care` now and then from then on."""
        ...

    def leave(self) -> None:
        """Say that we go."""
        ...


class Alone:
    """The only worker of its job database: its lock file keeps others away.

    `lease` keeps away those on other hosts, where the store can be reached from there.
    """

    def __init__(self, position: Path, version: int, lease: Lease | None = None) -> None:
        self._position = FilePosition(position)
        self._version = version
        self._lease = lease
        self._writing = Lock()

    @property
    def position(self) -> Position:
        """See `Membership`."""
        return self._position

    def is_sure(self) -> bool:
        """See `Membership`."""
        return self._lease is None or self._lease.await_held()

    @contextmanager
    def writing(self) -> Generator[None]:
        """See `Membership`."""
        with self._writing:
            yield

    @contextmanager
    def absent(self, name: str) -> Generator[bool]:
        """See `Membership`."""
        yield True

    @contextmanager
    def mustered(self) -> Generator[set[int] | None]:
        """See `Membership`."""
        yield {self._version}

    def start(self, lead: Callable[[], None], care: Callable[[], None]) -> None:
        """See `Membership`: it is ours at once, and nobody else leaves anything."""
        lead()

    def leave(self) -> None:
        """See `Membership`."""


def only_worker(store_url: str, instrument: str, lease_s: float, on_lost: Callable[[], None]) -> Lease:
    """The proof that no worker on another host serves the instrument, kept by the server of the store.

    Raises RefusedError WORKER_RUNNING and UnavailableError.
    """
    lease = Lease(store_url, lease_s)
    if not lease.take_within(lease_s / 2, *only_lock(instrument)):
        lease.close()
        raise RefusedError(
            f"A worker of {instrument} runs already, with a job database of its own.",
            code="WORKER_RUNNING",
            value=instrument,
            remedy="Stop that one first; several workers need one job database on PostgreSQL (store.jobs_url).",
        )
    lease.keep(on_lost)
    return lease
