"""Reading the data folders of all instruments of a store, and writing what they tell into a new one."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from sqlalchemy import make_url

from beamsession.archive.found_products import found_jobs
from beamsession.archive.read_record import RootRecord, read_record
from beamsession.config import Beamline, load
from beamsession.crew.closed import closed
from beamsession.crew.position import FilePosition, SharedPosition
from beamsession.crew.roster import Roster
from beamsession.model.clock import utc_now
from beamsession.model.errors import InvalidInputError, RefusedError
from beamsession.model.principal import Caller, Principal
from beamsession.store.instrument_lock import InstrumentLock
from beamsession.store.restore import StoreContents, lost_numbers, merged, numbered, require_whole, restore
from beamsession.user_name import user_name

_BESIDE = ("-wal", "-shm")
_SQLITE_FILES = ("", *_BESIDE)
_POSITION = "worker-position.json"


@dataclass(frozen=True)
class Rebuild:
    """What is to be done: what the folders tell, and the store that gets it."""

    beamlines: tuple[Beamline, ...]
    records: tuple[RootRecord, ...]
    contents: StoreContents

    @property
    def url(self) -> str:
        """The store's."""
        return self.beamlines[0].store_url

    @property
    def lost(self) -> tuple[tuple[int, int], ...]:
        """Ranges of event numbers that are nowhere."""
        return lost_numbers(self.contents.events)


def read(configs: Sequence[Path], *, allow_gaps: bool) -> Rebuild:
    """Read the data roots of these configurations.

    Raises ConfigError, InvalidInputError (SEVERAL_STORES, SAME_INSTRUMENT), RefusedError (ROOT_MISSING,
    EVENTS_MISSING), ConflictError EVENTS_DIFFER.
    """
    beamlines = tuple(load(path) for path in configs)
    _require_one_store(beamlines)
    records = tuple(_read(beamline) for beamline in beamlines)
    events = merged(record.events for record in records)
    if not allow_gaps:
        require_whole(events)
    told = [session for record in records for session in record.sessions]
    runs = numbered([run for item in told for run in item.runs])
    contents = StoreContents(
        sessions=[item.session for item in told],
        runs=runs,
        files=[file for item in told for file in item.files],
        ingests=[item.ingest for item in told if item.ingest is not None],
        events=events,
        last_session_id=max(record.last_session_id for record in records),
        jobs=[
            job
            for beamline, record in zip(beamlines, records, strict=True)
            for job in found_jobs(
                beamline.instrument_value().data_root,
                {item.session.id: item.session for item in record.sessions},
                runs,
                record.events,
            )
        ],
    )
    return Rebuild(beamlines, records, contents)


def write(plan: Rebuild, *, replace: bool) -> None:
    """Write the store. With `replace`, the new one takes the place of what is there as soon as it is whole.

    At every moment there is a whole store in that place: a manager that starts after a kill never makes an empty one.

    Raises UnavailableError INSTRUMENT_LOCKED, RefusedError (WORKER_RUNNING, NOT_REPLACEABLE) and what `restore` raises.
    """
    caller = Caller(Principal(user_name(), plan.beamlines[0].operator.role), "cli")
    instruments = [record.instrument for record in plan.records]
    rosters: list[Roster | None] = []
    with ExitStack() as held:
        for beamline, instrument in zip(plan.beamlines, instruments, strict=True):
            held.enter_context(InstrumentLock(beamline.state, instrument))
            held.enter_context(_without_worker(beamline.state))
            rosters.append(held.enter_context(closed(beamline.jobs_url, beamline.store_url, instrument)))
        present = _sqlite_file(plan.url, replace=replace)
        if present is None:
            _rewind_workers(plan, rosters)
            restore(plan.url, plan.contents, caller, instruments)
            return
        coming = present.with_name(f".{present.name}.rebuilt")
        _remove(coming)
        restore(f"sqlite:///{coming}", plan.contents, caller, instruments)
        _rewind_workers(plan, rosters)
        aside = _linked_aside(present)
        for suffix in _BESIDE:
            present.with_name(present.name + suffix).unlink(missing_ok=True)  # SQLite would read it into the new one
        coming.replace(present)
        print(f"The store that was there is {aside} now.", file=sys.stderr)


def _linked_aside(present: Path) -> Path:
    """A second name of the store that is there, which keeps it when the first one is another's."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(present)) as store:  # a damaged one stays as it is
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside = present.with_name(f"{present.name}.lost-{utc_now():%Y%m%dT%H%M%S%fZ}")
    for suffix in _SQLITE_FILES:
        part = present.with_name(present.name + suffix)
        if part.exists():
            aside.with_name(aside.name + suffix).hardlink_to(part)
    return aside


def _remove(store: Path) -> None:
    """Remove what an attempt that failed or was killed has left."""
    for suffix in _SQLITE_FILES:
        store.with_name(store.name + suffix).unlink(missing_ok=True)


def _read(beamline: Beamline) -> RootRecord:
    instrument, console = beamline.instrument_value(), Console(stderr=True)
    with console.status(f"Reading {instrument.data_root}") as status:
        return read_record(
            instrument.data_root,
            instrument.name,
            instrument.folder_template,
            lambda folder: status.update(f"Reading {folder}"),
        )


def _require_one_store(beamlines: Sequence[Beamline]) -> None:
    urls = list(dict.fromkeys(beamline.store_url for beamline in beamlines))
    if len(urls) > 1:
        raise InvalidInputError(
            "The configurations name different stores.",
            code="SEVERAL_STORES",
            value=[make_url(url).render_as_string(hide_password=True) for url in urls],
            remedy="Rebuild one store after the other.",
        )
    names = [beamline.instrument.name for beamline in beamlines]
    if len(set(names)) < len(names):
        raise InvalidInputError(
            "Two configurations are of the same instrument.",
            code="SAME_INSTRUMENT",
            value=names,
            remedy="Give one configuration for each instrument.",
        )


def _sqlite_file(url: str, *, replace: bool) -> Path | None:
    """The file to be replaced, None where there is none or none is to be."""
    if not replace:
        return None
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise RefusedError(
            "Only a SQLite file can be moved aside.",
            code="NOT_REPLACEABLE",
            value=parsed.render_as_string(hide_password=True),
            remedy="Rename the old database and make an empty one of its name, then rebuild without --replace.",
        )
    path = Path(str(parsed.database))
    return path if path.exists() else None


def _rewind_workers(plan: Rebuild, rosters: Sequence[Roster | None]) -> None:
    """Where a worker has read more of the lost store than will be in the new one, it goes on at the new one's end.

    Done before the new one is there: a worker that began with it behind its end would pass over what comes next.
    """
    last = plan.contents.events[-1].seq if plan.contents.events else 0
    for beamline, roster in zip(plan.beamlines, rosters, strict=True):
        position = SharedPosition(roster) if roster else FilePosition(beamline.state / _POSITION)
        if position.load() > last:
            position.save(last)


@contextmanager
def _without_worker(state: Path) -> Iterator[None]:
    """No worker may run meanwhile, and go on reading a store that is not the present one any more."""
    path = state / "worker.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
        raise RefusedError(
            f"A worker runs: {holder}.",
            code="WORKER_RUNNING",
            value=str(path),
            remedy="Stop everything of the beamline first.",
        ) from fault
