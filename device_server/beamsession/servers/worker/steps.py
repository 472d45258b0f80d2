"""The steps of an ingest, each safe to run again after it was cut short anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from beamsession.archive.derived_files import is_derived
from beamsession.catalogue.blocks import block_document, cut
from beamsession.catalogue.checksum import checksum, require_unchanged
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.fault import CatalogueError, Nature
from beamsession.catalogue.manifest import ListedFile, list_files
from beamsession.catalogue.payload import dataset_document
from beamsession.catalogue.target import CatalogueTarget
from beamsession.catalogue.validate import block_problems, dataset_problems
from beamsession.model.errors import InvalidInputError, RefusedError, WrongStateError
from beamsession.model.instrument import Instrument
from beamsession.model.report import Problem
from beamsession.model.session import Session
from beamsession.model.states import SessionState
from beamsession.servers.worker.attempt import Attempt, Frozen
from beamsession.servers.worker.session_files import gather
from beamsession.store import Store


class IngestSteps:
    """What is done, without when and how often. Methods raise BeamsessionError (CatalogueError among them) and OSError.

    `seal` brings the session's own record to its final state before the files are listed. `announce` has the manager
    note, before it returns, that a session's ingest begins: from then on nobody changes it or opens it again.
    `checkpoint` is called in the middle of long work.
    """

    def __init__(
        self,
        *,
        store: Store,
        instrument: Instrument,
        target: CatalogueTarget,
        client: CatalogueClient,
        folder: Path,
        seal: Callable[[Session], None],
        announce: Callable[[int], None],
        checkpoint: Callable[[], None],
        software: str,
    ) -> None:
        self._store = store
        self._instrument = instrument
        self._target = target
        self._client = client
        self._folder = folder
        self._seal = seal
        self._announce = announce
        self._checkpoint = checkpoint
        self._software = software

    def freeze(self, session_id: int) -> str:
        """Collect the files, describe the dataset, keep both; the pid. What is in the catalogue stays as it is."""
        self._announce(session_id)
        session = self._completed(session_id)
        attempt = self._attempt(session_id)
        if attempt.is_frozen and attempt.is_marked("create"):
            frozen = attempt.frozen()
            if not frozen.is_of(session):
                self._require_unknown(frozen)
            elif self._may_be_stored(frozen.pid):
                return frozen.pid
        gathered = gather(self._store, self._instrument, session, self._checkpoint)
        self._seal(session)
        ingest = self._store.ingest(session_id)
        unique_name = self._target.instrument_unique_name
        document = dataset_document(
            session,
            gathered.runs,
            instrument=self._instrument,
            target=self._target,
            instrument_pid=self._client.instrument_pid(unique_name) if unique_name else "",
            software=self._software,
            overlay=ingest.overlay if ingest else {},
            referenced=[str(path) for path in gathered.referenced],
        )
        _require_none(dataset_problems(document))
        folder = self._instrument.data_root / session.folder
        manifest = list_files(folder, gathered.expected, gathered.left_out, gathered.skipped, is_derived)
        attempt.freeze(
            Frozen(pid=document["pid"], folder=folder, document=document, manifest=manifest, completed=session.stop)
        )
        return document["pid"]

    def take_checksums(self, session_id: int) -> int:
        """Take the checksums that are not taken yet; the number of blocks the files make."""
        attempt = self._attempt(session_id)
        frozen = attempt.frozen()
        algorithm = self._target.checksum
        known = attempt.checksums(algorithm.value)
        for file in frozen.manifest.files:
            self._checkpoint()
            if file in known:
                require_unchanged(frozen.folder, file)
                continue
            digest = checksum(frozen.folder, file, algorithm, self._checkpoint)
            attempt.add_checksum(file, algorithm.value, digest)
        return len(self._blocks(attempt, frozen))

    def create_dataset(self, session_id: int) -> str:
        """Create the dataset, or find that it is there and ours; its pid."""
        attempt = self._attempt(session_id)
        frozen = attempt.frozen()
        tried_before = attempt.is_marked("create")
        if not tried_before:
            self._require_same(session_id, frozen)
        attempt.mark("create")
        try:
            return self._client.create_dataset(frozen.document)
        except CatalogueError as fault:
            if fault.status == 409:
                return self._resume(attempt, frozen, fault, tried_before=tried_before)
            if self._has_surely_failed(frozen.pid, fault, tried_before=tried_before):
                attempt.unmark("create")
            raise

    def store_block(self, session_id: int, number: int) -> None:
        """Store the block `number` (from 0), unless it is there already."""
        attempt = self._attempt(session_id)
        frozen = attempt.frozen()
        files = self._blocks(attempt, frozen)[number]
        document = block_document(frozen.pid, files, self._target.checksum)
        _require_none(block_problems(document))
        mark = f"block-{number}"
        if (attempt.is_marked(mark) or attempt.is_marked("resumed")) and self._is_stored(frozen.pid, files):
            return
        for file in files:
            require_unchanged(frozen.folder, file)
        attempt.mark(mark)
        try:
            self._client.post_block(document)
        except CatalogueError as fault:
            if fault.nature is not Nature.AMBIGUOUS:
                attempt.unmark(mark)
            raise

    def verify(self, session_id: int) -> str:
        """Compare what the catalogue has with what was sent; a sentence about the result."""
        frozen = self._attempt(session_id).frozen()
        count, size = len(frozen.manifest.files), frozen.manifest.size
        try:
            stored = self._client.dataset(frozen.pid)
        except CatalogueError as fault:
            if fault.status != 403:
                raise
            return f"{count} files, {size} bytes sent; the account may not read the dataset, so it is not verified."
        if stored is not None and (stored.files, stored.size) == (count, size):
            skipped = len(frozen.manifest.skipped)
            without = f"; {skipped} links and other files were left out" if skipped else ""
            return f"{count} files, {size} bytes in the catalogue{without}."
        found = f"{stored.files} files with {stored.size} bytes" if stored else "no dataset"
        raise RefusedError(
            f"The catalogue has {found} under {frozen.pid}, sent were {count} files with {size} bytes.",
            code="CATALOGUE_DIFFERS",
            value=frozen.pid,
            remedy="Let the catalogue's administrators look at its file lists, then ask for the ingest again.",
        )

    def dataset_name(self, session_id: int) -> str:
        """What the dataset is called; empty where that is lost."""
        try:
            return str(self._attempt(session_id).frozen().document.get("datasetName", ""))
        except RefusedError:
            return ""

    def _completed(self, session_id: int) -> Session:
        session = self._store.session(session_id)
        if session.state is SessionState.COMPLETED:
            return session
        raise WrongStateError(
            f"Session {session_id} is {session.state.value}, not completed.",
            value=session.state.value,
            remedy="Complete it, then ask for the ingest.",
        )

    def _require_same(self, session_id: int, frozen: Frozen) -> None:
        if not frozen.is_of(self._completed(session_id)):
            raise WrongStateError(
                f"Session {session_id} was opened and completed again since its files were listed.",
                value=session_id,
                remedy="It is sent as it is now; nothing needs to be done.",
            )

    def _require_unknown(self, frozen: Frozen) -> None:
        """What was sent before the session was opened again must not have arrived."""
        if self._client.dataset(frozen.pid) is None:
            return
        raise RefusedError(
            f"The catalogue has the session under {frozen.pid} as it was before it was opened again.",
            code="CATALOGUE_CONFLICT",
            value=frozen.pid,
            remedy="Let the catalogue's administrators remove that dataset, then ask for the ingest again.",
        )

    def _has_surely_failed(self, pid: str, refused: CatalogueError, *, tried_before: bool) -> bool:
        """Whether neither this request nor one before it has created the dataset; in doubt it may have."""
        if not tried_before:
            return refused.nature is not Nature.AMBIGUOUS
        if refused.nature is not Nature.PERMANENT:
            return False  # It is sent again soon; only what ends the ingest must leave no doubt that can be cleared.
        try:
            return not self._may_be_stored(pid)
        except CatalogueError:
            return False

    def _may_be_stored(self, pid: str) -> bool:
        """Whether the catalogue has the dataset, or does not let us look. Raises CatalogueError."""
        try:
            return self._client.dataset(pid) is not None
        except CatalogueError as fault:
            if fault.status != 403:
                raise
            return True

    def _attempt(self, session_id: int) -> Attempt:
        return Attempt(self._folder / f"{session_id:06d}")

    def _blocks(self, attempt: Attempt, frozen: Frozen) -> list[tuple[ListedFile, ...]]:
        known = attempt.checksums(self._target.checksum.value)
        files = [file.model_copy(update={"checksum": known.get(file, "")}) for file in frozen.manifest.files]
        return cut(files, self._target.blocks)

    def _resume(self, attempt: Attempt, frozen: Frozen, refused: CatalogueError, *, tried_before: bool) -> str:
        try:
            stored = self._client.dataset(frozen.pid)
        except CatalogueError as fault:
            if fault.status != 403 or not tried_before:
                raise
            return frozen.pid  # We may not see it, but it was us who sent it.
        ours = frozen.document["scientificMetadata"]["ingest_fingerprint"]["value"]
        if stored is not None and stored.fingerprint == ours:
            attempt.mark("resumed")
            return frozen.pid
        if not tried_before:
            attempt.unmark("create")
        raise RefusedError(
            f"The catalogue has another dataset under {frozen.pid}.",
            code="CATALOGUE_CONFLICT",
            value=frozen.pid,
            remedy="Let the catalogue's administrators look at it, or set catalogue.site to make our pids different.",
        ) from refused

    def _is_stored(self, pid: str, files: tuple[ListedFile, ...]) -> bool:
        try:
            blocks = self._client.blocks(pid)
        except CatalogueError as fault:
            if fault.status != 403:
                raise
            raise RefusedError(
                f"Part of the file list of {pid} may or may not be stored, and the account may not look.",
                code="CATALOGUE_BLIND",
                value=pid,
                remedy="Set catalogue.ingestor_group to a group of the account; let an administrator look at this one.",
            ) from fault
        paths, size = frozenset(file.path for file in files), sum(file.size for file in files)
        return any((block.paths, block.size) == (paths, size) for block in blocks)


def _require_none(problems: list[Problem]) -> None:
    if not problems:
        return
    raise InvalidInputError(
        " ".join(problem.sentence for problem in problems[:10]), code=problems[0].code, remedy=problems[0].remedy
    )
