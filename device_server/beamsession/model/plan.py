"""What the manager asks of a recorder: one run, completely described, so that the recorder needs no store."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from beamsession.model.detector import DetectorConfig
from beamsession.model.nexus import NexusRules
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.model.value import Value


class RunKey(Value):
    """Which run: unique over all instruments, stable over restarts."""

    instrument: str
    session_id: int
    run_number: int

    def __str__(self) -> str:
        return f"{self.instrument}/{self.session_id}/{self.run_number}"


class SessionFacts(Value):
    """What a run's file says about its session."""

    id: int
    name: str
    title: str = ""
    proposal: str = ""
    user: str = ""
    start: datetime
    metadata: dict[str, Any] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict, description="of plain numbers in the metadata, by key")


class InstrumentFacts(Value):
    """What a run's file says about where it was taken."""

    name: str
    title: str = ""
    facility: str = ""
    source_name: str = ""


class FileRules(Value):
    """How what is created on disk shall look: octal modes and the group by name, None for the process's own."""

    file_mode: int = 0o640
    folder_mode: int = 0o2750
    group: str | None = None


class RunPlan(Value):
    """One run to record.

    `folder` is the session's folder, absolute on the recorder's host and inside `data_root`. `frames` is the declared
    number of frames of each detector; the run ends by itself when all have them. None: until it is stopped.

    Where several recorders share a run, each gets a plan of its own part: `detectors` are those that it records itself,
    `all_detectors` those of the run. `team` are the recorders' names, the leading one first, and `part` is the one that
    this plan is for. The leading one records the readings and writes the master. Such a run records once it is armed.
    """

    key: RunKey
    data_root: Path
    folder: Path
    session: SessionFacts
    instrument: InstrumentFacts
    title: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    frames: int | None = Field(default=None, ge=1)
    detectors: tuple[DetectorConfig, ...] = ()
    readings: tuple[ReadingConfig, ...] = ()
    readings_digest: str = Field(default="", description="stands for `readings` where both ends know them")
    constants: tuple[ConstantConfig, ...] = ()
    nexus: NexusRules = NexusRules()
    rules: FileRules = FileRules()
    connect_timeout_s: float = Field(default=2.0, gt=0, description="how long a PV may take to answer at start")
    min_free_bytes: int = Field(default=0, ge=0)
    max_clock_skew_s: float = Field(default=1.0, gt=0)
    allow_network_file_system: bool = False
    team: tuple[str, ...] = ()
    part: str = ""
    all_detectors: tuple[DetectorConfig, ...] = ()

    @property
    def leads(self) -> bool:
        """Whether the recorder of this plan writes the master; one that is alone does."""
        return not self.team or self.part == self.team[0]

    @property
    def is_shared(self) -> bool:
        """Whether other recorders record parts of the same run."""
        return len(self.team) > 1

    @property
    def whole(self) -> RunPlan:
        """The same plan with the detectors of all recorders, as the master describes the run."""
        return self.model_copy(update={"detectors": self.all_detectors}) if self.all_detectors else self

    @property
    def stem(self) -> str:
        """`run_0001`: the beginning of every file name of this run."""
        return f"run_{self.key.run_number:04d}"

    @property
    def master(self) -> Path:
        """The run's NeXus master."""
        return self.folder / f"{self.stem}.nxs"

    def frames_of(self, detector: str) -> int | None:
        """The declared number of frames of one detector: more for a faster one, none for one that does not count."""
        if self.frames is None:
            return None
        chosen = next((item for item in self.detectors if item.name == detector), None)
        if chosen is None:
            return self.frames
        return self.frames * chosen.frames_factor if chosen.counts_frames else None

    def data_file(self, detector: str) -> Path:
        """The data file of one detector."""
        return self.folder / f"{self.stem}_{detector}.h5"

    @property
    def readings_file(self) -> Path:
        """The table of scalar readings."""
        return self.folder / f"{self.stem}_readings.h5"
