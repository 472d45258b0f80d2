"""The lock that says a data file has a living writer: `flock` on a hidden file beside it, held as long as it lives."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from beamsession.model.errors import RefusedError

# `is_held` takes the lock for an instant to find out; a writer that meets it there waits this long before it gives up.
_PATIENCE_S = 0.2
_PAUSE_S = 0.01


class LockFile:
    """The lock of one data file; the kernel gives it back when its holder dies, however that happens.

    Whoever changes a data file holds it: the writer that fills it, or `mend` that repairs it.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def hold(cls, data_file: Path) -> LockFile:
        """The lock of `data_file`, which need not exist yet. Raises RefusedError (FILE_LOCKED) if it is held."""
        path = lock_path(data_file)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            if _locked(descriptor, fcntl.LOCK_EX):
                if _is_still_named(descriptor, path):
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
                    return cls(path, descriptor)
                # The holder before us removed the name between our open and our lock: ours locks nothing.
                os.close(descriptor)
                continue
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            os.close(descriptor)
            if time.monotonic() >= deadline:
                raise RefusedError(
                    f"{data_file} is being written by {f'process {holder}' if holder else 'another process'}.",
                    code="FILE_LOCKED",
                    value=str(data_file),
                    remedy="Wait until its writer has ended, or stop the recorder that runs it.",
                )
            time.sleep(_PAUSE_S)

    @staticmethod
    def is_held(data_file: Path) -> bool:
        """Whether a living process of this host holds the lock of `data_file`."""
        try:
            descriptor = os.open(lock_path(data_file), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _locked(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Remove the lock file and give the lock back; a second call does nothing."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        # Removed while still locked: nobody can lock this name and then lose it to us.
        self.path.unlink(missing_ok=True)
        os.close(descriptor)

    def __enter__(self) -> LockFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_path(data_file: Path) -> Path:
    """Where the lock of `data_file` is: `.run_0001_eiger.h5.lock` beside it."""
    return data_file.with_name(f".{data_file.name}.lock")


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still_named(descriptor: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    locked = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (locked.st_dev, locked.st_ino)
