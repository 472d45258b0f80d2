"""What a recorder says about itself and its runs: values that cross the wire as JSON."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import Field

from beamsession.model.completeness import Completeness
from beamsession.model.plan import RunKey
from beamsession.model.states import RunState
from beamsession.model.value import Value


class Problem(Value):
    """One reason why something would fail, with what to do about it; `code` is stable.

    Where it does not `block`, it can be tried all the same. `detector` and `recorder` name whom it is about, where it
    is about one of several.
    """

    code: str
    sentence: str
    remedy: str = ""
    blocks: bool = True
    detector: str = ""
    recorder: str = ""

    @property
    def text(self) -> str:
        """The sentence and what to do."""
        return f"{self.sentence} {self.remedy}".strip()


class DiskFacts(Value):
    """The data disk as the recorder sees it; bytes. `writable` was tried by writing, not guessed from modes."""

    path: Path
    free: int = 0
    total: int = 0
    writable: bool = True
    problem: str = ""


class FileFacts(Value):
    """A path on the recorder's host: `path` is resolved (symlinks followed); `size` in bytes."""

    path: Path
    exists: bool
    is_folder: bool = False
    size: int = 0
    modified: datetime | None = None


class PauseInterval(Value):
    """Frames posted after `start`, until `stop`, were not recorded; `stop` is None while it lasts."""

    start: datetime
    stop: datetime | None = None


class RunPart(Value):
    """How one recorder's part of a run goes or went; `state` is NONE where the recorder knows nothing of the run."""

    recorder: str
    state: RunState
    reason: str = ""
    detectors: tuple[str, ...] = ()


class RunReport(Value):
    """A run as its recorder knows it.

    `state` is PREPARING, RECORDING, PAUSED, DRAINING or a verdict. `rate` is bytes per second written over the last
    second. `files` are absolute paths. `warnings` are what is wrong at this moment and does not end it. `check` are
    the complaints of the NeXus check (empty: it passed), None before the run is closed.

    Where several recorders (`team`, the leading one first) share a run, `part` names the one whose part this is about;
    it is empty in a report about the whole run, which then has all `parts`. `own` is the verdict of the leading
    recorder's own part, while it waits in DRAINING to be told what became of the others.
    """

    key: RunKey
    state: RunState
    reason: str = ""
    start: datetime | None = None
    stop: datetime | None = None
    accounts: tuple[Completeness, ...] = ()
    rate: float = 0.0
    readings: int = Field(default=0, description="readings written so far")
    readings_lost: int = Field(default=0, description="readings that the disk did not take in time")
    pauses: tuple[PauseInterval, ...] = ()
    master: Path | None = None
    files: tuple[Path, ...] = ()
    warnings: tuple[Problem, ...] = ()
    check: tuple[str, ...] | None = None
    team: tuple[str, ...] = ()
    part: str = ""
    own: RunState | None = None
    parts: tuple[RunPart, ...] = ()

    @property
    def received(self) -> int:
        """Frames received over all detectors."""
        return sum(account.received for account in self.accounts)

    @property
    def written(self) -> int:
        """Frames written over all detectors; they are flushed: a crash does not take them back."""
        return sum(account.written for account in self.accounts)

    @property
    def missing(self) -> int:
        """Frames known to be lost over all detectors."""
        return sum(account.missing for account in self.accounts)

    @property
    def expected(self) -> int | None:
        """Declared frames over all detectors, None where none are declared."""
        declared = [account.expected for account in self.accounts if account.expected is not None]
        return sum(declared) if declared else None


class RecorderReport(Value):
    """A recorder at this moment.

    `boot` changes at each start of its control process. `finished` holds the runs that ended and were not yet
    acknowledged with `forget`; they survive a restart of the recorder. `pids` maps its processes' roles to their
    process ids. A report about several recorders has the live runs beside `current` in `others`, and in `silent` the
    seconds for which each recorder that does not answer has not.
    """

    name: str
    boot: str
    current: RunReport | None = None
    others: tuple[RunReport, ...] = ()
    finished: tuple[RunReport, ...] = ()
    pids: dict[str, int] = Field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    silent: dict[str, float] = Field(default_factory=dict)

    @property
    def live(self) -> tuple[RunReport, ...]:
        """All live runs, the newest first."""
        return (*((self.current,) if self.current else ()), *self.others)
