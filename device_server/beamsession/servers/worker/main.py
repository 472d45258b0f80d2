"""The worker's process: wires the store, the data folders, the job database, the catalogue and the manager."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from threading import Event

import beamsession
from beamsession.archive.folder_record import FolderRecord
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.target import CatalogueTarget
from beamsession.config import Beamline, load
from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.instrument import Instrument
from beamsession.servers.logs import log_to_stderr
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.courier import Courier
from beamsession.servers.worker.ingest import Ingest
from beamsession.servers.worker.jobs import Jobs
from beamsession.servers.worker.keeper import Keeper
from beamsession.servers.worker.lock import WorkerLock
from beamsession.servers.worker.reporter import IngestReporter, ManagerReporter
from beamsession.servers.worker.steps import IngestSteps
from beamsession.servers.worker.tail import Tail
from beamsession.servers.worker.trigger import IngestTriggering
from beamsession.store import Store

log = logging.getLogger(__name__)
_LAST_WORK_S = 3.0
_STORE_PERIOD_S = 0.5


def main() -> None:
    """`--config FILE`: run until SIGTERM or SIGINT; exit code 1 with one sentence when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m beamsession.servers.worker", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the beamline's TOML file")
    parser.add_argument(
        "--manager", default="", metavar="ADDRESS", help="the manager's full address where no Tango database knows it"
    )
    arguments = parser.parse_args()
    log_to_stderr()
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    try:
        beamline = load(arguments.config)
        os.environ.update(beamline.environment)
        manager = TangoManager(arguments.manager or _address(beamline))
        reporter = ManagerReporter(manager, beamline.worker.name, beamline.worker_token_file)
        lock = _locked(beamline)
        store = _opened(beamline, ended)
        if store is None:
            return
        worker = Worker(beamline, store, reporter)
        worker.start()
    except BeamsessionError as fault:
        print(fault.text, file=sys.stderr)
        sys.exit(1)
    (beamline.state / "worker.ready").write_text(str(os.getpid()), encoding="utf-8")
    log.info("worker '%s' is at work", beamline.worker.name)
    ended.wait()
    worker.stop()
    lock.release()
    logging.shutdown()
    # Threads that wait for days cannot be joined; everything that must last is on the disk.
    os._exit(0)


class Worker:
    """All parts of one worker; its maker holds the lock of the job database."""

    def __init__(self, beamline: Beamline, store: Store, reporter: IngestReporter) -> None:
        state, instrument = beamline.state, beamline.instrument_value()
        self._brake = Brake()
        self._store = store
        record = FolderRecord(instrument.data_root, instrument.name, instrument.rules)
        self._keeper = Keeper(self._store, instrument.name, record)
        self._jobs: Jobs | None = None
        self._triggering: IngestTriggering | None = None
        if beamline.catalogue is not None:
            self._jobs = Jobs(beamline.jobs_url, beamline.worker.name)
            self._triggering = IngestTriggering(self._store, instrument.name, beamline.catalogue, self._jobs)
        self._tail = Tail(
            self._store,
            instrument.name,
            self._keeper,
            state / "worker-position.json",
            self._brake,
            listener=self._triggering.handle if self._triggering else lambda _event: None,
            tick=self._triggering.tick if self._triggering else lambda: None,
        )
        self._courier = Courier(reporter, self._brake)
        self._ingest = self._ingest_for(beamline.catalogue, instrument, state) if beamline.catalogue else None

    def start(self) -> None:
        """Take up what was left, then follow the log; returns at once."""
        self._courier.start()
        if self._jobs and self._triggering and self._ingest:
            self._jobs.launch(self._ingest.run)
            self._triggering.take_up()
        self._tail.start()

    def stop(self) -> None:
        """Halt where nothing is half done, 3 s at most; the process must end afterwards."""
        self._brake.pull()
        if not self._brake.wait_idle(_LAST_WORK_S):
            log.info("a step was cut short; it is done again at the next start")

    def _ingest_for(self, target: CatalogueTarget, instrument: Instrument, state: Path) -> Ingest:
        steps = IngestSteps(
            store=self._store,
            instrument=instrument,
            target=target,
            client=CatalogueClient(target),
            folder=state / "ingest",
            seal=self._tail.seal,
            checkpoint=self._brake.checkpoint,
            software=f"beamsession {beamsession.__version__}",
        )
        return Ingest(steps, self._courier, self._store, target, self._brake)


def _locked(beamline: Beamline) -> WorkerLock:
    beamline.state.mkdir(parents=True, exist_ok=True)
    return WorkerLock.hold(beamline.state / "worker.lock", beamline.worker.name)


def _opened(beamline: Beamline, ended: Event) -> Store | None:
    """The store, which the manager makes and may be about to make; None when told to stop first."""
    told = False
    while True:
        try:
            return Store.open(beamline.store_url, migrate=False)
        except UnavailableError as fault:
            if not told:
                log.warning("waiting for the store: %s", fault.text)
                told = True
        if ended.wait(_STORE_PERIOD_S):
            return None


def _address(beamline: Beamline) -> str:
    tango = beamline.tango
    return f"tango://{tango.host}/{tango.manager}" if tango.host else tango.manager
