"""The configured detectors of a run: what makes frames, and how they come to a file."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from beamsession.model.data_layout import OWN_LAYOUT, TABLE_LAYOUT, DataLayout
from beamsession.model.value import Identifier, PixelType, PvName, PvPrefix, TangoAttribute, TangoMember, Value


class TangoEvent(StrEnum):
    """How the values of a Tango attribute come: pushed by its device, or read again and again."""

    AUTO = "auto"
    CHANGE = "change"
    ARCHIVE = "archive"
    USER = "user"
    POLL = "poll"


class Compression(StrEnum):
    """How frames are compressed, always without loss; NONE writes them as they come.

    BSLZ4 and BSZSTD are bitshuffle with LZ4 or zstd (HDF5 filter 32008), GZIP is what every HDF5 library reads.
    """

    NONE = "none"
    BSLZ4 = "bslz4"
    BSZSTD = "bszstd"
    GZIP = "gzip"

    @property
    def highest_level(self) -> int:
        """The strongest level that can be asked for; 0 where there is none to choose."""
        return {Compression.BSZSTD: 22, Compression.GZIP: 9}.get(self, 0)


class _Detector(Value):
    name: Identifier = Field(description="names the data file run_0001_<name>.h5 and the NXdetector group")
    title: str = Field(default="", description="what people call it")
    frames_factor: int = Field(
        default=1, ge=1, description="how many frames it makes for each declared frame of a run: for a faster detector"
    )

    recorder: Identifier | None = Field(
        default=None, description='which of [[recorders]] records it; left out: the one in [tango], called "main"'
    )

    @property
    def address(self) -> str:
        """Where it is found on the control system: the PV or attribute of its frames."""
        raise NotImplementedError

    @property
    def layout(self) -> DataLayout | None:
        """Where its data file holds what; None for a detector that has no data file."""
        return OWN_LAYOUT

    @property
    def counts_frames(self) -> bool:
        """Whether it tells how many frames it has; of one that does not, no number is expected."""
        return True

    @property
    def starts_frames(self) -> bool:
        """Whether the run makes it acquire, when it records; frames of the same camera may then come elsewhere too."""
        return False

    @property
    def rests_in_pauses(self) -> bool:
        """Whether a pause makes it stop acquiring, not only leave its frames out."""
        return False

    @property
    def prepare_s(self) -> float:
        """How long its preparation may take beyond the time PVs have to connect, seconds."""
        return 0.0


class _Streamed(_Detector):
    """Frames that a recorder takes off the wire and writes itself."""

    units: str = Field(default="counts", description="unit of a pixel's value")
    compression: Compression = Field(default=Compression.NONE, description="of the frames in the data file")
    compression_level: int | None = Field(
        default=None, ge=1, description="1 is the fastest and the default; up to 22 for bszstd, 9 for gzip"
    )
    compression_threads: int = Field(default=2, ge=1, le=64, description="threads that compress frames")
    ring_mib: int = Field(default=256, ge=16, le=65536, description="memory between receiver and writer, MiB")
    exposure_s: float | None = Field(default=None, gt=0, description="the exposure time, s, where no PV tells it")
    stall_s: float = Field(
        default=30.0,
        gt=0,
        description="no frame for longer than this, and than three exposures, while a run records: an alarm",
    )
    stall_ends_run: bool = Field(default=False, description="end the run then, with what came (ABORTED)")

    @model_validator(mode="after")
    def _has_the_level(self) -> Self:
        if self.compression_level is not None and self.compression_level > self.compression.highest_level:
            highest = self.compression.highest_level
            raise ValueError(
                f"compression_level must be {highest} at most for {self.compression}"
                if highest
                else f"compression = {self.compression} has no compression_level: leave it out"
            )
        return self


class _PvDetector(_Streamed):
    pv: PvName
    dropped_pv: PvName | None = Field(
        default=None,
        description="counter of frames the detector itself dropped; its growth during a run counts as missing",
    )
    produced_pv: PvName | None = Field(
        default=None,
        description="counter of frames the detector has made, e.g. ArrayCounter_RBV; more made than came is missing",
    )
    exposure_pv: PvName | None = Field(default=None, description="PV with the exposure time, s, e.g. AcquireTime_RBV")
    acquire_pv: PvName | None = Field(
        default=None,
        description="put 1 here when the run records, 0 when it stops; leave out to drive the detector yourself",
    )
    frames_pv: PvName | None = Field(
        default=None,
        description=(
            "put the declared number of frames here when the run is armed, before acquire_pv; without acquire_pv "
            "something else starts the detector afterwards"
        ),
    )
    open_end_frames: int | None = Field(
        default=None, description="put this at frames_pv for a run without a declared number; left out: nothing is put"
    )

    @property
    def address(self) -> str:
        return self.pv

    @property
    def starts_frames(self) -> bool:
        return self.acquire_pv is not None


class PvaDetector(_PvDetector):
    """Frames from one NTNDArray PV: shape, type, unique id and time stamp come with each frame.

    The PV may also be an NTScalarArray: its frames are lines, numbered as they come or by a PV beside it.
    """

    source: Literal["pva"] = "pva"
    pv: PvName = Field(description="the NTNDArray, or an NTScalarArray whose values are lines of numbers")
    id_pv: PvName | None = Field(
        default=None,
        description="unique id of the line in an NTScalarArray: a counter that is posted with each, best with the same "
        "time stamp; an NTNDArray brings its own id",
    )


class CaDetector(_PvDetector):
    """Frames from a CA waveform: shape and unique id come from PVs beside it (areaDetector's NDStdArrays)."""

    source: Literal["ca"] = "ca"
    pv: PvName = Field(description="the waveform with the pixels, ArrayData")
    width_pv: PvName | None = Field(default=None, description="PV with the number of columns, e.g. ArraySize0_RBV")
    height_pv: PvName | None = Field(default=None, description="PV with the number of rows, e.g. ArraySize1_RBV")
    width: int | None = Field(default=None, ge=1, description="columns, where no PV tells them")
    height: int | None = Field(default=None, ge=1, description="rows, where no PV tells them")
    id_pv: PvName | None = Field(default=None, description="unique id of the frame in the waveform, e.g. UniqueId_RBV")
    dtype: PixelType | None = Field(
        default=None, description="the pixels' true type: CA has no unsigned 16-bit type, SHORT can be viewed as uint16"
    )


class TableDetector(_Detector):
    """Rows from one NTTable PV: every update is a block of them."""

    source: Literal["pva_table"] = "pva_table"
    pv: PvName = Field(description="the NTTable")
    signal: str | None = Field(default=None, description="column to plot; left out: the first column of numbers")
    units_of: dict[str, str] = Field(default_factory=dict, description="units of the columns, by the column's name")
    text_bytes: int = Field(
        default=128,
        ge=1,
        le=4096,
        description="room for a text in a column, in bytes of UTF-8; a longer one ends a run",
    )
    frames_factor: int = Field(
        default=0,
        ge=0,
        description="how many updates it makes for each declared frame of a run; 0: its updates are not counted on",
    )

    @property
    def address(self) -> str:
        return self.pv

    @property
    def layout(self) -> DataLayout | None:
        return TABLE_LAYOUT

    @property
    def counts_frames(self) -> bool:
        return self.frames_factor > 0


class AreaDetector(_Detector):
    """An areaDetector camera whose own file plugin NDFileHDF5 writes the data file; no frame crosses the network."""

    source: Literal["areadetector"] = "areadetector"
    camera: PvPrefix = Field(description="record prefix of the camera, e.g. SIM1:cam1:")
    file_plugin: PvPrefix = Field(description="record prefix of its NDFileHDF5 plugin, e.g. SIM1:HDF1:")
    drive: bool = Field(
        default=True,
        description="set ImageMode, NumImages and Acquire for each run; false: only watch, something else acquires",
    )
    units: str = Field(default="counts", description="unit of a pixel's value")
    root_on_ioc: str | None = Field(
        default=None,
        min_length=1,
        description="the data root as the IOC's host sees it, e.g. /mnt/data or 'Z:\\data'; left out: the same path",
    )
    swmr: bool = Field(default=True, description="let the plugin write in SWMR mode: the file can be read as it grows")
    flush_frames: int | None = Field(
        default=None, ge=1, description="flush every so many frames (NumFramesFlush); left out: as the plugin is set"
    )
    queue_wait_s: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="how long its queue may stand still at the end of a run",
    )
    reserve_file: bool = Field(
        default=True,
        description="create the file for the plugin to fill: nothing is overwritten, mode and group are ours; "
        "false where the IOC's account cannot write a file of the recorder's account",
    )

    @property
    def address(self) -> str:
        return self.file_plugin

    @property
    def layout(self) -> DataLayout | None:
        return DataLayout(
            data="/entry/data/data",
            unique_id="/entry/instrument/NDAttributes/NDArrayUniqueId",
            epics_seconds="/entry/instrument/NDAttributes/NDArrayEpicsTSSec",
            epics_nanoseconds="/entry/instrument/NDAttributes/NDArrayEpicsTSnSec",
            units=self.units,
        )

    @property
    def starts_frames(self) -> bool:
        return self.drive

    @property
    def rests_in_pauses(self) -> bool:
        return self.drive

    @property
    def prepare_s(self) -> float:
        return 10.0


class Put(Value):
    """One value for one PV."""

    pv: PvName
    value: bool | int | float | str = Field(description="a number, a text, or the label of an enumeration")
    wait: bool = Field(default=True, description="wait until the record has finished what the value makes it do")
    timeout_s: float = Field(default=5.0, gt=0, le=60, description="how long that may take")


class ArmedDetector(_Detector):
    """A detector that is only armed and disarmed: it keeps its frames, or something else writes them."""

    source: Literal["armed"] = "armed"
    arm: tuple[Put, ...] = Field(min_length=1, description="put in this order before the run records")
    disarm: tuple[Put, ...] = Field(default=(), description="put in this order when the run ends, however it ends")
    count_pv: PvName | None = Field(
        default=None, description="counter of its frames; its growth is held against the declared number"
    )
    busy_pv: PvName | None = Field(
        default=None, description="not 0 while it works: no run begins then, and the end of a run waits for it"
    )
    busy_wait_s: float = Field(default=10.0, gt=0, le=3600, description="how long the end of a run waits for busy_pv")

    @property
    def address(self) -> str:
        return self.count_pv or self.arm[0].pv

    @property
    def layout(self) -> DataLayout | None:
        return None

    @property
    def counts_frames(self) -> bool:
        return self.count_pv is not None

    @property
    def prepare_s(self) -> float:
        return sum(put.timeout_s for put in self.arm)


ExternalConfig = AreaDetector | ArmedDetector


class TangoDetector(_Streamed):
    """Frames from a Tango attribute: a spectrum, an image, or a scalar as a frame of one pixel."""

    source: Literal["tango"] = "tango"
    attribute: TangoAttribute = Field(
        description="the frames: `domain/family/member/attribute`, or the same behind `tango://host:port/`, "
        "with `#dbase=no` behind it for a server without a database"
    )
    event: TangoEvent = Field(
        default=TangoEvent.AUTO,
        description="events that bring the frames; auto: change events if the device pushes them itself, else poll",
    )
    polling_ms: int = Field(default=100, ge=5, le=3_600_000, description="time from read to read where it is polled")
    id_attribute: TangoMember | None = Field(
        default=None,
        description="attribute of the same device that numbers the frames; left out: they are numbered as they come "
        "and not every loss is noticed",
    )
    dropped_attribute: TangoMember | None = Field(
        default=None,
        description="counter of frames the device itself dropped; its growth during a run counts as missing",
    )
    start_command: TangoMember | None = Field(
        default=None,
        description="command without argument, executed when the run records; leave out to drive the device yourself",
    )
    stop_command: TangoMember | None = Field(
        default=None, description="command without argument, executed before the run records and when it stops"
    )
    acquire_attribute: TangoMember | None = Field(
        default=None, description="instead of commands: write 1 here when the run records, 0 when it stops"
    )
    frames_attribute: TangoMember | None = Field(
        default=None, description="write the declared number of frames here before the start"
    )
    open_end_frames: int | None = Field(
        default=None, description="write this for a run without a declared number; left out: nothing is written"
    )

    @model_validator(mode="after")
    def _one_way_to_start(self) -> TangoDetector:
        if self.acquire_attribute is not None and (self.start_command or self.stop_command):
            raise ValueError("a device is started by commands or by acquire_attribute, not by both: leave one out")
        return self

    @property
    def address(self) -> str:
        return self.attribute

    @property
    def starts_frames(self) -> bool:
        return self.start_command is not None or self.acquire_attribute is not None


StreamedDetector = PvaDetector | CaDetector | TangoDetector
DetectorConfig = Annotated[
    PvaDetector | CaDetector | TangoDetector | TableDetector | AreaDetector | ArmedDetector,
    Field(discriminator="source"),
]
