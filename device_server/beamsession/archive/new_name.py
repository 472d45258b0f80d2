"""A large file that gets its name when it is whole, and takes nobody else's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from beamsession.archive.placing import dress
from beamsession.archive.sync import sync_folder
from beamsession.model.plan import FileRules

_BUFFER = 1024 * 1024


@contextmanager
def placed(target: Path, part: Path, rules: FileRules, end: bytes, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A stream into `part`, which becomes `target` at the end of the block and goes if the block fails.

    A target that is there by then is replaced only with `overwrite`, or where it ends in `end`, as what is streamed
    must too: that is what an earlier try had finished, an instant before it was cut short. Raises FileExistsError, and
    other OSErrors of the disk.
    """
    try:
        part.unlink(missing_ok=True)
        with part.open("xb", buffering=_BUFFER) as stream:
            dress(part, rules.file_mode, rules)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        give_name(part, target, end, overwrite=overwrite)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def give_name(part: Path, target: Path, end: bytes, *, overwrite: bool = False) -> None:
    """Make the whole file `part`, which ends in `end`, the file `target`, as `placed` does. Raises as that does."""
    if overwrite or ends_in(target, end):
        part.replace(target)
    else:
        _name(part, target, end)
    sync_folder(target.parent)


def _name(part: Path, target: Path, end: bytes) -> None:
    """Unlike a plain rename this never replaces. Raises FileExistsError."""
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:
        _take_place(part, target, end)  # A disk without links.
    else:
        part.unlink()


def _take_place(part: Path, target: Path, end: bytes) -> None:
    with target.open("xb") as stream:
        stream.write(end)  # Should a crash leave it so, the next try knows it as its own.
    try:
        part.replace(target)
    except BaseException:
        target.unlink()
        raise


def ends_in(path: Path, end: bytes) -> bool:
    """Whether the file is there and its last bytes are `end`. Raises OSError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - len(end), 0))
            return stream.read() == end
    except FileNotFoundError:
        return False
