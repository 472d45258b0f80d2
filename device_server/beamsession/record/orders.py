"""What the recorder, a receiver and a writer tell each other, as values that cross their pipes in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beamsession.model.completeness import Completeness
from beamsession.model.detector import Compression
from beamsession.model.plan import FileRules
from beamsession.model.value import Value
from beamsession.record.frame import FrameFormat


class Subscribe(Value):
    """To a receiver: take the frames of run `epoch`; `frames` is their declared number, `timeout` in seconds."""

    epoch: int
    frames: int | None
    timeout: float


class Received(Value):
    """From a receiver: its account; frames that found the ring full count as missing.

    `frame_bytes` is one of its frames uncompressed, None before the first.
    `reached`: the declared number is there. `ended`: no more frames follow, the account is final. `unconnected` are
    the PVs that do not answer now; `exposure_s` is what the detector says, None where it is not asked.
    """

    account: Completeness
    reached: bool
    ended: bool
    failure: str
    unconnected: tuple[str, ...] = ()
    exposure_s: float | None = None
    frame_bytes: int | None = None


class Reserve(Value):
    """To a writer: create the data file of run `epoch` exclusively."""

    epoch: int
    path: Path
    title: str
    units: str
    compression: Compression
    compression_level: int | None = None
    compression_threads: int = 1
    rules: FileRules


class Written(Value):
    """From a writer: flushed frames and their bytes; `closed` when the file is complete or given up."""

    frames: int
    nbytes: int
    closed: bool
    failure: str = ""


def format_to_json(form: FrameFormat) -> dict[str, Any]:
    """The format as a part of a message."""
    return {"shape": list(form.shape), "dtype": form.dtype, "codec": form.codec, "color": form.color}


def format_from_json(data: dict[str, Any]) -> FrameFormat:
    """The format that `format_to_json` wrote."""
    return FrameFormat(tuple(data["shape"]), data["dtype"], data["codec"], data["color"])
