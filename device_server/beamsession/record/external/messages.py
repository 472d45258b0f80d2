"""What the recorder and the process of an external detector tell each other, as values that cross their pipes."""

from __future__ import annotations

from pathlib import Path

from beamsession.model.completeness import Completeness
from beamsession.model.plan import FileRules
from beamsession.model.value import Value


class Begin(Value):
    """Prepare a run, or recover one: its data file, the data root above it, and the declared number of frames."""

    path: Path
    data_root: Path
    frames: int | None
    rules: FileRules
    timeout_s: float


class Told(Value):
    """How far it is; `rate` in bytes per second. Once `closed` the account is final and nothing holds the file."""

    account: Completeness
    rate: float = 0.0
    closed: bool = False
    failure: str = ""
