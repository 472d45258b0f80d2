"""What a recorder must not forget when it dies: the runs it has begun, and outcomes that nobody acknowledged yet."""

from __future__ import annotations

import fcntl
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from beamsession.model.abridged import abridged, digest_of, readings_from_json, readings_json
from beamsession.model.errors import RefusedError, UnavailableError
from beamsession.model.plan import RunKey, RunPlan
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import RunReport
from beamsession.model.value import Value
from beamsession.record.readings.reading import Reading

_BEGUN, _FINISHED, _UNCLOSED = ".begun.json", ".finished.json", ".unclosed.json"
_READINGS = "readings-"


class BegunRun(Value):
    """A run that has begun and not ended, as last written down; `constants_end` once they are read."""

    plan: RunPlan
    report: RunReport
    constants_end: dict[str, Reading] | None = None


class UnclosedMaster(Value):
    """A master that does not tell yet how its run ended: what has to go in, and `why` it could not, a sentence."""

    plan: RunPlan
    report: RunReport
    constants_start: dict[str, Reading] | None
    constants_end: dict[str, Reading] | None
    why: str


@dataclass(frozen=True)
class Memory:
    """What the journal held at start; `unreadable` files are left where they are."""

    begun: tuple[BegunRun, ...]
    finished: tuple[RunReport, ...]
    unreadable: tuple[Path, ...]
    unclosed: tuple[UnclosedMaster, ...] = ()


class Journal:
    """A folder with one small file for each run; every change is on the disk before the method returns.

    One living recorder per folder: the constructor raises RefusedError (JOURNAL_IN_USE) for a second one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise RefusedError(
                f"Another recorder uses the journal {folder}.",
                code="JOURNAL_IN_USE",
                value=str(folder),
                remedy="Stop it first, or give this recorder another name.",
            ) from None

    def recall(self) -> Memory:
        """What an earlier process left: begun runs without an outcome, and outcomes nobody acknowledged."""
        begun: list[BegunRun] = []
        finished: list[RunReport] = []
        unreadable: list[Path] = []
        for path in sorted(self.folder.glob(f"*{_FINISHED}")):
            try:
                finished.append(RunReport.model_validate_json(path.read_bytes()))
            except ValidationError:
                unreadable.append(path)
        ended = [report.key for report in finished]
        for path in sorted(self.folder.glob(f"*{_BEGUN}")):
            try:
                entry = self._read_begun(path)
            except (ValidationError, OSError):
                unreadable.append(path)
                continue
            if entry.plan.key in ended:
                path.unlink()  # Killed between the outcome and this.
            else:
                begun.append(entry)
        unclosed: list[UnclosedMaster] = []
        for path in sorted(self.folder.glob(f"*{_UNCLOSED}")):
            try:
                kept = UnclosedMaster.model_validate_json(path.read_bytes())
                unclosed.append(kept.model_copy(update={"plan": self._whole(kept.plan)}))
            except (ValidationError, OSError):
                unreadable.append(path)
        if not begun and not unclosed and not unreadable:
            self._forget_readings()
        return Memory(tuple(begun), tuple(finished), tuple(unreadable), tuple(unclosed))

    def write_begun(self, plan: RunPlan, report: RunReport, constants_end: Mapping[str, Reading] | None = None) -> None:
        """Write down that this run lives, and how far it is."""
        ends = None if constants_end is None else dict(constants_end)
        begun = BegunRun(plan=self._short(plan), report=report, constants_end=ends)
        self._replace(self._path(plan.key, _BEGUN), _json(begun))

    def keep_readings(self, readings: tuple[ReadingConfig, ...]) -> None:
        """Write them down unless they are: runs name them by their digest. The first run need not wait for that."""
        if readings and not (path := self._readings_path(digest_of(readings))).exists():
            self._replace(path, readings_json(readings))

    def write_finished(self, report: RunReport) -> None:
        """Write down the outcome; from now on the run is no longer begun."""
        self._replace(self._path(report.key, _FINISHED), _json(report))
        self._path(report.key, _BEGUN).unlink(missing_ok=True)

    def forget(self, key: RunKey) -> None:
        """The outcome is known elsewhere."""
        self._path(key, _FINISHED).unlink(missing_ok=True)
        self._sync_folder()

    def write_unclosed(self, entry: UnclosedMaster) -> None:
        """Write down that this master has to be closed later."""
        short = entry.model_copy(update={"plan": self._short(entry.plan)})
        self._replace(self._path(entry.plan.key, _UNCLOSED), _json(short))

    def forget_unclosed(self, key: RunKey) -> None:
        """The master of this run is closed, or gone."""
        self._path(key, _UNCLOSED).unlink(missing_ok=True)
        self._sync_folder()

    def close(self) -> None:
        """Let another recorder use the folder."""
        os.close(self._lock)

    def _read_begun(self, path: Path) -> BegunRun:
        entry = BegunRun.model_validate_json(path.read_bytes())
        return entry.model_copy(update={"plan": self._whole(entry.plan)})

    def _short(self, plan: RunPlan) -> RunPlan:
        """`plan` with its readings written beside it."""
        self.keep_readings(plan.readings)
        return abridged(plan)

    def _whole(self, plan: RunPlan) -> RunPlan:
        if not plan.readings_digest:
            return plan
        readings = readings_from_json(self._readings_path(plan.readings_digest).read_bytes())
        return plan.model_copy(update={"readings": readings, "readings_digest": ""})

    def _forget_readings(self) -> None:
        """Those of earlier configurations, which no run needs any more."""
        for path in self.folder.glob(f"{_READINGS}*.json"):
            path.unlink()

    def _readings_path(self, digest: str) -> Path:
        """Readings are written once and named by many runs: thousands of them would make each entry large."""
        return self.folder / f"{_READINGS}{digest}.json"

    def _path(self, key: RunKey, ending: str) -> Path:
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", key.instrument)
        # Two instruments may look alike once made plain; the checksum keeps them apart.
        mark = f"{zlib.crc32(key.instrument.encode()):08x}"
        return self.folder / f"{plain}-{mark}-{key.session_id:06d}-{key.run_number:04d}{ending}"

    def _replace(self, path: Path, content: bytes) -> None:
        fresh = path.with_name(f".{path.name}.new")
        try:
            with fresh.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            self._sync_folder()
        except OSError as fault:
            raise UnavailableError(
                f"The recorder's journal {self.folder} cannot be written ({fault.strerror}).",
                code="JOURNAL_NOT_WRITABLE",
                value=str(path),
                remedy="Make room there, or correct its permissions.",
            ) from fault

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _json(value: Value) -> bytes:
    return value.model_dump_json().encode()
