"""One TOML file per beamline: read, checked key by key, and turned into values for the parts."""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from beamsession.catalogue.target import CatalogueTarget
from beamsession.definition_file import FOLDER, DefinitionPath
from beamsession.epics_table import EpicsTable
from beamsession.model.auth import OperatorConfig, TokenConfig
from beamsession.model.definition import MetadataDefinition, MetadataKeys
from beamsession.model.detector import DetectorConfig
from beamsession.model.errors import InvalidInputError
from beamsession.model.hook import HookConfig
from beamsession.model.instrument import AddedFiles, Instrument
from beamsession.model.nexus import NexusRules
from beamsession.model.parts import MAIN_RECORDER, recorder_of
from beamsession.model.paths import DEFAULT_TEMPLATE, check_template
from beamsession.model.plan import FileRules, InstrumentFacts
from beamsession.model.quick_look import QuickLookConfig
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.recorder_table import DeviceName, RecorderTable, require_consistent


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"must be an absolute path, '{path}' is not")
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
_GIB = 1024**3
_TAKEN_IN_DATA = {"data", "time", "title"}
_TAKEN_IN_ENTRY = {
    *("instrument", "sample", "user", "session", "run", "notes", "readings", "plot", "title", "source", "duration"),
    *("start_time", "end_time", "program_name", "definition"),
    *("entry_identifier", "collection_identifier", "experiment_identifier"),
}


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InstrumentTable(_Table):
    """[instrument]: what the beamline is called."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,39}$", description="short name, a key in the store")
    title: str = Field(default="", description="name for people")
    facility: str = ""
    source_name: str = Field(default="", description="the light or neutron source, for NXsource")


class TangoTable(_Table):
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


class DataTable(_Table):
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


class StoreTable(_Table):
    """[store]: the databases; left out: SQLite files in the state folder."""

    url: str | None = Field(default=None, description="sqlite:////path or postgresql+psycopg://user@host/name")
    jobs_url: str | None = Field(default=None, description="the job database, always another one than the store's")


class RunTable(_Table):
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


class MetadataTable(_Table):
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


class WorkerTable(_Table):
    """[worker]: the program that does what takes long."""

    name: str = Field(
        default="worker-1", pattern=r"^[\w.-]+$", description="unique among the workers of a job database"
    )


class Beamline(_Table):
    """The whole file."""

    instrument: InstrumentTable
    data: DataTable
    state_dir: AbsolutePath | None = Field(
        default=None, description="databases, locks, journals and logs; `beamsession up --state` wins"
    )
    tango: TangoTable = TangoTable()
    recorders: tuple[RecorderTable, ...] = Field(
        default=(), description="further recorders, which record the detectors that name them"
    )
    store: StoreTable = StoreTable()
    run: RunTable = RunTable()
    worker: WorkerTable = WorkerTable()
    metadata: MetadataTable = MetadataTable()
    operator: OperatorConfig = OperatorConfig()
    tokens: TokenConfig = TokenConfig()
    detectors: tuple[DetectorConfig, ...] = ()
    readings: tuple[ReadingConfig, ...] = ()
    constants: tuple[ConstantConfig, ...] = ()
    nexus: NexusRules = NexusRules()
    hooks: tuple[HookConfig, ...] = ()
    quick_look: QuickLookConfig = QuickLookConfig()
    catalogue: CatalogueTarget | None = None
    epics: EpicsTable | None = Field(
        default=None, description="the session manager over Channel Access; left out: none, but in a simulation"
    )
    environment: dict[str, str] = Field(
        default_factory=dict, description="EPICS_CA_ADDR_LIST and the like, set before any client library is loaded"
    )

    @model_validator(mode="after")
    def _names_do_not_collide(self) -> Beamline:
        seen: dict[str, str] = {}
        tables = {"detectors": self.detectors, "readings": self.readings, "constants": self.constants}
        for table, items in tables.items():
            times = Counter(item.name.lower() for item in items)
            for item in items:
                other = seen.setdefault(item.name.lower(), table)
                if other is not table or times[item.name.lower()] > 1:
                    where = table if other == table else f"{other} and {table}"
                    raise ValueError(f"'{item.name}' names two things in {where}: rename one")
        for detector in self.detectors:
            if detector.name.lower() in _TAKEN_IN_ENTRY:
                raise ValueError(f"a detector cannot be called '{detector.name}', every run's file has that: rename it")
        for reading in self.readings:
            if reading.axis and (reading.name.lower() in _TAKEN_IN_DATA or reading.name.endswith("_interpolated")):
                raise ValueError(f"an axis cannot be called '{reading.name}', every NXdata has that: rename it")
        return self

    @model_validator(mode="after")
    def _hooks_have_names_of_their_own(self) -> Beamline:
        names = [hook.name for hook in self.hooks]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"'{twice[0]}' names two hooks: rename one")
        return self

    @model_validator(mode="after")
    def _recorders_are_there(self) -> Beamline:
        require_consistent(self.all_recorders, self.detectors)
        return self

    @property
    def all_recorders(self) -> tuple[RecorderTable, ...]:
        """Every recorder: the one in [tango] first, called `main`."""
        tango = self.tango
        main = RecorderTable(name=MAIN_RECORDER, device=tango.recorder, instance=tango.instance, url=tango.recorder_url)
        return (main, *self.recorders)

    def detectors_of(self, recorder: str) -> tuple[DetectorConfig, ...]:
        """The detectors that the recorder of this name records."""
        return tuple(item for item in self.detectors if recorder_of(item.recorder) == recorder)

    @property
    def state(self) -> Path:
        """The state folder; InvalidInputError where none is configured."""
        if self.state_dir is None:
            raise InvalidInputError(
                "No state folder is configured.", code="BAD_CONFIG", remedy="Set state_dir at the top of the file."
            )
        return self.state_dir

    @property
    def store_url(self) -> str:
        """URL of the store."""
        return self.store.url or f"sqlite:///{self.state / 'store.sqlite'}"

    @property
    def jobs_url(self) -> str:
        """URL of the job database."""
        return self.store.jobs_url or f"sqlite:///{self.state / 'jobs.sqlite'}"

    @property
    def worker_token_file(self) -> Path:
        """The file with the token that proves our own programs."""
        return self.tokens.worker_file or self.state / "worker.token"

    def instrument_value(self) -> Instrument:
        """The instrument as the verbs and the recorder know it."""
        table = self.instrument
        return Instrument(
            facts=InstrumentFacts(
                name=table.name, title=table.title, facility=table.facility, source_name=table.source_name
            ),
            data_root=self.data.root,
            folder_template=self.data.template,
            allowed_roots=self.data.allowed_roots,
            added_files=self.data.added_files,
            rules=self.data.rules,
            recorders=tuple(recorder.name for recorder in self.all_recorders),
            detectors=self.detectors,
            readings=self.readings,
            constants=self.constants,
            nexus=self.nexus,
            definition=self.metadata.definition,
            hooks=self.hooks,
            quick_look=self.quick_look,
            single_file=self.run.single_file,
            connect_timeout_s=self.run.connect_timeout_s,
            min_free_bytes=int(self.data.min_free_gib * _GIB),
            low_free_bytes=int(self.data.low_free_gib * _GIB),
            min_minutes=self.data.min_minutes,
            low_minutes=self.data.low_minutes,
            allow_network_file_system=self.data.allow_network_file_system,
            max_clock_skew_s=self.run.max_clock_skew_s,
            operator=self.operator.name,
            default_run_frames=self.run.frames,
            has_catalogue=self.catalogue is not None,
            ingest_on_complete=self.catalogue is not None and self.catalogue.when == "on_complete",
        )


class ConfigError(InvalidInputError):
    """A configuration file that cannot be used; `complaints` name each key with the remedy."""

    default_code = "BAD_CONFIG"

    def __init__(self, path: Path, complaints: list[str]) -> None:
        self.complaints = complaints
        super().__init__(
            f"{path} cannot be used: " + "; ".join(complaints),
            value=str(path),
            remedy=f"Correct it and try `beamsession config check {path}`.",
        )


def load(path: Path) -> Beamline:
    """The beamline that the TOML file `path` describes, or ConfigError with every complaint.

    The environment variable BEAMSESSION_STATE, which `beamsession up --state` sets, wins over `state_dir`.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ConfigError(
            path, [f"the file cannot be read ({fault.strerror}): give the path of a readable file"]
        ) from fault
    except UnicodeDecodeError as fault:
        raise ConfigError(path, [f"the file is not UTF-8 text (byte {fault.start}): save it as UTF-8"]) from fault
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(path, [f"the file is not TOML: {fault}"]) from fault
    state_dir = os.environ.get("BEAMSESSION_STATE")
    return parse({**data, "state_dir": state_dir} if state_dir else data, path)


def parse(data: dict[str, Any], path: Path) -> Beamline:
    """The beamline in already parsed TOML; `path` is named in complaints, and relative paths begin in its folder."""
    try:
        return Beamline.model_validate(data, context={FOLDER: path.parent})
    except ValidationError as fault:
        raise ConfigError(path, [_complaint(dict(error)) for error in fault.errors()]) from fault


def json_schema() -> dict[str, Any]:
    """The JSON schema of the file, for editors."""
    return Beamline.model_json_schema()


_REMEDIES = {
    "extra_forbidden": "remove it or correct its spelling",
    "missing": "add it",
    "union_tag_invalid": "set source to one of the expected tags",
    "union_tag_not_found": 'add source = "pva", "ca", "tango", "pva_table", "areadetector" or "armed"',
}


_SOURCES = ("pva", "ca", "tango", "pva_table", "areadetector", "armed")


def _complaint(error: dict[str, Any]) -> str:
    place = error["loc"]
    # Behind the number of a detector comes its source, which is no key.
    parts = [str(part) for at, part in enumerate(place) if at != 2 or place[0] != "detectors" or part not in _SOURCES]
    key = ".".join(parts) or "the file as a whole"
    message = str(error["msg"]).removeprefix("Value error, ")
    remedy = _REMEDIES.get(str(error["type"]))
    given = error.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{key}: {message}{shown}" + (f": {remedy}" if remedy else "")
