"""The checksums of a run's files, taken as soon as the run has ended: what was just written need not come from disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

from beamsession.archive.real_name import real_name
from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.target import ChecksumAlgorithm
from beamsession.model.derived import home_session
from beamsession.model.errors import NotFoundError
from beamsession.model.event import Event
from beamsession.model.instrument import Instrument
from beamsession.model.run import Run
from beamsession.model.run_files import run_files
from beamsession.model.states import RunState
from beamsession.servers.worker import jobs
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.ingest.attempt import attempt_folder
from beamsession.servers.worker.ingest.checksum_store import ChecksumStore
from beamsession.servers.worker.ingest.hashing import Hashing, held
from beamsession.servers.worker.outcome import Ending, tried
from beamsession.store import Store

log = logging.getLogger(__name__)
_ENDS = frozenset(f"run_{state.value.lower()}" for state in RunState if state.is_verdict)
_PAUSE_S = 5.0
_MOST_TRIES = 3


class RunChecksums:
    """Durable work on one run, by its id; one at a time. Whatever becomes of it, the ingest takes what is missing."""

    def __init__(
        self,
        store: Store,
        instrument: Instrument,
        algorithm: ChecksumAlgorithm,
        folder: Path,
        hashing: Hashing,
        brake: Brake,
    ) -> None:
        self._store = store
        self._instrument = instrument
        self._algorithm = algorithm
        self._folder = folder
        self._hashing = hashing
        self._brake = brake
        self._alone = Lock()

    def run(self, run_id: int) -> str:
        """Take them; the last word of it, for the job database's own record."""
        for _ in range(_MOST_TRIES):
            found = jobs.step("checksums of a run", lambda: self._try(run_id))
            if found["ending"] != Ending.WAIT:
                break
            jobs.wait(_PAUSE_S)
        return str(found["text"] or found["value"])

    def _try(self, run_id: int) -> dict[str, Any]:
        with self._brake.work(), held(self._alone, self._brake.checkpoint):
            outcome = tried(lambda: self._take(run_id))
        if outcome.ending is not Ending.DONE:
            log.info("checksums of run %d are left to the ingest: %s", run_id, outcome.text)
        return outcome.model_dump(mode="json")

    def _take(self, run_id: int) -> str:
        run = self._store.run_with_id(run_id)
        session = self._store.session(home_session(run))
        if not session.state.is_editable:
            return "its session is archived"
        folder = self._instrument.data_root / session.folder
        store = ChecksumStore(attempt_folder(self._folder, session.id))
        with self._hashing.turn(session.id, self._brake.checkpoint):
            files = [file for file in _own_files(run, folder) if not store.has(file, self._algorithm)]
            self._hashing.read(
                folder,
                files,
                self._algorithm,
                keep=lambda taken: store.add(taken, self._algorithm),
                checkpoint=lambda counted: self._brake.checkpoint(),
                at_once=1,
            )
        return f"{len(files)} files of run {run.number} of session {run.session_id} read"


class RunChecksumTriggering:
    """Asks for a run's checksums at the event of its end; `enqueue` takes the run's id and a name for the work."""

    def __init__(self, store: Store, enqueue: Callable[[int, str], None]) -> None:
        self._store = store
        self._enqueue = enqueue

    def handle(self, event: Event) -> None:
        """React to one event; the same again does no harm."""
        if event.kind not in _ENDS or event.session_id is None or event.run_number is None:
            return
        try:
            run = self._store.run(event.session_id, event.run_number)
        except NotFoundError:
            return  # It was moved away since: its files are read with those of its new session.
        self._enqueue(run.id, str(event.seq))


def _own_files(run: Run, folder: Path) -> Iterator[ListedFile]:
    """The run's files in `folder` as they are now; others get another place before they are listed."""
    root = folder.resolve()
    for path in map(real_name, run_files(run)):
        if path.is_relative_to(root) and path.is_file():
            facts = path.stat()
            yield ListedFile(path.relative_to(root).as_posix(), facts.st_size, facts.st_mtime_ns)
