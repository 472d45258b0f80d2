"""One worker per job database: two would run the same step at the same time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from beamsession.model.errors import RefusedError


class WorkerLock:
    """The lock; the kernel gives it back when its holder ends, however that happens."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def hold(cls, path: Path, name: str) -> WorkerLock:
        """Take the lock and write our name into it. Raises RefusedError (WORKER_RUNNING) naming its holder."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise RefusedError(
                f"A worker runs already on this job database: {holder}.",
                code="WORKER_RUNNING",
                value=str(path),
                remedy="Stop that one first, or give this one a state folder of its own.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"'{name}', process {os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)
