"""The tables of a beamline's configuration that belong to the whole of it, and to no part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from beamsession.definition_file import DefinitionPath
from beamsession.model.definition import MetadataDefinition, MetadataKeys
from beamsession.model.instrument import AddedFiles
from beamsession.model.paths import DEFAULT_TEMPLATE, check_template
from beamsession.model.plan import FileRules
from beamsession.recorder_table import DeviceName


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"must be an absolute path, '{path}' is not")
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class Table(BaseModel):
    """A value that knows its keys: others are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InstrumentTable(Table):
    """[instrument]: what the beamline is called."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,39}$", description="short name, a key in the store")
    title: str = Field(default="", description="name for people")
    facility: str = ""
    source_name: str = Field(default="", description="the light or neutron source, for NXsource")


class TangoTable(Table):
    """[tango]: the devices' names and the instances of their servers."""

    manager: DeviceName = Field(default="beamline/session/manager", description="the SessionManager device")
    recorder: DeviceName = Field(default="beamline/session/recorder", description="the RunRecorder device")
    instance: str = Field(default="main", pattern=r"^[\w-]+$", description="instance name of both servers")
    recorder_url: str | None = Field(
        default=None, description="full address of the recorder where no Tango database knows it (tango://…#dbase=no)"
    )
    host: str | None = Field(
        default=None, description="HOST:PORT of an existing Tango database; left out: `up` starts its own on loopback"
    )


class DataTable(Table):
    """[data]: where data files go and how they look."""

    root: AbsolutePath = Field(description="the data root, on the recorder's host")
    template: Annotated[str, AfterValidator(check_template)] = Field(
        default=DEFAULT_TEMPLATE, description="a session's folder below the root"
    )
    allowed_roots: tuple[AbsolutePath, ...] = Field(
        default=(), description="where added files may lie besides the root"
    )
    added_files: AddedFiles = Field(
        default=AddedFiles.COPY, description="what becomes of files from outside a session's folder"
    )
    file_mode: str = Field(default="0640", pattern=r"^0?[0-7]{3,4}$", description="octal")
    folder_mode: str = Field(default="2750", pattern=r"^0?[0-7]{3,4}$", description="octal")
    group: str | None = Field(default=None, description="group of everything created; left out: the process's own")
    min_free_gib: float = Field(default=1.0, ge=0, description="below this no run starts (MAJOR alarm)")
    low_free_gib: float = Field(default=10.0, ge=0, description="below this a MINOR alarm")
    min_minutes: float = Field(
        default=5.0, ge=0, description="the disk is full sooner than this at the present rate: MAJOR alarm"
    )
    low_minutes: float = Field(default=30.0, ge=0, description="the same: MINOR alarm")
    allow_network_file_system: bool = Field(
        default=False, description="record on NFS, SMB and the like, where nobody can follow a file while it is written"
    )

    @property
    def rules(self) -> FileRules:
        """The same as a value for the recorder."""
        return FileRules(file_mode=int(self.file_mode, 8), folder_mode=int(self.folder_mode, 8), group=self.group)


class StoreTable(Table):
    """[store]: the databases; left out: SQLite files in the state folder."""

    url: str | None = Field(default=None, description="sqlite:////path or postgresql+psycopg://user@host/name")
    jobs_url: str | None = Field(default=None, description="the job database, always another one than the store's")


class RunTable(Table):
    """[run]: how runs are made when the command does not say."""

    frames: int | None = Field(
        default=None, ge=1, description="declared frames of a run; left out: until it is stopped"
    )
    connect_timeout_s: float = Field(default=2.0, gt=0, le=3, description="how long a PV may take to answer at start")
    max_clock_skew_s: float = Field(
        default=1.0, gt=0, description="clocks of detector and recorder further apart than this: MINOR alarm"
    )
    single_file: bool = Field(
        default=False, description="copy every run with data into one file, run_0001_single.nxs, when it has ended"
    )
    readings_waiting: int = Field(
        default=2_000_000,
        ge=1000,
        le=1_000_000_000,
        description="values of readings that may wait for the disk, 21 bytes each; those beyond are counted as lost",
    )


class MetadataTable(Table):
    """[metadata]: what the metadata of a session are to be."""

    strict: bool = Field(
        default=True, description="refuse what does not fit its key; false: keep it as it was given, and log it"
    )
    undefined: Literal["allow", "refuse"] = Field(
        default="allow", description="what becomes of keys that are not defined: kept as they are, or refused"
    )
    definition_file: DefinitionPath | None = Field(
        default=None,
        description="Java properties, `key = Type;default` a line; a relative path is counted from this file's folder",
    )
    keys: MetadataKeys = Field(default=(), description="added to those of definition_file, and win by name")

    @property
    def definition(self) -> MetadataDefinition:
        """All keys and rules; a key that wins by name stands where the definition file has it."""
        filed = self.definition_file.keys if self.definition_file else ()
        keys = {key.name: key for key in (*filed, *self.keys)}
        return MetadataDefinition(keys=tuple(keys.values()), strict=self.strict, undefined=self.undefined)


class WorkerTable(Table):
    """[worker]: the program that does what takes long."""

    name: str = Field(default="worker-1", pattern=r"^[\w.-]+$", description="unique among the workers of an instrument")
    lease_s: float = Field(
        default=15.0,
        ge=3,
        le=60,
        description="PostgreSQL: a worker that gives no sign of life for so long has lost its work to the others",
    )
    folder: AbsolutePath | None = Field(
        default=None,
        description="what is on its way to the catalogue, on a disk that all workers of a job database share; "
        "left out: `ingest` in the state folder",
    )
