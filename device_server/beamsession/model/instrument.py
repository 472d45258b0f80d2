"""One instrument as it is configured: what the verbs need to know about it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, Field

from beamsession.model.definition import MetadataDefinition
from beamsession.model.detector import DetectorConfig
from beamsession.model.hook import HookConfig
from beamsession.model.nexus import NexusRules
from beamsession.model.parts import MAIN_RECORDER
from beamsession.model.paths import DEFAULT_TEMPLATE, check_template
from beamsession.model.plan import FileRules, InstrumentFacts
from beamsession.model.quick_look import QuickLookConfig
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.model.value import Identifier, Value


class AddedFiles(StrEnum):
    """What becomes of files that belong to a session and lie outside its folder."""

    COPY = "copy"
    """they are copied into the folder before its files are listed for the catalogue"""
    REFERENCE = "reference"
    """they stay where they are; the catalogue is told their paths"""


class Instrument(Value):
    """An instrument: its data root, detectors, readings and constants; disk limits in bytes."""

    facts: InstrumentFacts
    data_root: Path
    folder_template: Annotated[str, AfterValidator(check_template)] = DEFAULT_TEMPLATE
    allowed_roots: tuple[Path, ...] = ()
    added_files: AddedFiles = AddedFiles.COPY
    rules: FileRules = FileRules()
    recorders: tuple[str, ...] = Field(default=(MAIN_RECORDER,), description="names, the first one first")
    detectors: tuple[DetectorConfig, ...] = ()
    readings: tuple[ReadingConfig, ...] = ()
    constants: tuple[ConstantConfig, ...] = ()
    nexus: NexusRules = NexusRules()
    definition: MetadataDefinition = Field(default=MetadataDefinition(), description="of its sessions' metadata")
    hooks: tuple[HookConfig, ...] = ()
    quick_look: QuickLookConfig = QuickLookConfig()
    single_file: bool = Field(default=False, description="every run with data is copied into one file")
    connect_timeout_s: float = 2.0
    min_free_bytes: int = 0
    low_free_bytes: int = 0
    min_minutes: float = Field(default=5.0, ge=0, description="until the disk is full at the present rate: MAJOR alarm")
    low_minutes: float = Field(default=30.0, ge=0, description="the same: MINOR alarm")
    allow_network_file_system: bool = False
    max_clock_skew_s: float = Field(default=1.0, gt=0, description="between a detector and its recorder")
    operator: str = Field(default="", description="as whom everybody acts who brings no identity")
    default_run_frames: int | None = Field(default=None, ge=1)
    has_catalogue: bool = Field(default=False, description="whether a catalogue is configured at all")
    ingestor_options: tuple[str, ...] | None = Field(
        default=None, description="options of an external ingestor that one request may choose; None: there is none"
    )
    ingest_on_complete: bool = Field(default=False, description="a completed session goes to the catalogue by itself")
    ingest_hold_s: float = Field(default=0.0, ge=0, description="how long a completed session stays editable first")
    ingest_alarm_age_h: float = Field(default=24.0, gt=0, description="on its way for so long: MINOR alarm")
    dataset_link: str = Field(default="", description="web page of a dataset, with {pid} in it")

    def link_of(self, pid: str) -> str:
        """The web page of the dataset `pid`; empty where none is known."""
        return self.dataset_link.replace("{pid}", quote(pid, safe="")) if pid else ""

    @property
    def name(self) -> Identifier:
        """The instrument's name: a key in the store."""
        return self.facts.name

    @property
    def roots(self) -> tuple[Path, ...]:
        """Where added and registered files may lie."""
        return (self.data_root, *self.allowed_roots)
