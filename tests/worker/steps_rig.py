"""The steps of ingests in this process: real store, verbs and files, the stand-in over HTTP; no job database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beamsession.archive.folder_record import FolderRecord
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.session import Session
from beamsession.model.states import IngestState
from beamsession.record.recorder import Recorder
from beamsession.servers.worker.ingest.freezer import Freezer
from beamsession.servers.worker.ingest.hashing import Hashing
from beamsession.servers.worker.ingest.picture_sending import PictureSender
from beamsession.servers.worker.ingest.server_pids import ServerPids
from beamsession.servers.worker.ingest.steps import IngestSteps
from beamsession.servers.worker.keeper import Keeper
from beamsession.servers.worker.outcome import Ending, Outcome, tried
from beamsession.servers.worker.reports import Report, ingest_frozen, ingest_progress, session_archived
from verb_desk import WORKER, Desk, open_desk

_PAUSE_S = 0.05
_MOST_TRIES = 100


def quiet(_detail: str) -> None:
    """Nobody is shown how far it is."""


class StepsRig:
    """One catalogue as one account sees it, and sessions on their way there."""

    def __init__(self, desk: Desk, target: CatalogueTarget, folder: Path) -> None:
        self.desk = desk
        self.target = target
        self.folder = folder
        self.client = CatalogueClient(target)
        self.steps = self.steps_with(self.client, folder)

    def steps_with(self, client: CatalogueClient, folder: Path) -> IngestSteps:
        """The steps of a worker whose frozen parcels are in `folder`."""
        store, instrument = self.desk.store, self.desk.instrument
        record = FolderRecord(instrument.data_root, instrument.name, instrument.rules)
        freezer = Freezer(
            store=store,
            instrument=instrument,
            target=self.target,
            client=client,
            seal=Keeper(store, instrument.name, record).seal,
            checkpoint=lambda: None,
            software="drill",
        )
        return IngestSteps(
            store=store,
            client=client,
            freezer=freezer,
            pictures=PictureSender(client, self.target),
            folder=folder,
            announce=lambda number: self._send(ingest_progress(number, IngestState.RUNNING, "files")),
            present=lambda number, datasets: self._send(ingest_frozen(number, "files", datasets)),
            checkpoint=lambda: None,
            hashing=Hashing(2),
            settle_s=self.target.settle_s,
            server_pids=ServerPids(client, self.target, lambda: None) if self.target.pid_mode == "server" else None,
        )

    def completed_session(self, files: dict[str, bytes], runs: tuple[str, ...] = ()) -> Session:
        """A session with these files, of which `runs` are registered as such."""
        self.desk.ask("session_start", name="drill")
        session = self.desk.session
        folder = self.desk.instrument.data_root / session.folder
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        for name in runs:
            self.desk.ask("run_register", path=str(folder / name))
        self.desk.ask("session_complete")
        return self.session(session.id)

    def session(self, session_id: int) -> Session:
        """As the store has it now."""
        return self.desk.store.session(session_id)

    def ingest(self, session_id: int, steps: IngestSteps | None = None) -> Outcome:
        """Do all steps, each until it is done, or parked: that outcome; DONE when the session is archived."""
        steps = steps or self.steps
        outcome = _until_settled(lambda: steps.freeze(session_id, quiet))
        if outcome.ending is not Ending.DONE:
            return outcome
        parcels: list[dict[str, Any]] = outcome.value
        for action in _actions(steps, session_id, parcels):
            outcome = _until_settled(action)
            if outcome.ending is not Ending.DONE:
                return outcome
        self._send(session_archived(session_id, parcels[0]["pid"], steps.dataset_name(session_id)))
        return outcome

    def close(self) -> None:
        self.client.close()

    def _send(self, report: Report) -> None:
        self.desk.ask(report.verb, by=WORKER, **report.arguments)


@contextmanager
def steps_rig(folder: Path, recorder: Recorder, target: CatalogueTarget) -> Iterator[StepsRig]:
    """A rig with all its files below `folder`, which is made."""
    folder.mkdir()
    with open_desk(folder, recorder) as desk:
        rig = StepsRig(desk, target, folder / "ingest")
        try:
            yield rig
        finally:
            rig.close()


def _actions(steps: IngestSteps, session_id: int, parcels: list[dict[str, Any]]) -> Iterator[Callable[[], Any]]:
    """In the order of the real ingest."""
    yield lambda: steps.take_checksums(session_id, quiet)
    for number, parcel in enumerate(parcels, start=1):
        yield lambda number=number: steps.create_dataset(session_id, number)
        for block in range(parcel["blocks"]):
            yield lambda number=number, block=block: steps.store_block(session_id, number, block)
        yield lambda number=number: steps.verify(session_id, number)


def _until_settled(action: Callable[[], Any]) -> Outcome:
    for _ in range(_MOST_TRIES):
        outcome = tried(action)
        if outcome.ending is not Ending.WAIT:
            return outcome
        time.sleep(_PAUSE_S)
    raise AssertionError(f"still waiting after {_MOST_TRIES} tries: {outcome.text}")
