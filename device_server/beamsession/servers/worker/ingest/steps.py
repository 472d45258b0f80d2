"""The steps of an ingest, each safe to run again after it was cut short anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from beamsession.catalogue.blocks import block_document
from beamsession.catalogue.checksum import require_unchanged
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.fault import CatalogueError, Nature
from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.problem import require_none
from beamsession.catalogue.target import ChecksumAlgorithm
from beamsession.catalogue.validate import block_problems
from beamsession.model.clock import to_text
from beamsession.model.errors import BeamsessionError, RefusedError, WrongStateError
from beamsession.model.states import DatasetState
from beamsession.servers.worker.ingest.attempt import Attempt, Frozen, Parcel, attempt_folder
from beamsession.servers.worker.ingest.attempt_lock import attempt_lock
from beamsession.servers.worker.ingest.checksum_store import ChecksumStore
from beamsession.servers.worker.ingest.checksum_taking import ChecksumTaking
from beamsession.servers.worker.ingest.completed import completed_session
from beamsession.servers.worker.ingest.doubt import Doubt
from beamsession.servers.worker.ingest.freezer import Freezer, Tell
from beamsession.servers.worker.ingest.hashing import Hashing
from beamsession.servers.worker.ingest.picture_sending import PictureSender
from beamsession.servers.worker.ingest.server_pids import KNOWN, ServerPids
from beamsession.store import Store

# Marks of a parcel: there was no dataset when we came; it is gone on with; nothing of earlier tries can come any more.
_FREE, _RESUMED, _SETTLED = "free", "resumed", "settled"
_P = ParamSpec("_P")
_T = TypeVar("_T")


_Step = Callable[Concatenate["IngestSteps", int, _P], _T]


def _alone(step: _Step[_P, _T]) -> _Step[_P, _T]:
    """No other step of the same session is done meanwhile, by no other worker either."""

    @wraps(step)
    def locked(steps: IngestSteps, session_id: int, *args: _P.args, **more: _P.kwargs) -> _T:
        with steps.lock(session_id):
            return step(steps, session_id, *args, **more)

    return locked


def _sending(step: _Step[_P, _T]) -> _Step[_P, _T]:
    """The same, for a step that leaves the attempt what it is: it is opened once."""

    @_alone
    @wraps(step)
    def holding(steps: IngestSteps, session_id: int, *args: _P.args, **more: _P.kwargs) -> _T:
        with steps.hold(session_id):
            return step(steps, session_id, *args, **more)

    return holding


class IngestSteps:
    """What is done, without when and how often. Methods raise BeamsessionError (CatalogueError among them) and OSError.

    Parcels are named by their numbers, from 1, blocks from 0. `announce` has the manager note, before it returns, that
    a session's ingest begins: from then on nobody changes it or opens it again; `present` which datasets it will
    become. `checkpoint` is called in the middle of long work. `settle_s` is how long the catalogue may still be busy
    with a request whose answer was lost. `tell` shows a person how far a step is.
    """

    def __init__(
        self,
        *,
        store: Store,
        client: CatalogueClient,
        freezer: Freezer,
        pictures: PictureSender,
        folder: Path,
        announce: Callable[[int], None],
        present: Callable[[int, Sequence[Mapping[str, Any]]], None],
        checkpoint: Callable[[], None],
        hashing: Hashing,
        settle_s: float = 0.0,
        server_pids: ServerPids | None = None,
    ) -> None:
        self._server_pids = server_pids
        self._store = store
        self._client = client
        self._hashing = hashing
        self._doubt = Doubt(client, settle_s, checkpoint)
        self._freezer = freezer
        self._pictures = pictures
        self._folder = folder
        self._held: dict[int, Attempt] = {}
        self._announce = announce
        self._present = present
        self._checkpoint = checkpoint

    def is_in_doubt(self, session_id: int) -> bool | None:
        """Whether a request may have created a dataset of the session; None where that is not known any more."""
        try:
            return bool(self._attempt(session_id).marked("create"))
        except (RefusedError, OSError):
            return None

    @_alone
    def freeze(self, session_id: int, tell: Tell) -> list[dict[str, Any]]:
        """Collect the files, describe the datasets, keep both; of each parcel its `pid` and how many `blocks` and
        `attachments` it has. What is in the catalogue stays as it is.
        """
        self._announce(session_id)
        session, attempt = completed_session(self._store, session_id), self._attempt(session_id)
        self._freezer.freeze(session, attempt, tell)
        ingest = self._store.ingest(session_id)
        if self._server_pids is not None and ingest is not None and ingest.in_doubt and not attempt.marked("create"):
            for parcel in attempt.parcels():  # What was known of the request before is lost: look before it is sent.
                attempt.mark(parcel.number, "create")
        parcels = self._present_all(session_id, attempt)
        asked = to_text(ingest.due) if ingest is not None and ingest.due is not None else ""
        pids = self._pids(attempt, parcels)
        return [
            {"pid": pid, "blocks": parcel.blocks, "attachments": parcel.attachments, "asked": asked}
            for parcel, pid in zip(parcels, pids, strict=True)
        ]

    def _present_all(self, session_id: int, attempt: Attempt) -> list[Parcel]:
        parcels, stored = attempt.parcels(), frozenset(attempt.marked("verified"))
        shown = [
            _presented(parcel, pid, is_stored=parcel.number in stored)
            for parcel, pid in zip(parcels, self._pids(attempt, parcels), strict=True)
        ]
        self._present(session_id, shown)
        return parcels

    def _pids(self, attempt: Attempt, parcels: Sequence[Parcel]) -> list[str]:
        """Of the parcels' datasets; empty as long as only the server knows it."""
        if self._server_pids is None:
            return [parcel.pid for parcel in parcels]
        known = frozenset(attempt.marked(KNOWN))
        return [parcel.pid if parcel.number in known else "" for parcel in parcels]

    @_alone
    def take_checksums(self, session_id: int, tell: Tell) -> None:
        """Take the checksums that are not known yet."""
        attempt = self._attempt(session_id)
        frozen = attempt.frozen()
        if frozen.algorithm is ChecksumAlgorithm.NONE:
            return
        with self._hashing.turn(session_id, self._checkpoint):
            taking = ChecksumTaking(attempt, ChecksumStore(attempt.folder), frozen, self._checkpoint, tell)
            taking.take_known(self._folder)
            taking.read_rest(self._hashing)

    @_sending
    def create_dataset(self, session_id: int, number: int) -> str:
        """Create the parcel's dataset, or find that it is there and ours; its pid."""
        attempt = self._attempt(session_id)
        parcel, marks = attempt.parcel(number), attempt.marks(number)
        if "verified" in marks:
            return parcel.pid
        if self._server_pids is not None:
            pid = self._server_pids.create(
                attempt, parcel, marks, lambda: self._require_same(session_id, attempt.frozen())
            )
            if number in (1, len(attempt.parcels())):  # Not each time: every report of all of them is kept for ever.
                self._present_all(session_id, attempt)
            return pid
        tried_before = "create" in marks
        if not tried_before:
            self._require_same(session_id, attempt.frozen())
            if self._freezer.may_be_stored(parcel.pid):
                self._resume(attempt, parcel, tried_before=False)
                attempt.mark(number, "create")
                return parcel.pid
            attempt.mark(number, "create", _FREE)
        try:
            pid = self._client.create_dataset(parcel.document)
        except CatalogueError as fault:
            if fault.status == 409:
                try:
                    self._resume(attempt, parcel, tried_before=tried_before)
                except BeamsessionError:
                    if not tried_before:
                        attempt.unmark(number, "create")  # Somebody was quicker than we; it is not known who.
                    raise
                return parcel.pid
            if self._has_surely_failed(parcel.pid, fault, tried_before=tried_before):
                attempt.unmark(number, "create")
            raise
        # Nobody can have sent any of these before it was there.
        for mark in marks - {"create"}:
            attempt.unmark(number, mark)
        return pid

    @_sending
    def store_block(self, session_id: int, number: int, block: int) -> None:
        """Store the block, unless it is there already; only after the one before has returned."""
        attempt = self._attempt(session_id)
        parcel, marks = attempt.parcel(number), attempt.marks(number)
        begun = f"block-{block}"
        if _sent(block) in marks or "verified" in marks:
            return
        frozen, files = attempt.frozen(), attempt.block(parcel, block)
        document = block_document(parcel.pid, files, frozen.algorithm)
        require_none(block_problems(document))
        if self._has_come(attempt, parcel, files, marks, begun):
            attempt.mark(number, _sent(block))
            return
        for file in files:
            require_unchanged(frozen.folder, file)
        # That the one before has arrived is kept now, for each visit to the disk costs as much as a request.
        attempt.mark(number, begun, *([_sent(block - 1)] if block else []))
        try:
            self._client.post_block(document)
        except CatalogueError as fault:
            if fault.nature is not Nature.AMBIGUOUS:
                attempt.unmark(number, begun)
            raise

    @_sending
    def store_attachments(self, session_id: int, number: int) -> list[str]:
        """Store the pictures shown beside the parcel's dataset; sentences about those that are left out."""
        attempt = self._attempt(session_id)
        return self._pictures.send(attempt, attempt.parcel(number))

    @_sending
    def verify(self, session_id: int, number: int) -> str:
        """Compare what the catalogue has with what was sent; a sentence about the result."""
        attempt = self._attempt(session_id)
        parcel = attempt.parcel(number)
        found = f"{parcel.files} files, {parcel.size} bytes"
        if attempt.is_marked(number, "verified"):
            return f"{found} in the catalogue."
        try:
            stored = self._client.dataset(parcel.pid)
        except CatalogueError as fault:
            if fault.status != 403:
                raise
            attempt.mark(number, _sent(parcel.blocks - 1))
            return f"{found} sent; the account may not read the dataset, so it is not verified."
        if stored is not None and (stored.files, stored.size) == (parcel.files, parcel.size):
            attempt.mark(number, "verified")
            skipped = attempt.frozen().skipped if number == 1 else 0
            without = f"; {skipped} links and other files were left out" if skipped else ""
            return f"{found} in the catalogue{without}."
        for mark in attempt.marks(number):
            if mark.startswith("sent-"):
                attempt.unmark(number, mark)  # At the next try each is looked for again.
        there = f"{stored.files} files with {stored.size} bytes" if stored else "no dataset"
        raise RefusedError(
            f"The catalogue has {there} under {parcel.pid}, sent were {parcel.files} files with {parcel.size} bytes.",
            code="CATALOGUE_DIFFERS",
            value=parcel.pid,
            remedy="Let the catalogue's administrators look at its file lists, then ask for the ingest again.",
        )

    def lock(self, session_id: int) -> AbstractContextManager[None]:
        """Held while a step is done."""
        return attempt_lock(attempt_folder(self._folder, session_id), self._checkpoint)

    @contextmanager
    def hold(self, session_id: int) -> Iterator[None]:
        """Keep the attempt open; under its lock only."""
        attempt = self._attempt(session_id)
        with attempt.held():
            self._held[session_id] = attempt
            try:
                yield
            finally:
                del self._held[session_id]

    def dataset_name(self, session_id: int) -> str:
        """What the first dataset is called; empty where that is lost."""
        try:
            return str(Attempt(attempt_folder(self._folder, session_id)).parcel(1).document.get("datasetName", ""))
        except RefusedError:
            return ""

    def tidy(self, session_id: int) -> None:
        """Remove what is of no use once the session is archived; what was sent stays, to be looked at."""
        ChecksumStore(self._attempt(session_id).folder).forget()

    def _require_same(self, session_id: int, frozen: Frozen) -> None:
        if not frozen.is_of(completed_session(self._store, session_id)):
            raise WrongStateError(
                f"Session {session_id} was opened and completed again since its files were listed.",
                value=session_id,
                remedy="It is sent as it is now; nothing needs to be done.",
            )

    def _has_surely_failed(self, pid: str, refused: CatalogueError, *, tried_before: bool) -> bool:
        """Whether neither this request nor one before it has created the dataset; in doubt it may have."""
        if not tried_before:
            return refused.nature is not Nature.AMBIGUOUS
        if refused.nature is not Nature.PERMANENT:
            return False  # It is sent again soon; only what ends the ingest must leave no doubt that can be cleared.
        try:
            return not self._freezer.may_be_stored(pid)
        except CatalogueError:
            return False

    def _attempt(self, session_id: int) -> Attempt:
        return self._held.get(session_id) or Attempt(attempt_folder(self._folder, session_id))

    def _resume(self, attempt: Attempt, parcel: Parcel, *, tried_before: bool) -> None:
        """Go on with the dataset that is there. Raises RefusedError unless it is ours."""
        pid = parcel.pid
        try:
            stored = self._client.dataset(pid)
        except CatalogueError as fault:
            if fault.status != 403:
                raise
            if tried_before and attempt.is_marked(parcel.number, _FREE):
                return  # We may not see it, but it came after we had seen that there was none: it was us who sent it.
            raise RefusedError(
                f"The catalogue has a dataset under {pid}, and the account may not see whether it is ours.",
                code="CATALOGUE_BLIND",
                value=pid,
                remedy="Set catalogue.ingestor_group to a group of the account; let an administrator look at this one.",
            ) from fault
        ours = parcel.document["scientificMetadata"]["ingest_fingerprint"]["value"]
        if stored is not None and stored.fingerprint == ours:
            # Where our marks were lost, another's file list may be on its way; else we know of each.
            attempt.mark(parcel.number, _RESUMED, *([_SETTLED] if tried_before else []))
            return
        if stored is None:
            raise CatalogueError(
                f"The catalogue has and has not a dataset under {pid}.",
                nature=Nature.AMBIGUOUS,
                code="CATALOGUE_BAD_ANSWER",
                value=pid,
                remedy="It is tried again; look whether somebody is deleting it.",
            )
        raise RefusedError(
            f"The catalogue has another dataset under {pid}.",
            code="CATALOGUE_CONFLICT",
            value=pid,
            remedy="Let the catalogue's administrators look at it, or set catalogue.site to make our pids different.",
        )

    def _has_come(
        self, attempt: Attempt, parcel: Parcel, files: Sequence[ListedFile], marks: frozenset[str], begun: str
    ) -> bool:
        """Whether this file list was sent before and has arrived."""
        if begun not in marks and _RESUMED not in marks:
            return False
        may_come = begun in marks or _SETTLED not in marks
        if self._doubt.is_stored(parcel.pid, files, may_come=may_come):
            return True
        if _RESUMED in marks and _SETTLED not in marks:
            attempt.mark(parcel.number, _SETTLED)  # Whoever sent before us had one on its way at most.
        return False


def _sent(block: int) -> str:
    """The mark of a block that has arrived."""
    return f"sent-{block}"


def _presented(parcel: Parcel, pid: str, *, is_stored: bool) -> dict[str, Any]:
    state = DatasetState.STORED if is_stored else DatasetState.WAITING
    return {"pid": pid, "run": parcel.run, "files": parcel.files, "bytes": parcel.size, "state": state.value}
