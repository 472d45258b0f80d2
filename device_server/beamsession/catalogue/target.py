"""Which catalogue a beamline's sessions go to, as whom, and what is said about them there: the [catalogue] table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from beamsession.model.value import Value

_GROUP_TOKENS = {"proposal", "instrument", "year"}


class IngestTrigger(StrEnum):
    """What makes a completed session go to the catalogue."""

    ON_COMPLETE = "on_complete"
    ON_COMMAND = "on_command"


class ChecksumAlgorithm(StrEnum):
    """How file contents are proven; the names are hashlib's and the catalogue's."""

    SHA256 = "sha256"
    BLAKE2B = "blake2b"
    MD5 = "md5"
    NONE = "none"


class Technique(Value):
    """An experimental technique as the PaNET ontology names it."""

    pid: str = Field(min_length=1, description="URI of the term, e.g. http://purl.org/pan-science/PaNET/PaNET01217")
    name: str = Field(min_length=1)


class BlockLimits(Value):
    """The most that one list of files sent to the catalogue may hold."""

    files: int = Field(default=10_000, ge=1, description="files in one block")
    data_bytes: int = Field(default=200_000_000_000, ge=1, description="sum of file sizes in one block")
    json_bytes: int = Field(default=8_000_000, ge=1000, description="size of one block's request")


def _group_template(template: str) -> str:
    unknown = {field for _, field, _, _ in Formatter().parse(template) if field is not None} - _GROUP_TOKENS
    if unknown:
        known = ", ".join(sorted(_GROUP_TOKENS))
        raise ValueError(f"unknown token {{{sorted(unknown)[0]}}}; known are {known}")
    return template


GroupTemplate = Annotated[str, AfterValidator(_group_template)]


class CatalogueTarget(Value):
    """One SciCat installation and this beamline's way of using it.

    Passwords and tokens are never in the configuration itself: only the paths of files that hold them.
    """

    url: str = Field(pattern=r"^https?://[^\s/]+", description="the server, without /api")
    username: str = Field(default="", description="functional account; leave out when token_file is used")
    password_file: Path | None = Field(default=None, description="file with the account's password, mode 0600")
    token_file: Path | None = Field(default=None, description="file with a token; read again when it changes")

    owner_group: GroupTemplate = Field(
        default="{proposal}", description="group that owns the data; tokens proposal, instrument, year"
    )
    owner_group_without_proposal: str = Field(
        default="", description="owner group of sessions without a proposal; empty: such a session is parked"
    )
    access_groups: tuple[GroupTemplate, ...] = Field(default=(), description="groups that may read, same tokens")
    ingestor_group: str = Field(
        default="", description="a group of the account itself, so that it can read what it made"
    )

    owner: str = Field(default="", description="owner's name; empty: the session's user")
    contact_email: str = Field(description="e-mail address, several separated by ';'")
    principal_investigators: tuple[str, ...] = ()
    creation_location: str = Field(default="", description="/SITE/FACILITY/BEAMLINE")
    instrument_id: str = Field(default="", description="the instrument's pid in the catalogue")
    instrument_unique_name: str = Field(default="", description="look its pid up by this name instead")
    keywords: tuple[str, ...] = ()
    techniques: tuple[Technique, ...] = ()
    data_format: str = "NeXus"
    source_folder_host: str = Field(default="", description="DNS name of the host that serves the data folder")

    pid_prefix: str = Field(default="", description="first part of the pids we make; empty: no prefix")
    pid_uppercase: bool = Field(default=False, description="upper-case letters in the UUID, where the site wants them")
    site: str = Field(default="", description="makes our pids unique between sites; empty: the creation location")

    when: IngestTrigger = IngestTrigger.ON_COMPLETE
    hold_s: float = Field(default=0.0, ge=0, description="how long a completed session stays editable first, seconds")
    checksum: ChecksumAlgorithm = ChecksumAlgorithm.SHA256
    blocks: BlockLimits = BlockLimits()

    api: Literal["v4"] = Field(default="v4", description="the API that datasets are created with")
    connect_timeout_s: float = Field(default=5.0, gt=0)
    read_timeout_s: float = Field(default=60.0, gt=0)
    block_timeout_s: float = Field(default=300.0, gt=0)
    first_retry_s: float = Field(default=5.0, gt=0, description="first wait when the catalogue is down; doubles")
    longest_retry_s: float = Field(default=900.0, gt=0, description="longest wait between two tries")

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        by_password = bool(self.username) and self.password_file is not None
        if by_password == (self.token_file is not None):
            raise ValueError("give either username and password_file, or token_file")
        return self
