"""What the catalogue is told about a dataset's further life: the [catalogue.lifecycle] table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, field_validator

from beamsession.model.clock import to_text
from beamsession.model.value import Value


class Lifecycle(Value):
    """Values of a dataset's lifecycle at its creation, under the API's own names; the server's defaults fill the rest.

    The server drops names that it does not know without a word, so they are checked here.
    """

    archivable: bool | None = Field(default=None, description="may be archived; false while data are not in place yet")
    retrievable: bool | None = None
    publishable: bool | None = None
    is_on_central_disk: bool | None = Field(default=None, alias="isOnCentralDisk")
    archive_status_message: str | None = Field(default=None, alias="archiveStatusMessage", min_length=1)
    retrieve_status_message: str | None = Field(default=None, alias="retrieveStatusMessage", min_length=1)
    retrieve_integrity_check: bool | None = Field(default=None, alias="retrieveIntegrityCheck")
    archive_retention_time: datetime | None = Field(
        default=None, alias="archiveRetentionTime", description="until when it stays archived, with a zone"
    )
    date_of_disk_purging: datetime | None = Field(default=None, alias="dateOfDiskPurging")
    date_of_publishing: datetime | None = Field(default=None, alias="dateOfPublishing")
    storage_location: str | None = Field(
        default=None, alias="storageLocation", min_length=1, description="kept by backends from 4.24 on"
    )

    @field_validator("archive_retention_time", "date_of_disk_purging", "date_of_publishing")
    @classmethod
    def _has_a_zone(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is None:
            raise ValueError("needs a zone, for example 2030-01-01T00:00:00Z")
        return moment

    @property
    def document(self) -> dict[str, Any]:
        """The values given, as the API has them; empty where none is."""
        given = self.model_dump(by_alias=True, exclude_none=True)
        return {name: to_text(value) if isinstance(value, datetime) else value for name, value in given.items()}
