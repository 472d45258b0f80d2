"""One step of one session's ingest at a time, whoever does it: the catalogue would keep a file list twice."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from beamsession.model.errors import UnavailableError

_NAME = "attempt.lock"
_PATIENCE_S = 5.0
_LOOK_S = 0.02


@contextmanager
def attempt_lock(folder: Path, checkpoint: Callable[[], None], patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Hold the lock of the attempt in `folder`; the kernel gives it back when its holder ends, however that happens.

    On NFS it holds between hosts where the server knows locks (version 4 does). `checkpoint` is called while waiting.
    Raises UnavailableError (INGEST_BUSY) after `patience_s` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        end = time.monotonic() + patience_s
        while not _taken(descriptor):
            if time.monotonic() >= end:
                raise UnavailableError(
                    "Another worker is at this session's ingest.",
                    code="INGEST_BUSY",
                    value=str(folder),
                    remedy="It is tried again; a worker that hangs can be ended.",
                )
            checkpoint()
            time.sleep(_LOOK_S)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
