"""Creating a dataset whose pid the server makes, so that a lost answer never makes a second one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from beamsession.catalogue.client import CatalogueClient, StoredDataset
from beamsession.catalogue.fault import CatalogueError, Nature
from beamsession.catalogue.server_pid import as_sent, where_ours
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.errors import RefusedError
from beamsession.servers.worker.ingest.attempt import Attempt, Parcel

KNOWN = "pid"
"""Mark of a parcel whose pid is the server's own."""
_LOOK_S = 0.1


class ServerPids:
    """Methods raise CatalogueError, and RefusedError (CATALOGUE_BLIND, CATALOGUE_CONFLICT).

    The server refuses no second dataset of ours, so it is looked for before anything is sent. `checkpoint` is called
    while it is waited for.
    """

    def __init__(self, client: CatalogueClient, target: CatalogueTarget, checkpoint: Callable[[], None]) -> None:
        self._client = client
        self._target = target
        self._checkpoint = checkpoint

    def create(self, attempt: Attempt, parcel: Parcel, marks: frozenset[str], require_same: Callable[[], None]) -> str:
        """Create the parcel's dataset, or find it; its pid, which is kept before this returns.

        `require_same` refuses what is not to be sent any more.
        """
        if KNOWN in marks:
            return parcel.pid
        is_in_doubt = "create" in marks
        if stored := self._found(parcel, settle_s=self._target.settle_s if is_in_doubt else 0.0):
            attempt.set_pid(parcel.number, stored.pid, "create", "resumed", KNOWN)
            return stored.pid
        if is_in_doubt:
            self._require_sight(parcel.document)
        else:
            require_same()
            attempt.mark(parcel.number, "create", "free")
        try:
            pid = self._client.create_dataset(as_sent(parcel.document, self._target))
        except CatalogueError as fault:
            if fault.nature is not Nature.AMBIGUOUS and not is_in_doubt:
                attempt.unmark(parcel.number, "create")
            raise
        attempt.set_pid(parcel.number, pid, KNOWN)
        return pid

    def may_be_stored(self, parcel: Parcel, marks: frozenset[str]) -> bool:
        """Whether the catalogue has the dataset, or does not let us look."""
        if KNOWN in marks:
            try:
                return self._client.dataset(parcel.pid) is not None
            except CatalogueError as fault:
                if fault.status != 403:
                    raise
                return True
        return bool(self._client.find(where_ours(parcel.document))) or not self._can_see(parcel.document)

    def _found(self, parcel: Parcel, *, settle_s: float) -> StoredDataset | None:
        """Ours. What is not there is looked for again after a while: the catalogue may still be busy with it."""
        found = self._look(parcel)
        end = time.monotonic() + settle_s
        while found is None and (rest := end - time.monotonic()) > 0:
            self._checkpoint()
            time.sleep(min(rest, _LOOK_S))
        return found if found or not settle_s else self._look(parcel)

    def _look(self, parcel: Parcel) -> StoredDataset | None:
        found = self._client.find(where_ours(parcel.document))
        ours = parcel.document["scientificMetadata"]["ingest_fingerprint"]["value"]
        if not found or any(stored.fingerprint == ours for stored in found):
            return next((stored for stored in found if stored.fingerprint == ours), None)
        raise RefusedError(
            f"The catalogue has this session as {found[0].pid}, with another content.",
            code="CATALOGUE_CONFLICT",
            value=found[0].pid,
            remedy="Let the catalogue's administrators look at it and remove it, then ask for the ingest again.",
        )

    def _require_sight(self, document: dict[str, Any]) -> None:
        if self._can_see(document):
            return
        raise RefusedError(
            "The dataset may or may not be stored, and the account may not look.",
            code="CATALOGUE_BLIND",
            value=document["datasetName"],
            remedy="Set catalogue.ingestor_group to a group of the account; let an administrator look for this one.",
        )

    def _can_see(self, document: dict[str, Any]) -> bool:
        """Whether an empty answer proves anything: only what is of our groups is shown to us."""
        return bool({document["ownerGroup"], *document.get("accessGroups", [])} & {*self._client.whoami().groups})
