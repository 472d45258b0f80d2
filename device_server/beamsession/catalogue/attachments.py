"""Pictures beside a dataset: stored once each, through whichever of the two APIs the account may use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import quote
from uuid import UUID

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.fault import CatalogueError, Nature
from beamsession.catalogue.target import CatalogueTarget

_V4 = "/api/v4/attachments"


class Marks(Protocol):
    """What survives this process about one attachment: whether a request for it may have arrived."""

    def mark(self) -> None:
        """Set the mark."""
        ...

    def unmark(self) -> None:
        """Take it away: what was sent surely did nothing."""
        ...

    @property
    def is_marked(self) -> bool:
        """Whether it is set."""
        ...


@dataclass(frozen=True)
class Attachment:
    """A picture of the dataset `pid`; `url` is a data URL. The groups are the dataset's: nothing is inherited."""

    pid: str
    caption: str
    url: str
    owner_group: str
    access_groups: tuple[str, ...] = ()

    @property
    def aid(self) -> str:
        """Its id in the newer API: the same however often it is tried."""
        digest = hashlib.sha256(f"{self.pid}/{self.caption}".encode()).digest()
        return str(UUID(bytes=digest[:16], version=4))

    def body(self) -> dict[str, Any]:
        """What both APIs want to know."""
        return {
            "caption": self.caption,
            "thumbnail": self.url,
            "ownerGroup": self.owner_group,
            "accessGroups": list(self.access_groups),
        }


class AttachmentDoor:
    """Methods raise CatalogueError with what kept an attachment from being stored."""

    def __init__(self, client: CatalogueClient, target: CatalogueTarget) -> None:
        self._client = client
        self._api = target.attachments
        self._may_use_v4 = True

    def store(self, attachment: Attachment, marks: Marks) -> str:
        """Store it, unless it is there; a sentence where it cannot be known whether it is, else empty."""
        if self._api != "v3" and self._may_use_v4:
            try:
                return self._store_v4(attachment)
            except CatalogueError as fault:
                # Up to 5.1 only administrators may; before 4.15 it is not there. Nothing was stored.
                if self._api == "v4" or fault.status not in (403, 404):
                    raise
                self._may_use_v4 = False
        return self._store_v3(attachment, marks)

    def _store_v4(self, attachment: Attachment) -> str:
        relation = {"targetId": attachment.pid, "targetType": "dataset"}
        own = {"aid": attachment.aid, "isPublished": False, "relationships": [relation]}
        try:
            self._client.write(_V4, attachment.body() | own)
        except CatalogueError as fault:
            if fault.nature is not Nature.AMBIGUOUS:
                raise
            # A repeated aid is a 500; so is much else.
            if self._has_v4(attachment):
                return ""
            raise
        return ""

    def _has_v4(self, attachment: Attachment) -> bool:
        try:
            return self._client.read(f"{_V4}/{attachment.aid}") is not None
        except CatalogueError as fault:
            if fault.status in (403, 404):
                return False
            raise

    def _store_v3(self, attachment: Attachment, marks: Marks) -> str:
        """This API keeps a second copy of what is sent twice."""
        path = f"/api/v3/datasets/{quote(attachment.pid, safe='')}/attachments"
        there = self._has_v3(path, attachment.caption)
        if there is None and marks.is_marked:
            return (
                f"The picture '{attachment.caption}' may or may not be in the catalogue, and the account may not "
                "look: it is not sent again."
            )
        if there:
            return ""
        marks.mark()
        try:
            self._client.write(path, attachment.body())
        except CatalogueError as fault:
            if fault.nature is not Nature.AMBIGUOUS:
                marks.unmark()
            raise
        return ""

    def _has_v3(self, path: str, caption: str) -> bool | None:
        """Whether a picture with this caption is there; None where we may not see it."""
        try:
            found = self._client.read_list(path)
        except CatalogueError as fault:
            if fault.status == 403:
                return None
            raise
        return any(cast("Mapping[str, Any]", item).get("caption") == caption for item in found)
