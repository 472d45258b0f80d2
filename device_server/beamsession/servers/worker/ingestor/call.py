"""One call of an ingestor on disk: what it is given, that it was to be run, what it printed and how it ended."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from beamsession.archive.sync import sync_folder
from beamsession.catalogue.ingestor_verdict import End, Ending
from beamsession.model.value import Value
from beamsession.servers.worker.ingestor.durable_file import write_durably
from beamsession.servers.worker.ingestor.guard import CLAIM, END, ERR, OUT

METADATA, LISTING = "metadata.json", "filelisting.txt"
KEPT_BYTES = 64 * 1024
_OPTIONS, _INTENT, _LAST_WORD, _NOBODY = "options.json", "intent.json", "verdict.json", "nobody"


class Intent(Value):
    """That the command was about to be run: `options` are its words, without a secret; `size` is in bytes."""

    options: tuple[str, ...]
    source_folder: str
    files: int
    size: int


class LastWord(Value):
    """What was made of a call's end. `at` is when the session's newest event of that moment was, by its clock."""

    kind: str
    code: str
    sentence: str
    remedy: str
    pid: str
    output: str
    at: datetime


class IngestorCall:
    """A folder of its own for each call; nothing in it is ever replaced by another call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def is_intended(self) -> bool:
        """Whether the command was run, or was about to be."""
        return (self.folder / _INTENT).exists()

    @property
    def metadata_file(self) -> Path:
        """The first file that the ingestor is given."""
        return self.folder / METADATA

    @property
    def listing_file(self) -> Path:
        """The second one."""
        return self.folder / LISTING

    @property
    def out_file(self) -> Path:
        """What it printed on standard output."""
        return self.folder / OUT

    @property
    def error_file(self) -> Path:
        """What it printed on standard error."""
        return self.folder / ERR

    def write(self, options: tuple[str, ...], document: dict[str, Any], lines: Iterable[bytes]) -> None:
        """Write what the ingestor is given, its options and the two files; an unfinished earlier try is replaced."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_durably(self.folder / _OPTIONS, json.dumps(options).encode())
        write_durably(self.metadata_file, json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False).encode())
        part = self.folder / f"{LISTING}.tmp"
        with part.open("wb") as stream:
            for line in lines:
                stream.write(line + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self.listing_file)
        sync_folder(self.folder)

    def options(self) -> tuple[str, ...]:
        """The words that it is given behind those which choose the catalogue."""
        return tuple(json.loads((self.folder / _OPTIONS).read_bytes()))

    def listed(self) -> Iterator[str]:
        """The paths in the listing, relative to the source folder."""
        with self.listing_file.open("rb") as stream:
            for line in stream:
                yield line.rstrip(b"\n").decode()

    def again(self, other: IngestorCall) -> IngestorCall:
        """The other call, which is given the same as this one."""
        other.folder.mkdir(parents=True, exist_ok=True)
        for name in (_OPTIONS, METADATA, LISTING):
            (other.folder / name).unlink(missing_ok=True)
            os.link(self.folder / name, other.folder / name)
        sync_folder(other.folder)
        return other

    def dataset_name(self) -> str:
        """What the dataset is called; empty where that cannot be read."""
        try:
            return str(json.loads(self.metadata_file.read_bytes()).get("datasetName", ""))
        except (OSError, ValueError):
            return ""

    def intend(self, intent: Intent) -> None:
        """Note that the command is about to be run; only afterwards may it be."""
        write_durably(self.folder / _INTENT, intent.model_dump_json().encode())

    def intent(self) -> Intent:
        """What was noted."""
        return Intent.model_validate_json((self.folder / _INTENT).read_bytes())

    def end(self) -> End | None:
        """How it ended; None if its guard has not written that."""
        try:
            return End.model_validate_json((self.folder / END).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            return End(how=Ending.LOST)

    @property
    def is_claimed(self) -> bool:
        """Whether a guard has begun, or none may any more."""
        return (self.folder / CLAIM).exists()

    def guard(self) -> int:
        """The process number of the guard that has begun; 0 where none has, or has not written it yet."""
        try:
            text = (self.folder / CLAIM).read_text(encoding="ascii")
        except FileNotFoundError:
            return 0
        return int(text) if text.isdecimal() else 0

    def is_guarded(self) -> bool:
        """Whether a guard is at work on it, on whichever host the folder shows that."""
        try:
            claim = os.open(self.folder / CLAIM, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(claim)
        return False

    def withdraw(self) -> bool:
        """Have no guard begin any more; False if one has: then it is not known from here what it has done."""
        nobody = self.folder / _NOBODY
        nobody.write_bytes(_NOBODY.encode())
        with suppress(FileExistsError):
            os.link(nobody, self.folder / CLAIM)  # there with its content, or not at all
            sync_folder(self.folder)
        return (self.folder / CLAIM).read_bytes() == _NOBODY.encode()

    def last_word(self) -> LastWord | None:
        """What was made of its end; None as long as nothing was."""
        try:
            return LastWord.model_validate_json((self.folder / _LAST_WORD).read_bytes())
        except FileNotFoundError:
            return None

    def keep(self, word: LastWord) -> None:
        """Keep that, before anybody is told."""
        write_durably(self.folder / _LAST_WORD, word.model_dump_json().encode())


def newest_call(folder: Path) -> IngestorCall | None:
    """The last call in `folder`; None without one."""
    numbers = _numbers(folder)
    return IngestorCall(folder / f"{numbers[-1]:04d}") if numbers else None


def next_call(folder: Path) -> IngestorCall:
    """A new one, or the newest if that was never to be run."""
    newest = newest_call(folder)
    if newest is not None and not newest.is_intended:
        return newest
    number = (_numbers(folder) or [0])[-1] + 1
    return IngestorCall(folder / f"{number:04d}")


def tail_of(path: Path) -> bytes:
    """The last 64 KiB of a file; empty where there is none."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - KEPT_BYTES))
            return stream.read()
    except FileNotFoundError:
        return b""


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.glob("[0-9]*") if path.name.isdecimal())
