"""Decides what one session's ingest consists of: its files, the parcels they make, and what is said of each."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from beamsession.archive.derived_files import is_derived
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.describe import describe
from beamsession.catalogue.fault import CatalogueError
from beamsession.catalogue.lookups import Instruments, Lookup
from beamsession.catalogue.manifest import ListedFile, list_files
from beamsession.catalogue.subject import Subject
from beamsession.catalogue.target import CatalogueTarget, Unit
from beamsession.model.derived import home_session, stem_of
from beamsession.model.errors import RefusedError
from beamsession.model.instrument import Instrument
from beamsession.model.run import Run
from beamsession.model.session import Session
from beamsession.servers.worker.ingest.attempt import SESSION_S_OWN, Attempt, Frozen, Parcel
from beamsession.servers.worker.ingest.attempt_writing import AttemptWriter, new_attempt
from beamsession.servers.worker.ingest.former_attempt import take_over
from beamsession.servers.worker.ingest.run_pictures import RunPicture, run_pictures, session_pictures
from beamsession.servers.worker.ingest.server_pids import ServerPids
from beamsession.servers.worker.ingest.session_files import MOVED, Gathered, gather
from beamsession.store import Store

log = logging.getLogger(__name__)
_MADE_OF_A_RUN = re.compile(rf"({MOVED}/\d+/)?(run_\d{{4,}})[._]")
Tell = Callable[[str], None]
"""Shows a person how far it is."""


class Freezer:
    """Methods raise BeamsessionError (CatalogueError among them) and OSError.

    `seal` brings the session's own record to its final state before the files are listed. `checkpoint` is called in
    the middle of long work.
    """

    def __init__(
        self,
        *,
        store: Store,
        instrument: Instrument,
        target: CatalogueTarget,
        client: CatalogueClient,
        seal: Callable[[Session], None],
        checkpoint: Callable[[], None],
        software: str,
    ) -> None:
        self._store = store
        self._instrument = instrument
        self._target = target
        self._client = client
        self._instruments = Instruments(client)
        self._server_pids = ServerPids(client, target, checkpoint) if target.pid_mode == "server" else None
        self._seal = seal
        self._checkpoint = checkpoint
        self._software = software

    def freeze(self, session: Session, attempt: Attempt, tell: Tell) -> None:
        """Keep in `attempt` what is to be sent, unless part of it may be in the catalogue: that stays as it is."""
        take_over(attempt, self._target)
        if self._may_be_sent(session, attempt):
            return
        # Before the files are listed, which may take long: a catalogue that is down is asked again and again.
        subject, lookup = self._subject(session), Lookup(self._client, self._target, self._instruments)
        lookup.facts(subject)
        gathered = gather(self._store, self._instrument, session, self._checkpoint)
        self._seal(session)
        skipped = list(gathered.skipped)
        folder = self._instrument.data_root / session.folder
        files = list_files(folder, gathered.expected, gathered.left_out, is_derived, skipped.append)
        run_of = run_of_files(self._target.unit, session, gathered, folder)
        with new_attempt(attempt) as writer:
            writer.add_files(
                ((file, run_of(file.path)) for file in self._interrupted(files)),
                lambda count: tell(f"{count} files listed"),
            )
            frozen = Frozen(folder, self._target.checksum, session.stop, len(set(skipped)))
            subject = replace(subject, runs=gathered.runs, referenced=[str(path) for path in gathered.referenced])
            self._add_parcels(writer, subject, lookup, writer.cut(self._target.blocks, frozen))
            writer.add_header(frozen)

    def may_be_stored(self, pid: str) -> bool:
        """Whether the catalogue has the dataset, or does not let us look. Raises CatalogueError."""
        try:
            return self._client.dataset(pid) is not None
        except CatalogueError as fault:
            if fault.status != 403:
                raise
            return True

    def _may_be_sent(self, session: Session, attempt: Attempt) -> bool:
        if not attempt.is_frozen:
            return False
        tried = [attempt.parcel(number) for number in attempt.marked("create")]
        if attempt.frozen().is_of(session):
            return any(self._is_perhaps_stored(attempt, parcel) for parcel in tried)
        for parcel in tried:
            self._require_unknown(attempt, parcel)
        return False

    def _is_perhaps_stored(self, attempt: Attempt, parcel: Parcel) -> bool:
        if self._server_pids is not None:
            return self._server_pids.may_be_stored(parcel, attempt.marks(parcel.number))
        return self.may_be_stored(parcel.pid)

    def _require_unknown(self, attempt: Attempt, parcel: Parcel) -> None:
        """What was sent before the session was opened again must not have arrived."""
        if self._server_pids is None:
            is_unknown = self._client.dataset(parcel.pid) is None
        else:
            is_unknown = not self._server_pids.may_be_stored(parcel, attempt.marks(parcel.number))
        if is_unknown:
            return
        pid = parcel.pid
        raise RefusedError(
            f"The catalogue has the session under {pid} as it was before it was opened again.",
            code="CATALOGUE_CONFLICT",
            value=pid,
            remedy="Let the catalogue's administrators remove that dataset, then ask for the ingest again.",
        )

    def _subject(self, session: Session) -> Subject:
        ingest = self._store.ingest(session.id)
        overlay = ingest.overlay if ingest else {}
        return Subject(session, (), self._instrument, software=self._software, overlay=overlay)

    def _add_parcels(self, writer: AttemptWriter, subject: Subject, lookup: Lookup, blocks: dict[int, int]) -> None:
        """The session's own comes first; runs that have no files are told of there only."""
        if SESSION_S_OWN in blocks:
            self._add_parcel(writer, subject, lookup, blocks[SESSION_S_OWN])
        for run in sorted(subject.runs, key=lambda run: run.number):
            if run.number in blocks:
                self._checkpoint()
                self._add_parcel(writer, replace(subject, run=run), lookup, blocks[run.number])

    def _add_parcel(self, writer: AttemptWriter, subject: Subject, lookup: Lookup, blocks: int) -> None:
        description = describe(subject, self._target, lookup.facts(subject))
        document = description.required()
        for problem in description.warnings:
            log.warning("session %d, %s: %s", subject.session.id, description.pid, problem.text)
        writer.add_parcel(
            pid=description.pid,
            run=subject.run.number if subject.run else SESSION_S_OWN,
            document=document,
            blocks=blocks,
            attachments=[picture.model_dump(mode="json") for picture in self._pictures(subject)],
        )

    def _pictures(self, subject: Subject) -> list[RunPicture]:
        where = self._store, self._instrument, self._target, subject.session
        if subject.run is not None:
            return run_pictures(*where, subject.run)
        # Where each run is a dataset of its own, its picture is there.
        return session_pictures(*where, subject.runs) if self._target.unit is Unit.SESSION else []

    def _interrupted(self, files: Iterator[ListedFile]) -> Iterator[ListedFile]:
        for file in files:
            self._checkpoint()
            yield file


def run_of_files(unit: Unit, session: Session, gathered: Gathered, folder: Path) -> Callable[[str], int]:
    """Tells which run a file (by its path in the folder) belongs to, SESSION_S_OWN for none."""
    if unit is Unit.SESSION:
        return lambda path: SESSION_S_OWN
    root = folder.resolve()
    of_runs = {path.relative_to(root).as_posix(): number for path, number in gathered.of_runs.items()}
    by_name = {_stem(session, run): run.number for run in gathered.runs}
    return lambda path: _named_run(path, of_runs, by_name)


def _named_run(path: str, of_runs: dict[str, int], by_name: dict[str, int]) -> int:
    """By the files and folders that the runs name, else by what its name says that it was made of."""
    place = path
    while place:
        if place in of_runs:
            return of_runs[place]
        place = place.rpartition("/")[0]
    found = _MADE_OF_A_RUN.match(path)
    return by_name.get((found[1] or "") + found[2], SESSION_S_OWN) if found else SESSION_S_OWN


def _stem(session: Session, run: Run) -> str:
    home = home_session(run)
    return stem_of(run) if home == session.id else f"{MOVED}/{home:06d}/{stem_of(run)}"
