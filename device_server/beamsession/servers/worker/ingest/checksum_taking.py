"""The checksums of one attempt: those known from before, then the files that must be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from beamsession.catalogue.manifest import ListedFile
from beamsession.servers.worker.ingest.attempt import Attempt, Frozen, attempt_folder
from beamsession.servers.worker.ingest.checksum_store import ChecksumStore
from beamsession.servers.worker.ingest.hashing import Counted, Hashing
from beamsession.servers.worker.ingest.session_files import MOVED

# What is read is kept at this pace, or when it is so much: what a crash costs is read again.
_KEEP_S = 2.0
_KEEP_FILES = 5000


class ChecksumTaking:
    """One try. Methods raise RefusedError and OSError."""

    def __init__(
        self,
        attempt: Attempt,
        store: ChecksumStore,
        frozen: Frozen,
        checkpoint: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        self._attempt = attempt
        self._store = store
        self._frozen = frozen
        self._checkpoint = checkpoint
        self._tell = tell
        self._taken: list[ListedFile] = []
        self._kept = time.monotonic()

    def take_known(self, folder: Path) -> None:
        """Take those that were taken when the runs ended, or by a try before; `folder` is that of all attempts.

        A moved run's files are other names of those it was recorded in, or copies with their time.
        """
        places = {origin: f"{MOVED}/{origin:06d}/" for origin in self._attempt.origins()}
        stores = [(self._store, "")]
        stores += [(ChecksumStore(attempt_folder(folder, origin)), place) for origin, place in places.items()]
        for store, place in stores:
            self._checkpoint()
            self._attempt.take_known(store.known(self._frozen.algorithm), place)

    def read_rest(self, hashing: Hashing) -> None:
        """Read all files that have none."""
        files, size = self._attempt.remaining()

        def look(counted: Counted) -> None:
            self._checkpoint()
            self._keep_some()
            share = counted.bytes / size if size else counted.files / max(files, 1)
            amount = f"{counted.bytes / 1e9:.1f} of {size / 1e9:.1f} GB"
            self._tell(f"{counted.files} of {files} files read, {amount}, {share:.0%}")

        try:
            hashing.read(
                self._frozen.folder,
                self._attempt.without_checksum(),
                self._frozen.algorithm,
                keep=self._taken.extend,
                checkpoint=look,
            )
        finally:
            self._keep()

    def _keep_some(self) -> None:
        if len(self._taken) >= _KEEP_FILES or time.monotonic() - self._kept >= _KEEP_S:
            self._keep()

    def _keep(self) -> None:
        if files := self._taken:
            self._store.add(files, self._frozen.algorithm)
            self._attempt.set_checksums(files)
            self._taken.clear()
        self._kept = time.monotonic()
