"""The configured sources of a run: detectors (frames), readings (scalars in time), constants (scalars at both ends)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from beamsession.model.names import is_identifier


def _identifier(text: str) -> str:
    if not is_identifier(text):
        raise ValueError("must be letters, digits and '_', beginning with a letter, 40 at most")
    return text


def _nexus_path(text: str) -> str:
    if not text.startswith("/entry/") or ".." in text or text.endswith("/") or "//" in text:
        raise ValueError("must be a path below /entry/, for example /entry/instrument/monochromator/energy")
    return text


Identifier = Annotated[str, AfterValidator(_identifier)]
PvName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^\S+$")]
NexusPath = Annotated[str, AfterValidator(_nexus_path)]
TangoAttribute = Annotated[
    str, Field(max_length=256, pattern=r"^(tango://[^/\s#]+/)?([^/\s#]+/|([^/\s#]+/){3})[^/\s#]+(#dbase=(no|yes))?$")
]
_TANGO_ATTRIBUTE = TypeAdapter(TangoAttribute)
TangoMember = Annotated[str, Field(max_length=128, pattern=r"^[^/\s#]+$")]
PixelType = Literal["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]


class Value(BaseModel):
    """A frozen value that refuses keys it does not know: the base of everything that is configured or sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataLayout(Value):
    """Paths in a data file: its frames, and beside them their unique ids and times (None: it has none)."""

    data: str
    unique_id: str | None = None
    time_stamp: str | None = None
    receive_time: str | None = None


OWN_LAYOUT = DataLayout(
    data="/entry/data/data",
    unique_id="/entry/data/unique_id",
    time_stamp="/entry/data/time_stamp",
    receive_time="/entry/data/receive_time",
)


class Protocol(StrEnum):
    """How a PV or attribute is read."""

    CA = "ca"
    PVA = "pva"
    TANGO = "tango"


class TangoEvent(StrEnum):
    """How the values of a Tango attribute come: pushed by its device, or read again and again."""

    AUTO = "auto"
    CHANGE = "change"
    ARCHIVE = "archive"
    USER = "user"
    POLL = "poll"


class Compression(StrEnum):
    """How frames are compressed before they are written; NONE writes them as they come."""

    NONE = "none"
    BSLZ4 = "bslz4"


class _Detector(Value):
    name: Identifier = Field(description="names the data file run_0001_<name>.h5 and the NXdetector group")
    title: str = Field(default="", description="what people call it")
    frames_factor: int = Field(
        default=1, ge=1, description="how many frames it makes for each declared frame of a run: for a faster detector"
    )

    @property
    def address(self) -> str:
        """Where it is found on the control system: the PV or attribute of its frames."""
        raise NotImplementedError

    @property
    def layout(self) -> DataLayout | None:
        """Where its data file holds what; None for a detector that has no data file."""
        return OWN_LAYOUT


class _Streamed(_Detector):
    """Frames that a recorder takes off the wire and writes itself."""

    units: str = Field(default="counts", description="unit of a pixel's value")
    compression: Compression = Field(default=Compression.NONE, description="of the frames in the data file")
    ring_mib: int = Field(default=256, ge=16, le=65536, description="memory between receiver and writer, MiB")


class _PvDetector(_Streamed):
    pv: PvName
    dropped_pv: PvName | None = Field(
        default=None,
        description="counter of frames the detector itself dropped; its growth during a run counts as missing",
    )
    acquire_pv: PvName | None = Field(
        default=None,
        description="put 1 here when the run records, 0 when it stops; leave out to drive the detector yourself",
    )
    frames_pv: PvName | None = Field(
        default=None, description="put the declared number of frames here before acquire_pv; needs acquire_pv"
    )
    open_end_frames: int | None = Field(
        default=None, description="put this at frames_pv for a run without a declared number; left out: nothing is put"
    )

    @property
    def address(self) -> str:
        return self.pv


class PvaDetector(_PvDetector):
    """Frames from one NTNDArray PV: shape, type, unique id and time stamp come with each frame."""

    source: Literal["pva"] = "pva"
    pv: PvName = Field(description="the NTNDArray")


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


StreamedDetector = PvaDetector | CaDetector | TangoDetector
DetectorConfig = Annotated[PvaDetector | CaDetector | TangoDetector, Field(discriminator="source")]


class _Scalar(Value):
    """What readings and constants are read from."""

    pv: PvName
    source: Protocol = Protocol.CA

    @model_validator(mode="after")
    def _names_an_attribute(self) -> Self:
        if self.source is not Protocol.TANGO:
            return self
        try:
            _TANGO_ATTRIBUTE.validate_python(self.pv)
        except ValidationError:
            raise ValueError(f"'{self.pv}' is no Tango attribute: write domain/family/member/attribute") from None
        return self


class ReadingConfig(_Scalar):
    """A scalar PV, or a scalar Tango attribute, recorded with its own time stamps during each run."""

    name: Identifier = Field(description="names the NXlog, and the axis where it is one")
    pv: PvName = Field(description="the PV, or the attribute: `domain/family/member/attribute` as for a detector")
    source: Protocol = Protocol.CA
    units: str | None = Field(default=None, description="unit; left out: the PV's own (EGU), the attribute's own")
    axis: bool = Field(
        default=False, description="match it to the frames by time and write it as an axis of the run's NXdata"
    )
    path: NexusPath | None = Field(default=None, description="where the NXlog goes; left out: /entry/instrument/<name>")


class ConstantConfig(_Scalar):
    """A scalar PV or Tango attribute read once at the start and once at the end of each run."""

    name: Identifier
    pv: PvName
    source: Protocol = Protocol.CA
    units: str | None = Field(default=None, description="unit; left out: the PV's own (EGU), the attribute's own")
    path: NexusPath = Field(description="where the value at start goes; the one at end goes beside it as <path>_end")
