"""Questions to the catalogue before a session is sent: each only reads, or asks whether something would be taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from beamsession.catalogue.client import CatalogueClient, Identity
from beamsession.catalogue.complaints import complaints_about, said_by
from beamsession.catalogue.fault import CatalogueError
from beamsession.catalogue.server_pid import as_sent
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.complaint import Complaint, Weight
from beamsession.model.errors import BeamsessionError, InvalidInputError
from beamsession.servers.worker.ingest.attempt import Parcel

_MOST_ASKED = 20
_ACCOUNT = "catalogue.username or catalogue.token_file"


class RemoteChecks:
    """Collects `complaints`, and what was found out, as JSON; nothing is raised."""

    def __init__(self, client: CatalogueClient, target: CatalogueTarget, checkpoint: Callable[[], None]) -> None:
        self._client = client
        self._target = target
        self._checkpoint = checkpoint
        self._identity = Identity("", ())
        self.complaints: list[Complaint] = []
        self.found: dict[str, Any] = {"url": target.url, "reachable": False}

    def account(self) -> bool:
        """Whether the catalogue is there and knows us; without that nothing else can be asked."""
        try:
            self._client.health()
            self.found["reachable"] = True
            self._identity = self._client.whoami()
        except BeamsessionError as fault:
            self._complain_of(fault)
            return False
        self.found["account"] = self._identity.name
        self.found["groups"] = list(self._identity.groups)
        if not self._identity.name:
            self._add("The catalogue does not know the account.", _ACCOUNT, "Check the password or the token.")
            return False
        group = self._target.ingestor_group
        if group and group not in self._identity.groups:
            said = f"The account '{self._identity.name}' is not in the group '{group}'."
            remedy = "Set catalogue.ingestor_group to one of its groups; else it cannot read what it has sent."
            self._add(said, "catalogue.ingestor_group", remedy, Weight.WARNING)
        return True

    def datasets(self, parcels: Sequence[Parcel], *, was_begun: bool) -> None:
        """Ask about each dataset, up to a number; `was_begun`: one with its pid may be ours."""
        asked = parcels[:_MOST_ASKED]
        self.found["asked_about"] = len(asked)
        for parcel in asked:
            self._checkpoint()
            document = as_sent(parcel.document, self._target)
            self._look_at_groups(document)
            self._look_at_validity(document)
            if self._target.pid_mode == "client":
                self._look_at_pid(parcel, was_begun)

    def _look_at_groups(self, document: dict[str, Any]) -> None:
        readers = {document.get("ownerGroup"), *document.get("accessGroups", [])}
        if not readers & {*self._identity.groups}:
            said = "The account is in none of the dataset's groups, so it cannot look whether all has arrived."
            remedy = "Set catalogue.ingestor_group to a group of the account."
            self._add(said, "catalogue.ingestor_group", remedy, Weight.WARNING, "accessGroups")

    def _look_at_validity(self, document: dict[str, Any]) -> None:
        try:
            is_valid = self._client.is_valid(document)
        except BeamsessionError as fault:
            self._complain_of(fault)
            return
        if is_valid:
            return
        try:
            said = self._client.complaints(document)
        except (CatalogueError, InvalidInputError) as fault:
            said = fault.sentence
        said = said or "The catalogue would not take the dataset, and does not say why."
        self._put(complaints_about(said_by({"message": said}), 400))

    def _look_at_pid(self, parcel: Parcel, was_begun: bool) -> None:
        try:
            stored = self._client.dataset(parcel.pid)
        except CatalogueError as fault:
            if fault.status == 403:
                # An unknown pid is 404: somebody has it.
                said = f"The catalogue has {parcel.pid} and does not show it to the account."
                self._add(said, "catalogue.site", "Let the catalogue's administrators look at it.", field="pid")
            else:
                self._complain_of(fault)
            return
        if stored is None:
            return
        ours = parcel.document["scientificMetadata"]["ingest_fingerprint"]["value"]
        if stored.fingerprint == ours or was_begun:
            self._add(f"The catalogue has {parcel.pid} already: it is gone on with.", "", "", Weight.WARNING, "pid")
        else:
            remedy = "Let the catalogue's administrators look at it, or set catalogue.site to make our pids different."
            self._add(f"The catalogue has another dataset under {parcel.pid}.", "catalogue.site", remedy, field="pid")

    def _complain_of(self, fault: BeamsessionError) -> None:
        if isinstance(fault, CatalogueError) and (found := complaints_about(fault.messages, fault.status)):
            self._put(found)
        else:
            self._add(fault.sentence, "the [catalogue] table", fault.remedy)

    def _add(self, said: str, setting: str, remedy: str, severity: Weight = Weight.ERROR, field: str = "") -> None:
        self._put((Complaint(field, said, setting, remedy, severity),))

    def _put(self, complaints: tuple[Complaint, ...]) -> None:
        self.complaints += [item for item in complaints if item not in self.complaints]
