"""A session's files as one ZIP archive, stored uncompressed: measured frames hardly shrink, and it shall be fast."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import struct
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from beamsession.archive.new_name import placed
from beamsession.archive.zip_contents import NO_GUESTS, ZipItem, unreadable, zip_contents
from beamsession.archive.zip_names import printable
from beamsession.model.errors import ConflictError, RefusedError
from beamsession.model.plan import FileRules

_CHUNK = 1024 * 1024
# Handed to the disk while the next bytes are copied, and let go from memory: no long wait for the disk at the end, and
# the frames of a run that is being recorded are not pushed out by an archive.
_WRITE_BEHIND = 32 * 1024 * 1024
_PROGRESS_S = 0.25
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FIRST_TIME = (1980, 1, 1, 0, 0, 0)
_LAST_TIME = (2107, 12, 31, 23, 59, 58)
_FAR_FUTURE = 2**33
_IS_MSDOS_FOLDER = 0x10


@dataclass(frozen=True)
class ZipReport:
    """What an archive holds: number of files, bytes of content; paths that were not there; links and special files left
    out; (path, entry name) of what is there under another name than its own.
    """

    files: int
    size: int
    missing: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()


def write_zip(
    target: Path,
    root: Path,
    paths: Sequence[Path],
    *,
    keep_folders: bool,
    rules: FileRules,
    mark: str,
    overwrite: bool = False,
    guests: Mapping[Path, str] = NO_GUESTS,
    progress: Callable[[int, int], None] = lambda done, total: None,
    checkpoint: Callable[[], None] = lambda: None,
) -> ZipReport:
    """Write the files and folders `paths` (absolute) to the archive `target`, which is there when all is done.

    For names and what is left out see `zip_contents`; the target itself is never in it. Until it is whole the archive
    is `.{target.name}.{mark}.part` beside the target: of two writers with one mark only one may live. A file that grows
    or shrinks meanwhile is there with what was read. `progress` gets bytes done and bytes in all, some times a second;
    `checkpoint` is called between chunks and may raise: then, as after any error, nothing is left and an old target is
    untouched. For an old target see `placed`. Raises RefusedError: FILE_UNREADABLE, NO_FILES, DISK_FULL,
    TARGET_UNWRITABLE, and ConflictError: FILE_EXISTS.
    """
    part = target.with_name(f".{target.name}.{mark}.part")
    comment = f"[{mark}]".encode()
    try:
        with placed(target, part, rules, comment, overwrite=overwrite) as stream:
            contents = zip_contents(
                root,
                paths,
                keep_folders=keep_folders,
                guests=guests,
                without=(target, part),
                checkpoint=checkpoint,
            )
            _require_space(target, contents.size)
            copier = _Copier(stream, contents.size, comment, progress, checkpoint)
            copier.copy(contents.items)
            if copier.files == 0:
                raise _no_files(root, paths)
    except FileExistsError as fault:
        raise _exists(target) from fault
    except OSError as fault:
        raise _cannot_write(target, fault) from fault
    missing = (*contents.missing, *copier.vanished)
    return ZipReport(copier.files, copier.size, missing, contents.skipped, contents.renamed)


class _Copier:
    """Copies items into a ZIP stream with one buffer; counts what went in."""

    def __init__(
        self,
        stream: BinaryIO,
        total: int,
        comment: bytes,
        progress: Callable[[int, int], None],
        checkpoint: Callable[[], None],
    ) -> None:
        self.files = 0
        self.size = 0
        self.vanished: list[str] = []
        self._stream = stream
        self._total = total
        self._comment = comment
        self._progress = progress
        self._checkpoint = checkpoint
        self._buffer = memoryview(bytearray(_CHUNK))
        self._advised = 0
        self._told_at = 0.0

    def copy(self, items: Sequence[ZipItem]) -> None:
        """Write the whole archive. Raises RefusedError where an item cannot be read, OSError of the target."""
        with zipfile.ZipFile(self._stream, "w", zipfile.ZIP_STORED) as archive:
            archive.comment = self._comment  # It is the end of the file, by which `placed` knows its own.
            for item in items:
                self._pause()
                if item.is_folder:
                    self._add_folder(archive, item)
                else:
                    self._add_file(archive, item)
        self._progress(self._total, self._total)

    def _add_folder(self, archive: zipfile.ZipFile, item: ZipItem) -> None:
        with suppress(FileNotFoundError):
            archive.writestr(_info(item, item.source.stat()), b"")

    def _add_file(self, archive: zipfile.ZipFile, item: ZipItem) -> None:
        try:
            source = _opened(item.source)
        except FileNotFoundError:
            self.vanished.append(printable(str(item.source)))
            return
        except OSError as fault:
            raise unreadable(item.source, fault) from fault
        try:
            facts = os.fstat(source)
            if not stat.S_ISREG(facts.st_mode):
                self.vanished.append(printable(str(item.source)))
                return
            info = _info(item, facts)
            info.file_size = facts.st_size  # An upper limit: what the file grows by from now on is not read.
            with archive.open(info, "w") as entry:
                for chunk in self._chunks(source, item, facts.st_size):
                    entry.write(chunk)
        finally:
            os.close(source)
        self.files += 1

    def _chunks(self, source: int, item: ZipItem, left: int) -> Iterator[memoryview]:
        while left > 0:
            try:
                count = os.readv(source, [self._buffer[:left]])
            except OSError as fault:
                raise unreadable(item.source, fault) from fault
            if count == 0:
                return  # It shrank.
            yield self._buffer[:count]
            left -= count
            self.size += count
            self._pause()

    def _pause(self) -> None:
        self._checkpoint()
        if self.size - self._advised >= _WRITE_BEHIND:
            self._advised = self.size
            os.posix_fadvise(self._stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        now = time.monotonic()
        if now - self._told_at >= _PROGRESS_S:
            self._told_at = now
            self._progress(min(self.size, self._total), self._total)


def _opened(path: Path) -> int:
    # A pipe that came in its place would make a plain open wait for ever, a link would lead anywhere.
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)


def _info(item: ZipItem, facts: os.stat_result) -> zipfile.ZipInfo:
    """The entry's header: times to 2 s in local time as the format has them, and beside them in UTC to the second."""
    year, month, day, hour, minute, second, *_ = time.localtime(min(max(facts.st_mtime, 0), _FAR_FUTURE))
    local = (year, month, day, hour, minute, second)
    info = zipfile.ZipInfo(item.name, max(_FIRST_TIME, min(local, _LAST_TIME)))
    info.external_attr = (facts.st_mode & 0xFFFF) << 16 | (_IS_MSDOS_FOLDER if item.is_folder else 0)
    seconds = int(facts.st_mtime)
    if -(2**31) <= seconds < 2**31:
        info.extra = struct.pack("<HHBl", 0x5455, 5, 1, seconds)  # Info-ZIP's "extended timestamp"
    return info


def _require_space(target: Path, size: int) -> None:
    """Raise OSError (ENOSPC) before a disk is filled on which runs may be recorded at this moment."""
    if shutil.disk_usage(target.parent).free < size:
        raise OSError(errno.ENOSPC, f"{size} bytes are needed")


def _cannot_write(target: Path, fault: OSError) -> RefusedError:
    reason = fault.strerror or str(fault)
    if fault.errno in _FULL:
        return RefusedError(
            f"There is not enough space for the archive {target}: {reason}.",
            code="DISK_FULL",
            value=str(target),
            remedy="Make space on that disk or write the archive to another one, then ask again.",
        )
    return RefusedError(
        f"The archive {target} cannot be written: {reason}.",
        code="TARGET_UNWRITABLE",
        value=str(target),
        remedy="Name a file in a folder that is there and that the worker's account may write to.",
    )


def _exists(target: Path) -> ConflictError:
    return ConflictError(
        f"{target} exists already.",
        code="FILE_EXISTS",
        value=str(target),
        remedy="Name another file, or say that it is to be overwritten.",
    )


def _no_files(root: Path, paths: Sequence[Path]) -> RefusedError:
    return RefusedError(
        f"There is no file to put into the archive: none of the {len(paths)} files and folders listed is there.",
        code="NO_FILES",
        value=str(root),
        remedy="Record a run or add a file first, or put the files back.",
    )
