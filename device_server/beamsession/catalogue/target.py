"""Which catalogue a beamline's sessions go to, as whom, and what is said about them there: the [catalogue] table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from beamsession.catalogue.field_templates import FieldTemplates
from beamsession.catalogue.lifecycle import Lifecycle
from beamsession.catalogue.metadata_rules import MetadataRules
from beamsession.catalogue.technique import Technique
from beamsession.catalogue.template import Template
from beamsession.model.value import Value

__all__ = ["BlockLimits", "CatalogueTarget", "ChecksumAlgorithm", "IngestTrigger", "ProposalGift", "Technique"]


class IngestTrigger(StrEnum):
    """What makes a completed session go to the catalogue."""

    ON_COMPLETE = "on_complete"
    ON_COMMAND = "on_command"


class Unit(StrEnum):
    """What becomes one dataset."""

    SESSION = "session"
    RUN = "run"


class ChecksumAlgorithm(StrEnum):
    """How file contents are proven; the names are hashlib's and the catalogue's."""

    SHA256 = "sha256"
    BLAKE2B = "blake2b"
    MD5 = "md5"
    NONE = "none"

    @property
    def hex_length(self) -> int:
        """Characters of a checksum."""
        return _HEX_LENGTHS[self]


_HEX_LENGTHS = {
    ChecksumAlgorithm.SHA256: 64,
    ChecksumAlgorithm.BLAKE2B: 128,
    ChecksumAlgorithm.MD5: 32,
    ChecksumAlgorithm.NONE: 0,
}


class ProposalGift(StrEnum):
    """What a proposal of the catalogue gives to the datasets measured for it, besides the owner group."""

    ACCESS_GROUPS = "access_groups"
    PRINCIPAL_INVESTIGATORS = "principal_investigators"
    TITLE = "title"


class BlockLimits(Value):
    """The most that one list of files sent to the catalogue may hold."""

    files: int = Field(default=10_000, ge=1, description="files in one block")
    data_bytes: int = Field(default=200_000_000_000, ge=1, description="sum of file sizes in one block")
    json_bytes: int = Field(default=8_000_000, ge=1000, description="size of one block's request")


class DatasetRules(Value):
    """What a catalogue is told of this beamline's sessions, and when, by whichever way they get there."""

    owner_group: Template = Field(default="{proposal}", description="group that owns the data; a template")
    owner_group_without_proposal: str = Field(
        default="", description="owner group of sessions without a proposal; empty: such a session is parked"
    )
    owner_group_from: Literal["template", "proposal"] = Field(
        default="template", description="what says who owns the data: owner_group, or the catalogue's own proposal"
    )
    proposal_id: Template = Field(default="{proposal}", description="the proposal's id in the catalogue; a template")
    proposal_required: bool = Field(
        default=True,
        description="park a session whose proposal is looked up and cannot be read; false: go on without it",
    )
    proposal_gives: tuple[ProposalGift, ...] | None = Field(
        default=None,
        description="what else is taken from the catalogue's proposal; left out: access_groups and "
        "principal_investigators where the owner group is, else nothing",
    )
    access_groups: tuple[Template, ...] = Field(
        default=(), description="groups that may read; templates, of which those are used whose tokens have values"
    )
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
    techniques: tuple[Technique, ...] = Field(default=(), description="PaNET terms, always or by what was done")
    sample_keys: tuple[str, ...] = Field(
        default=(), description="keys of the metadata that hold ids of samples; those the catalogue knows are linked"
    )
    fields: FieldTemplates = Field(default_factory=dict, description="fields of the dataset, made by templates")
    scientific_metadata: MetadataRules = Field(
        default=MetadataRules(), description="which metadata are sent, and under which names"
    )
    lifecycle: Lifecycle = Field(default=Lifecycle(), description="values of the dataset's lifecycle at its creation")
    data_format: str = "NeXus"
    source_folder_host: str = Field(default="", description="DNS name of the host that serves the data folder")

    pid_mode: Literal["client", "server"] = Field(
        default="client",
        description="who makes the pid: we (client), or the server, for accounts that may not choose one",
    )
    pid_prefix: str = Field(default="", description="first part of the pids we make; empty: no prefix")
    pid_uppercase: bool = Field(default=False, description="upper-case letters in the UUID, where the site wants them")
    site: str = Field(default="", description="makes our pids unique between sites; empty: the creation location")

    when: IngestTrigger = IngestTrigger.ON_COMPLETE
    hold_s: float = Field(default=0.0, ge=0, description="how long a completed session stays editable first, seconds")
    alarm_age_h: float = Field(
        default=24.0, gt=0, description="hours that a session may be on its way before that is an alarm"
    )
    link: str = Field(
        default="",
        pattern=r"^$|\{pid\}",
        description="a dataset's web page, e.g. https://scicat.your.site/datasets/{pid}; empty: none",
    )

    @property
    def needs_v3(self) -> bool:
        """Whether it is sure to be told in version 3 of the API, which takes less."""
        return False

    @property
    def takes_owner_group_from_proposal(self) -> bool:
        """Whether the catalogue's proposal says who owns the data."""
        return self.owner_group_from == "proposal"

    def takes_from_proposal(self, gift: ProposalGift) -> bool:
        """Whether `gift` is taken from the catalogue's proposal."""
        if self.proposal_gives is not None:
            return gift in self.proposal_gives
        return self.takes_owner_group_from_proposal and gift is not ProposalGift.TITLE

    @property
    def looks_up_proposal(self) -> bool:
        """Whether anything is taken from the catalogue's proposal."""
        return self.takes_owner_group_from_proposal or any(map(self.takes_from_proposal, ProposalGift))


class CatalogueTarget(DatasetRules):
    """One SciCat installation and this beamline's way of using it.

    Passwords and tokens are never in the configuration itself: only the paths of files that hold them.
    """

    kind: Literal["scicat"] = Field(default="scicat", description="the server is asked directly")
    url: str = Field(pattern=r"^https?://[^\s/@?#]+(/[^\s@?#]*)?$", description="the server, without /api")
    ca_file: Path | None = Field(
        default=None, description="certificates, PEM, of the authority that vouches for an https address"
    )
    proxy: str = Field(
        default="",
        pattern=r"^(https?://[^\s/@]+)?$",
        description="http proxy on the way there; those of the environment are ignored",
    )
    username: str = Field(default="", description="functional account; leave out when token_file is used")
    password_file: Path | None = Field(default=None, description="file with the account's password, mode 0600")
    token_file: Path | None = Field(default=None, description="file with a token; read again when it changes")

    unit: Unit = Field(
        default=Unit.SESSION,
        description="what becomes one dataset: the whole session, or each run, and the session's other files one more",
    )
    checksum: ChecksumAlgorithm = ChecksumAlgorithm.SHA256
    checksum_threads: int | None = Field(
        default=None, ge=1, le=64, description="files read at a time for their checksums; left out: 2, or 1 on one core"
    )
    blocks: BlockLimits = BlockLimits()

    api: Literal["auto", "v3", "v4"] = Field(
        default="auto", description="the API that datasets are created with; auto: v4 where the server has it"
    )
    attachments: Literal["auto", "v3", "v4"] = Field(
        default="auto", description="the API that pictures are sent with; auto: v4 where the account may, else v3"
    )
    thumbnails: int | None = Field(
        default=None, ge=0, le=20, description="pictures of runs in a dataset; left out: 5 of a session, 1 of a run"
    )
    connect_timeout_s: float = Field(default=5.0, gt=0)
    read_timeout_s: float = Field(default=60.0, gt=0)
    block_timeout_s: float = Field(default=300.0, gt=0)
    first_retry_s: float = Field(default=5.0, gt=0, description="first wait when the catalogue is down; doubles")
    settle_s: float = Field(
        default=10.0,
        ge=0,
        description="how long the catalogue may still be busy with a request whose answer was lost, seconds",
    )
    longest_retry_s: float = Field(default=900.0, gt=0, description="longest wait between two tries")

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        by_password = bool(self.username) and self.password_file is not None
        if by_password == (self.token_file is not None):
            raise ValueError("give either username and password_file, or token_file")
        return self

    @property
    def needs_v3(self) -> bool:
        """Whether the older API is configured."""
        return self.api == "v3"
