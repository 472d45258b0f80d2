"""Whether a request whose answer was lost has been carried out: looked for, and not believed too early."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from beamsession.catalogue.blocks import paths_digest
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.fault import CatalogueError
from beamsession.catalogue.manifest import ListedFile
from beamsession.model.errors import RefusedError

_LOOK_S = 0.1


class Doubt:
    """Methods raise CatalogueError, and RefusedError (CATALOGUE_BLIND) where the account may not look.

    `settle_s` is how long the catalogue may still be busy with what was sent before. `checkpoint` is called meanwhile.
    """

    def __init__(self, client: CatalogueClient, settle_s: float, checkpoint: Callable[[], None]) -> None:
        self._client = client
        self._settle_s = settle_s
        self._checkpoint = checkpoint

    def is_stored(self, pid: str, files: Sequence[ListedFile], *, may_come: bool) -> bool:
        """Whether the dataset has the file list of `files`; `may_come`: it may still be on its way there.

        One that is not there is looked for again after a while: a catalogue whose proxy gave up, or whose client was
        killed, goes on with its work.
        """
        if self._look(pid, files):
            return True
        if not may_come:
            return False
        end = time.monotonic() + self._settle_s
        while (rest := end - time.monotonic()) > 0:
            self._checkpoint()
            time.sleep(min(rest, _LOOK_S))
        return self._look(pid, files)

    def _look(self, pid: str, files: Sequence[ListedFile]) -> bool:
        try:
            # Who may not read a dataset is shown an empty list of its files.
            self._client.dataset(pid)
            blocks = self._client.blocks(pid, size=sum(file.size for file in files))
            digest = paths_digest(file.path for file in files)
            return any(block.digest == digest for block in blocks)
        except CatalogueError as fault:
            if fault.status != 403:
                raise
            raise RefusedError(
                f"Part of the file list of {pid} may or may not be stored, and the account may not look.",
                code="CATALOGUE_BLIND",
                value=pid,
                remedy="Set catalogue.ingestor_group to a group of the account; let an administrator look at this one.",
            ) from fault
