"""The worker's process: wires the store, the data folders, the job database, the catalogue and the manager."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from threading import Event as Flag

import beamsession
from beamsession.archive.folder_record import FolderRecord
from beamsession.catalogue.client import CatalogueClient
from beamsession.config import Beamline, load
from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.event import Event
from beamsession.model.job import JobKind
from beamsession.model.states import IngestState
from beamsession.servers.logs import log_to_stderr
from beamsession.servers.worker.brake import Brake, rest
from beamsession.servers.worker.courier import Courier
from beamsession.servers.worker.hook_job import HookWork
from beamsession.servers.worker.import_job import ImportWork
from beamsession.servers.worker.ingest import FIRST_STEP, Ingest
from beamsession.servers.worker.job_runner import JobRunner, JobWork
from beamsession.servers.worker.job_trigger import JobTriggering
from beamsession.servers.worker.jobs import JobDatabase
from beamsession.servers.worker.keeper import Keeper
from beamsession.servers.worker.lock import WorkerLock
from beamsession.servers.worker.pack_job import PackWork
from beamsession.servers.worker.queues import IngestQueue, JobQueue
from beamsession.servers.worker.quick_look_job import QuickLookWork
from beamsession.servers.worker.reporter import ManagerReporter, Reporter
from beamsession.servers.worker.reports import ingest_progress
from beamsession.servers.worker.steps import IngestSteps
from beamsession.servers.worker.tail import Tail
from beamsession.servers.worker.trigger import IngestTriggering
from beamsession.servers.worker.zip_job import ZipWork
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
    ended = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    try:
        beamline = load(arguments.config)
        os.environ.update(beamline.environment)
        device = arguments.manager or _address(beamline)
        manager = TangoManager(device)
        reporter = ManagerReporter(manager, beamline.worker.name, beamline.worker_token_file)
        lock = _locked(beamline)
        store = _opened(beamline, ended)
        if store is None:
            return
        worker = Worker(beamline, store, reporter, device)
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
    """All parts of one worker; its maker holds the lock of the job database. `device` is the manager's address."""

    def __init__(self, beamline: Beamline, store: Store, reporter: Reporter, device: str) -> None:
        self._brake = Brake()
        self._store = store
        self._instrument = beamline.instrument_value()
        self._courier = Courier(reporter, self._brake)
        self._tail = self._tail_for(beamline.state)
        self._database = JobDatabase(beamline.jobs_url, beamline.worker.name)
        self._job_triggering = self._jobs_for(device, beamline.state)
        self._ingest_triggering = self._ingests_for(beamline)

    def start(self) -> None:
        """Take up what was left, then follow the log; returns at once."""
        self._courier.start()
        self._database.launch()
        self._job_triggering.take_up()
        if self._ingest_triggering:
            self._ingest_triggering.take_up()
        self._tail.start()

    def stop(self) -> None:
        """Halt where nothing is half done, 3 s at most; the process must end afterwards."""
        self._brake.pull()
        if not self._brake.wait_idle(_LAST_WORK_S):
            log.info("a step was cut short; it is done again at the next start")

    def _tail_for(self, state: Path) -> Tail:
        instrument = self._instrument
        record = FolderRecord(instrument.data_root, instrument.name, instrument.rules)
        return Tail(
            self._store,
            instrument.name,
            Keeper(self._store, instrument.name, record),
            state / "worker-position.json",
            self._brake,
            listener=self._handle,
            tick=self._tick,
        )

    def _jobs_for(self, device: str, state: Path) -> JobTriggering:
        works: dict[JobKind, JobWork] = {
            JobKind.ZIP: ZipWork(self._store, self._instrument, self._tail.bring_up_to_date),
            JobKind.IMPORT: ImportWork(self._courier.deliver, self._instrument.roots),
            JobKind.HOOK: HookWork(self._store, self._instrument, device, state),
            JobKind.QUICK_LOOK: QuickLookWork(self._store, self._instrument, state),
            JobKind.PACK: PackWork(self._store, self._instrument, state),
        }
        runner = JobRunner(works, self._store, self._courier, self._brake)
        queue = JobQueue(self._database, runner.run, runner.cancel)
        return JobTriggering(self._store, self._instrument.name, queue)

    def _ingests_for(self, beamline: Beamline) -> IngestTriggering | None:
        target = beamline.catalogue
        if target is None:
            # What was on its way rests until there is a catalogue again.
            IngestQueue(self._database, rest)
            return None
        steps = IngestSteps(
            store=self._store,
            instrument=self._instrument,
            target=target,
            client=CatalogueClient(target),
            folder=beamline.state / "ingest",
            seal=self._tail.seal,
            announce=self._announce,
            checkpoint=self._brake.checkpoint,
            software=f"beamsession {beamsession.__version__}",
        )
        ingest = Ingest(steps, self._courier, self._store, target, self._brake)
        queue = IngestQueue(self._database, ingest.run)
        return IngestTriggering(self._store, self._instrument.name, target.hold_s, queue)

    def _announce(self, session_id: int) -> None:
        self._courier.deliver(ingest_progress(session_id, IngestState.RUNNING, FIRST_STEP))

    def _handle(self, event: Event) -> None:
        self._job_triggering.handle(event)
        if self._ingest_triggering:
            self._ingest_triggering.handle(event)

    def _tick(self) -> None:
        if self._ingest_triggering:
            self._ingest_triggering.tick()


def _locked(beamline: Beamline) -> WorkerLock:
    beamline.state.mkdir(parents=True, exist_ok=True)
    return WorkerLock.hold(beamline.state / "worker.lock", beamline.worker.name)


def _opened(beamline: Beamline, ended: Flag) -> Store | None:
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
