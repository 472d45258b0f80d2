"""Sends the pictures of a parcel; one that cannot be sent is told of and left out, never the end of an ingest."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from beamsession.catalogue.attachments import Attachment, AttachmentDoor
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.fault import CatalogueError, Nature
from beamsession.catalogue.target import CatalogueTarget
from beamsession.catalogue.thumbnail import thumbnail_url
from beamsession.model.errors import RefusedError
from beamsession.servers.worker.ingest.attempt import Attempt, Parcel
from beamsession.servers.worker.ingest.run_pictures import RunPicture

log = logging.getLogger(__name__)
_MOST_TRIES = 3


class PictureSender:
    """Safe to be cut short anywhere: what has arrived is not sent again."""

    def __init__(self, client: CatalogueClient, target: CatalogueTarget) -> None:
        self._door = AttachmentDoor(client, target)

    def send(self, attempt: Attempt, parcel: Parcel) -> list[str]:
        """Send those that are not settled yet; sentences about those that are left out.

        Raises CatalogueError where it is to be tried again.
        """
        remarks: list[str] = []
        for position, frozen in enumerate(attempt.attachments(parcel.number)):
            marks = _PictureMarks(attempt, parcel.number, position)
            if marks.is_settled:
                continue
            remark = self._sent(parcel, RunPicture.model_validate(frozen), marks)
            if remark:
                log.warning("%s: %s", parcel.pid, remark)
                remarks.append(remark)
            marks.settle()
        return remarks

    def _sent(self, parcel: Parcel, picture: RunPicture, marks: _PictureMarks) -> str:
        try:
            url = thumbnail_url(picture.path)
        except RefusedError as fault:
            return fault.sentence
        except OSError as fault:
            return f"The picture {picture.path} cannot be read: {fault.strerror or fault}."
        document = parcel.document
        attachment = Attachment(
            pid=parcel.pid,
            caption=picture.caption,
            url=url,
            owner_group=str(document["ownerGroup"]),
            access_groups=tuple(document.get("accessGroups", ())),
        )
        try:
            return self._door.store(attachment, marks)
        except CatalogueError as fault:
            return self._after(fault, picture, marks)

    def _after(self, fault: CatalogueError, picture: RunPicture, marks: _PictureMarks) -> str:
        if fault.nature is Nature.TRANSIENT:
            raise fault
        if fault.nature is Nature.AMBIGUOUS and marks.count_failure() < _MOST_TRIES:
            # Without its status: three failures of a picture are not those of the dataset.
            raise CatalogueError(
                fault.sentence,
                nature=fault.nature,
                code=fault.code,
                value=fault.value,
                remedy="It is tried again, and left out if it stays.",
                retry_after_s=fault.retry_after_s,
            ) from fault
        return f"The picture '{picture.caption}' is left out: {fault.sentence}"


@dataclass(frozen=True)
class _PictureMarks:
    """What the attempt remembers of one picture."""

    attempt: Attempt
    parcel: int
    position: int

    def mark(self) -> None:
        """A request for it may have arrived."""
        self.attempt.mark(self.parcel, f"picture-{self.position}")

    def unmark(self) -> None:
        """None has."""
        self.attempt.unmark(self.parcel, f"picture-{self.position}")

    @property
    def is_marked(self) -> bool:
        """Whether a request for it may have arrived."""
        return self.attempt.is_marked(self.parcel, f"picture-{self.position}")

    def settle(self) -> None:
        """Nothing more is to be done about it."""
        self.attempt.mark(self.parcel, f"picture-{self.position}-settled")

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to be done about it."""
        return self.attempt.is_marked(self.parcel, f"picture-{self.position}-settled")

    def count_failure(self) -> int:
        """How many times it has failed, with this one."""
        prefix = f"picture-{self.position}-failed-"
        count = sum(name.startswith(prefix) for name in self.attempt.marks(self.parcel)) + 1
        self.attempt.mark(self.parcel, f"{prefix}{count}")
        return count
