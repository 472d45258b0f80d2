"""The worker's process: wires the store, the data folders, the job database, the catalogue and the manager."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag

import beamsession
from beamsession.archive.folder_record import FolderRecord
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.ingestor import IngestorTarget
from beamsession.catalogue.target import CatalogueTarget, ChecksumAlgorithm
from beamsession.config import Beamline, load, named
from beamsession.crew.job_server import is_shared
from beamsession.crew.membership import Membership
from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.event import Event
from beamsession.model.job import JobKind
from beamsession.model.states import IngestState
from beamsession.servers.logs import log_to_stderr
from beamsession.servers.worker.brake import Brake, rest
from beamsession.servers.worker.care import Care
from beamsession.servers.worker.courier import Courier
from beamsession.servers.worker.hooks.job import HookWork
from beamsession.servers.worker.import_job import ImportWork
from beamsession.servers.worker.ingest.breaker import Breaker
from beamsession.servers.worker.ingest.delivery import FIRST_STEP, CatalogueDelivery, Delivery, IngestorDelivery
from beamsession.servers.worker.ingest.freezer import Freezer
from beamsession.servers.worker.ingest.hashing import Hashing
from beamsession.servers.worker.ingest.picture_sending import PictureSender
from beamsession.servers.worker.ingest.preview_jobs import DryRunWork, PayloadWork
from beamsession.servers.worker.ingest.run_checksums import RunChecksums, RunChecksumTriggering
from beamsession.servers.worker.ingest.server_pids import ServerPids
from beamsession.servers.worker.ingest.steps import IngestSteps
from beamsession.servers.worker.ingest.trigger import IngestTriggering
from beamsession.servers.worker.ingest.workflow import Ingest
from beamsession.servers.worker.ingestor.steps import IngestorSteps
from beamsession.servers.worker.job_runner import JobRunner, JobWork
from beamsession.servers.worker.job_trigger import JobTriggering
from beamsession.servers.worker.jobs import JobDatabase
from beamsession.servers.worker.keeper import Keeper
from beamsession.servers.worker.lock import WorkerLock
from beamsession.servers.worker.pack_job import PackWork
from beamsession.servers.worker.place import Place
from beamsession.servers.worker.queues import ChecksumQueue, IngestQueue, JobQueue
from beamsession.servers.worker.quick_look_job import QuickLookWork
from beamsession.servers.worker.reporter import ManagerReporter, Reporter
from beamsession.servers.worker.reports import (
    catalogue_standing,
    ingest_frozen,
    ingest_progress,
    ingestor_begins,
    ingestor_ended,
)
from beamsession.servers.worker.tail import Tail
from beamsession.servers.worker.zip_job import ZipWork
from beamsession.store import Store

log = logging.getLogger(__name__)
_LAST_WORK_S = 3.0
_STORE_PERIOD_S = 0.5


def main() -> None:
    """`--config FILE`: run until SIGTERM or SIGINT; exit code 1 with one sentence when it cannot start."""
    parser = argparse.ArgumentParser(prog="beamsession worker", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the beamline's TOML file")
    parser.add_argument(
        "--manager", default="", metavar="ADDRESS", help="the manager's full address where no Tango database knows it"
    )
    parser.add_argument(
        "--name", default="", metavar="NAME", help="this worker's name, where several read the same file (worker.name)"
    )
    parser.add_argument(
        "--adopt-folder",
        action="store_true",
        help="the shared folder (worker.folder) was moved or lost, and is another one from now on",
    )
    arguments = parser.parse_args()
    log_to_stderr()
    ended = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    place = Place(ended)
    try:
        beamline = load(arguments.config)
        if arguments.name:
            beamline = named(beamline, arguments.name)
        os.environ.update(beamline.environment)
        device = arguments.manager or _address(beamline)
        manager = TangoManager(device)
        reporter = ManagerReporter(manager, beamline.worker.name, beamline.worker_token_file)
        if is_shared(beamline.jobs_url):
            # It would take work from those that can report on it.
            reporter.require_token()
        lock = _locked(beamline)
        membership = place.taken(beamline, adopts_folder=arguments.adopt_folder)
        store = _opened(beamline, ended)
        if membership is None or store is None:
            return
        worker = Worker(beamline, store, reporter, device, membership, place.brake)
        worker.start()
    except BeamsessionError as fault:
        print(fault.text, file=sys.stderr)
        sys.exit(1)
    (beamline.state / "worker.ready").write_text(str(os.getpid()), encoding="utf-8")
    log.info("worker '%s' is at work", beamline.worker.name)
    ended.wait()
    if place.is_lost:
        place.begin_anew()
    worker.stop()
    membership.leave()
    lock.release()
    logging.shutdown()
    # Threads that wait for days cannot be joined; everything that must last is on the disk.
    os._exit(0)


class Worker:
    """All parts of one worker; its maker holds the locks. `device` is the manager's address."""

    def __init__(
        self,
        beamline: Beamline,
        store: Store,
        reporter: Reporter,
        device: str,
        membership: Membership,
        brake: Brake,
    ) -> None:
        self._brake = brake
        self._store = store
        self._membership = membership
        self._instrument = beamline.instrument_value()
        self._courier = Courier(reporter, self._brake)
        self._tail = self._tail_for(membership)
        self._database = JobDatabase(beamline.jobs_url, beamline.instrument.name, beamline.worker.name)
        self._care = Care(self._database, membership)
        self._job_triggering = self._jobs_for(device, beamline)
        self._breaker: Breaker | None = None
        self._run_checksums: RunChecksumTriggering | None = None
        self._ingest_triggering = self._ingests_for(beamline)

    def start(self) -> None:
        """Take up what was left, and follow the log as soon as that is ours to do; returns at once."""
        self._courier.start()
        self._database.launch()
        if self._breaker:
            self._breaker.start()
        self._membership.start(self._lead, self._care.look)

    def stop(self) -> None:
        """Halt where nothing is half done, 3 s at most; the process must end afterwards."""
        self._brake.pull()
        if not self._brake.wait_idle(_LAST_WORK_S):
            log.info("a step was cut short; it is done again at the next start")

    def _lead(self) -> None:
        self._care.look()
        self._database.forget_old_queues()
        self._take_up()
        self._tail.start()

    def _take_up(self) -> None:
        self._care.is_called_off = False
        self._job_triggering.take_up()
        if self._ingest_triggering:
            self._ingest_triggering.take_up()

    def _tail_for(self, membership: Membership) -> Tail:
        instrument = self._instrument
        record = FolderRecord(instrument.data_root, instrument.name, instrument.rules)
        return Tail(
            self._store,
            instrument.name,
            Keeper(self._store, instrument.name, record),
            membership,
            self._brake,
            listener=self._handle,
            tick=self._tick,
        )

    def _jobs_for(self, device: str, beamline: Beamline) -> JobTriggering:
        software = f"beamsession {beamsession.__version__}"
        state = beamline.state
        preview = self._store, self._instrument, beamline.catalogue, beamline.ingest_folder, software
        works: dict[JobKind, JobWork] = {
            JobKind.ZIP: ZipWork(self._store, self._instrument, self._tail.bring_up_to_date),
            JobKind.IMPORT: ImportWork(self._courier.deliver, self._instrument.roots),
            JobKind.HOOK: HookWork(self._store, self._instrument, device, state),
            JobKind.QUICK_LOOK: QuickLookWork(self._store, self._instrument, state),
            JobKind.PACK: PackWork(self._store, self._instrument, state),
            JobKind.DRY_RUN: DryRunWork(*preview),
            JobKind.PAYLOAD: PayloadWork(*preview),
        }
        runner = JobRunner(works, self._store, self._courier, self._brake)
        queue = JobQueue(self._database, runner.run, runner.cancel)
        return JobTriggering(self._store, self._instrument.name, queue)

    def _ingests_for(self, beamline: Beamline) -> IngestTriggering | None:
        target = beamline.catalogue
        if target is None:
            # What was on its way rests until there is a catalogue again.
            IngestQueue(self._database, rest)
            ChecksumQueue(self._database, lambda run_id: "nobody needs them")
            return None
        folder = beamline.ingest_folder
        if isinstance(target, IngestorTarget):
            ChecksumQueue(self._database, lambda run_id: "nobody needs them")
            delivery: Delivery = self._ingestor_for(target, folder)
        else:
            delivery = self._catalogue_for(target, folder, lambda session_id, key: queue.hurry(session_id, key))
        ingest = Ingest(delivery, self._courier, self._store, target, self._brake, self._breaker)
        queue = IngestQueue(self._database, ingest.run)
        with_pictures = target.thumbnails != 0
        return IngestTriggering(self._store, self._instrument.name, target.hold_s, queue, with_pictures=with_pictures)

    def _ingestor_for(self, target: IngestorTarget, folder: Path) -> IngestorDelivery:
        steps = IngestorSteps(
            store=self._store,
            instrument=self._instrument,
            target=target,
            folder=folder,
            seal=self._tail.seal,
            announce=self._announce,
            begin=lambda session_id: self._courier.deliver(ingestor_begins(session_id)) is not False,
            tell=lambda *what: self._courier.deliver(ingestor_ended(*what)),
            checkpoint=self._brake.checkpoint,
            software=f"beamsession {beamsession.__version__}",
        )
        return IngestorDelivery(steps, is_archiving=target.is_archiving)

    def _catalogue_for(
        self, target: CatalogueTarget, folder: Path, hurry: Callable[[int, str], None]
    ) -> CatalogueDelivery:
        client = CatalogueClient(target, before_request=self._brake.checkpoint)
        hashing = Hashing(target.checksum_threads)
        self._run_checksums = self._run_checksums_for(folder, target.checksum, hashing)
        freezer = Freezer(
            store=self._store,
            instrument=self._instrument,
            target=target,
            client=client,
            seal=self._tail.seal,
            checkpoint=self._brake.checkpoint,
            software=f"beamsession {beamsession.__version__}",
        )
        steps = IngestSteps(
            store=self._store,
            client=client,
            freezer=freezer,
            pictures=PictureSender(client, target),
            folder=folder,
            announce=self._announce,
            present=lambda session_id, datasets: self._courier.deliver(ingest_frozen(session_id, FIRST_STEP, datasets)),
            checkpoint=self._brake.checkpoint,
            settle_s=target.settle_s,
            server_pids=ServerPids(client, target, self._brake.checkpoint) if target.pid_mode == "server" else None,
            hashing=hashing,
        )
        self._breaker = Breaker(
            probe=CatalogueClient(target).health,
            hurry=hurry,
            told=lambda state, reason: self._courier.post(catalogue_standing(target.url, state, reason)),
            first_s=target.first_retry_s,
            longest_s=target.longest_retry_s,
        )
        return CatalogueDelivery(steps, self._courier)

    def _run_checksums_for(
        self, folder: Path, algorithm: ChecksumAlgorithm, hashing: Hashing
    ) -> RunChecksumTriggering | None:
        checksums = RunChecksums(self._store, self._instrument, algorithm, folder, hashing, self._brake)
        queue = ChecksumQueue(self._database, checksums.run)
        return None if algorithm is ChecksumAlgorithm.NONE else RunChecksumTriggering(self._store, queue.enqueue)

    def _announce(self, session_id: int) -> None:
        self._courier.deliver(ingest_progress(session_id, IngestState.RUNNING, FIRST_STEP))

    def _handle(self, event: Event) -> None:
        self._job_triggering.handle(event)
        if self._run_checksums:
            self._run_checksums.handle(event)
        if self._ingest_triggering:
            self._ingest_triggering.handle(event)

    def _tick(self) -> None:
        if self._care.is_called_off:
            self._take_up()
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
