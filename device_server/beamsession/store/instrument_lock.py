"""One writer: whoever holds an instrument's lock file may change its part of the store, nobody else."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from beamsession.model.errors import UnavailableError


class InstrumentLock:
    """The `flock` on `<state_dir>/<instrument>.lock`; held from construction to `release`, or to the process's end.

    `wait_s` is how long a holder that is about to end may take.
    Raises UnavailableError INSTRUMENT_LOCKED naming the holder's process id.
    """

    def __init__(self, state_dir: Path, instrument: str, *, wait_s: float = 0.0) -> None:
        self.path = state_dir / f"{instrument}.lock"
        state_dir.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        if not self._locked_within(wait_s):
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise UnavailableError(
                f"{instrument} is managed by the process {holder} already.",
                code="INSTRUMENT_LOCKED",
                value=holder,
                remedy="Ask that server, or stop it first.",
            )
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def _locked_within(self, wait_s: float) -> bool:
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    return False
                time.sleep(0.05)
            else:
                return True

    def release(self) -> None:
        """Let others write."""
        os.close(self._file)

    def __enter__(self) -> InstrumentLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
