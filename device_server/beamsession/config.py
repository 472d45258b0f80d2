"""One TOML file per beamline: read, checked key by key, and turned into values for the parts."""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from beamsession.catalogue.ingestor import IngestorTarget
from beamsession.catalogue.target import CatalogueTarget, DatasetRules
from beamsession.config_tables import (
    AbsolutePath,
    DataTable,
    InstrumentTable,
    MetadataTable,
    RunTable,
    StoreTable,
    Table,
    TangoTable,
    WorkerTable,
)
from beamsession.definition_file import FOLDER
from beamsession.epics_table import EpicsTable
from beamsession.model.auth import OperatorConfig, TokenConfig
from beamsession.model.detector import DetectorConfig
from beamsession.model.errors import InvalidInputError
from beamsession.model.hook import HookConfig
from beamsession.model.instrument import Instrument
from beamsession.model.nexus import NexusRules
from beamsession.model.parts import MAIN_RECORDER, recorder_of
from beamsession.model.plan import InstrumentFacts
from beamsession.model.quick_look import QuickLookConfig
from beamsession.model.reading import ConstantConfig, ReadingConfig
from beamsession.recorder_table import RecorderTable, require_consistent

_GIB = 1024**3
_TAKEN_IN_DATA = {"data", "time", "title"}
_TAKEN_IN_ENTRY = {
    *("instrument", "sample", "user", "session", "run", "notes", "readings", "plot", "title", "source", "duration"),
    *("start_time", "end_time", "program_name", "definition"),
    *("entry_identifier", "collection_identifier", "experiment_identifier"),
}


def _kind(table: Any) -> str:
    return str(table.get("kind", "scicat")) if isinstance(table, dict) else str(getattr(table, "kind", ""))


CatalogueTable = Annotated[
    Annotated[CatalogueTarget, Tag("scicat")] | Annotated[IngestorTarget, Tag("command")], Discriminator(_kind)
]
"""[catalogue]: a server that is asked directly, or a program of the site that asks it."""


class Beamline(Table):
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
    catalogue: CatalogueTable | None = Field(
        default=None, description="which catalogue sessions go to, and how; left out: none"
    )
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
    def ingest_folder(self) -> Path:
        """Where workers keep what is on its way to the catalogue, and the checksums taken."""
        return self.worker.folder or self.state / "ingest"

    @property
    def worker_token_file(self) -> Path:
        """The file with the token that proves our own programs."""
        return self.tokens.worker_file or self.state / "worker.token"

    def instrument_value(self) -> Instrument:
        """The instrument as the verbs and the recorder know it."""
        table, target = self.instrument, self.catalogue
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
            ingestor_options=target.request_options if isinstance(target, IngestorTarget) else None,
            ingest_on_complete=self.catalogue is not None and self.catalogue.when == "on_complete",
            **(_desk_facts(self.catalogue) if self.catalogue else {}),
        )


def _desk_facts(target: DatasetRules) -> dict[str, Any]:
    """What the manager knows of the way to the catalogue."""
    return {
        "ingest_hold_s": target.hold_s,
        "ingest_alarm_age_h": target.alarm_age_h,
        "dataset_link": target.link,
    }


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


def named(beamline: Beamline, worker: str) -> Beamline:
    """The same for a worker of this name. Raises InvalidInputError BAD_WORKER_NAME."""
    try:
        table = WorkerTable.model_validate({**beamline.worker.model_dump(), "name": worker})
    except ValidationError as fault:
        raise InvalidInputError(
            "A worker cannot be called that.",
            code="BAD_WORKER_NAME",
            value=worker,
            remedy="Use letters, digits, '.', '_' and '-'.",
        ) from fault
    return beamline.model_copy(update={"worker": table})


def json_schema() -> dict[str, Any]:
    """The JSON schema of the file, for editors."""
    return Beamline.model_json_schema()


_REMEDIES = {
    "extra_forbidden": "remove it or correct its spelling",
    "missing": "add it",
    "union_tag_invalid": "set source to one of the expected tags",
    "union_tag_invalid catalogue": 'leave kind out for a SciCat server, or set kind = "command" for an ingestor',
    "union_tag_not_found": 'add source = "pva", "ca", "tango", "pva_table", "areadetector" or "armed"',
}


_SOURCES = ("pva", "ca", "tango", "pva_table", "areadetector", "armed")


def _is_tag(place: Sequence[Any], at: int) -> bool:
    """Behind the number of a detector comes its source, behind the catalogue its kind, which are no keys."""
    if place[0] == "detectors":
        return at == 2 and place[at] in _SOURCES
    return place[0] == "catalogue" and at == 1 and place[at] in ("scicat", "command")


def _complaint(error: dict[str, Any]) -> str:
    place = error["loc"]
    parts = [str(part) for at, part in enumerate(place) if not _is_tag(place, at)]
    key = ".".join(parts) or "the file as a whole"
    message = str(error["msg"]).removeprefix("Value error, ")
    remedy = _REMEDIES.get(str(error["type"]) + (" catalogue" if parts == ["catalogue"] else ""))
    given = error.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{key}: {message}{shown}" + (f": {remedy}" if remedy else "")
