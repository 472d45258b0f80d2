"""This process's place among the workers: waited for, trusted while it lasts, and asked for again when it is lost."""

from __future__ import annotations

import logging
import os
import sys
from threading import Event as Flag

from beamsession.config import Beamline
from beamsession.crew.job_server import is_shared
from beamsession.crew.membership import Alone, Membership, only_worker
from beamsession.crew.shared import Shared
from beamsession.model.errors import UnavailableError
from beamsession.servers.worker.brake import Brake
from beamsession.servers.worker.jobs import JOBS_VERSION

log = logging.getLogger(__name__)
_PERIOD_S = 0.5


class Place:
    """`ended` is set when the place is lost, as it is when the process is told to end; then nothing more is begun."""

    def __init__(self, ended: Flag) -> None:
        self._ended = ended
        self.is_lost = False
        self.brake = Brake()

    def taken(self, beamline: Beamline, *, adopts_folder: bool) -> Membership | None:
        """The place, for which the database servers are waited for; None when told to stop first.

        Raises RefusedError where somebody else has it, or where we do not belong.
        """
        told = ""
        while not self._ended.is_set():
            try:
                membership = self._take(beamline, adopts_folder=adopts_folder)
            except UnavailableError as fault:
                if told != fault.text:
                    log.warning("waiting for a place among the workers: %s", fault.text)
                    told = fault.text
                self._ended.wait(_PERIOD_S)
            else:
                self.brake.is_sure = membership.is_sure
                return membership
        return None

    def begin_anew(self) -> None:
        """Become a fresh process under the same number: what is half done here can neither go on nor be ended."""
        log.warning("the worker begins anew")
        logging.shutdown()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])

    def _take(self, beamline: Beamline, *, adopts_folder: bool) -> Membership:
        name, version, lease_s = beamline.instrument.name, int(JOBS_VERSION), beamline.worker.lease_s
        if is_shared(beamline.jobs_url):
            return Shared.join(
                beamline.jobs_url,
                name,
                beamline.worker.name,
                version=version,
                lease_s=lease_s,
                folder=beamline.ingest_folder,
                adopts_folder=adopts_folder,
                on_lost=self._lose,
            )
        position = beamline.state / "worker-position.json"
        if not is_shared(beamline.store_url):
            return Alone(position, version)
        return Alone(position, version, only_worker(beamline.store_url, name, lease_s, self._lose))

    def _lose(self) -> None:
        self.brake.pull()
        self.is_lost = True
        self._ended.set()
