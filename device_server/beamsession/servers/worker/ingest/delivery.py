"""The two ways to a catalogue: requests of our own, or a program of the site. The workflow is the same for both."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from beamsession.model.errors import WrongStateError
from beamsession.model.states import IngestState
from beamsession.servers.worker.courier import Courier
from beamsession.servers.worker.ingest.freezer import Tell
from beamsession.servers.worker.ingest.steps import IngestSteps
from beamsession.servers.worker.ingestor.steps import IngestorSteps
from beamsession.servers.worker.reports import INGESTOR_STEP, Report, ingest_progress

log = logging.getLogger(__name__)
FIRST_STEP = "files"


@dataclass(frozen=True)
class Way:
    """Where an ingest is: at the dataset with this number, from 1, `of` so many; 0 before it is known which ones.

    `asked` tells which request it was frozen for.
    """

    session_id: int
    pid: str = ""
    dataset: int = 0
    of: int = 0
    asked: str = ""

    def name(self, step: str) -> str:
        """What the step is called among those of all datasets."""
        if self.of == 1:
            return step
        which = f"dataset {self.dataset} of {self.of}"
        return which if step == "dataset" else f"{step}, {which}"

    def report(self, state: IngestState, step: str, detail: str = "", **more: Any) -> Report:
        """How far it is."""
        return ingest_progress(self.session_id, state, step, detail, self.pid, self.dataset, **more)


class Do(Protocol):
    """Does one step durably: its result, after as many tries as it needs. It does not return if a person is needed."""

    def __call__(self, way: Way, name: str, action: Callable[[Tell], Any]) -> Any:
        """`name` is shown to people; the result is JSON."""
        ...


@dataclass(frozen=True)
class Delivered:
    """Under which pid and name the catalogue has it, and whether that archives the session."""

    pid: str
    name: str
    is_archiving: bool = True


class Delivery(Protocol):
    """Brings one session to a catalogue. Run inside durable work: what has an effect is in a step."""

    def bring(self, session_id: int, do: Do) -> Delivered:
        """All steps in their order, the first one called `files`; the same ones at a second run."""
        ...

    def is_in_doubt(self, session_id: int) -> bool | None:
        """Whether a dataset of it may have been created, as far as we know; None where that is not known any more."""
        ...

    def tidy(self, session_id: int) -> None:
        """Remove what is of no use once the session is archived."""
        ...


class CatalogueDelivery:
    """By requests to the catalogue: parcel by parcel, block by block, each parcel verified at last."""

    def __init__(self, steps: IngestSteps, courier: Courier) -> None:
        self._steps = steps
        self._courier = courier

    def is_in_doubt(self, session_id: int) -> bool | None:
        """Whether a request may have created one."""
        return self._steps.is_in_doubt(session_id)

    def tidy(self, session_id: int) -> None:
        """Its checksums go."""
        self._steps.tidy(session_id)

    def bring(self, session_id: int, do: Do) -> Delivered:
        """Files, checksums; of each parcel dataset, blocks, attachments, verification."""
        steps, way = self._steps, Way(session_id)
        parcels = do(way, FIRST_STEP, lambda tell: steps.freeze(session_id, tell))
        way = Way(session_id, str(parcels[0]["pid"]), asked=str(parcels[0].get("asked", "")))
        do(way, "checksums", lambda tell: steps.take_checksums(session_id, tell))
        for number, parcel in enumerate(parcels, start=1):
            pid = self._send(replace(way, dataset=number, of=len(parcels)), parcel, do)
            way = replace(way, pid=pid) if number == 1 else way
        return Delivered(way.pid, steps.dataset_name(session_id))

    def _send(self, way: Way, parcel: dict[str, Any], do: Do) -> str:
        """The dataset's pid."""
        steps, session_id, number = self._steps, way.session_id, way.dataset
        pid = str(do(way, way.name("dataset"), lambda tell: self._create(way)))
        way = replace(way, pid=pid) if number == 1 else way
        for block in range(count := int(parcel["blocks"])):
            name = way.name(f"block {block + 1} of {count}")
            do(way, name, lambda tell, block=block: steps.store_block(session_id, number, block))
        if parcel["attachments"]:
            do(way, way.name("attachments"), lambda tell: steps.store_attachments(session_id, number))
        verified = do(way, way.name("verify"), lambda tell: steps.verify(session_id, number))
        log.info("session %d, %s: %s", session_id, way.name("dataset"), verified)
        return pid

    def _create(self, way: Way) -> str:
        """From the moment the manager knows of it, nobody gives the ingest up without knowing what may stay."""
        if way.dataset == 1:
            report = way.report(IngestState.RUNNING, way.name("dataset"), in_doubt=True)
            if self._courier.deliver(report) is False:
                raise WrongStateError(f"The ingest of session {way.session_id} is not wanted any more.")
        return self._steps.create_dataset(way.session_id, way.dataset)


class IngestorDelivery:
    """By a program that is called once; what it says is believed, for we have no account to look with."""

    def __init__(self, steps: IngestorSteps, *, is_archiving: bool) -> None:
        self._steps = steps
        self._is_archiving = is_archiving

    def is_in_doubt(self, session_id: int) -> bool | None:
        """Whether the program may have."""
        return self._steps.is_in_doubt(session_id)

    def tidy(self, session_id: int) -> None:
        """Nothing goes: what the program was given and said stays to be looked at."""

    def bring(self, session_id: int, do: Do) -> Delivered:
        """Files, then the program."""
        steps, way = self._steps, Way(session_id)
        asked = do(way, FIRST_STEP, lambda tell: steps.prepare(session_id, tell))
        way = Way(session_id, asked=asked)
        pid = do(way, INGESTOR_STEP, lambda tell: steps.deliver(session_id))
        return Delivered(pid, steps.dataset_name(session_id), self._is_archiving)
