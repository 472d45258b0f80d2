"""Reads files for their checksums in a few calm threads, with as many files on the way as these need and no more."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

from beamsession.catalogue.checksum import SMALL, checksum
from beamsession.catalogue.manifest import ListedFile
from beamsession.catalogue.target import ChecksumAlgorithm
from beamsession.servers.worker.ingest.calm import calm_down

_LOOK_S = 0.2
# Small files are read in batches: handing one to a thread costs more than reading it.
_BATCH_FILES = 250
# A small file that takes less was in memory.
_MEMORY_S = 1e-4


class _StoppedError(Exception):
    """Another file's fault ended it all."""


@dataclass
class Counted:
    """How far one reading is; written by all threads, exact enough to be shown."""

    files: int = 0
    bytes: int = 0
    lock: Lock = field(default_factory=Lock)

    def add(self, files: int, count: int) -> None:
        """Note what was read."""
        with self.lock:
            self.files += files
            self.bytes += count


class Hashing:
    """The threads, shared by all that is read at a time; and a turn for each session, so that nothing is read twice."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or min(2, os.cpu_count() or 1)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="hashing", initializer=calm_down)
        self._small_files = _SmallFilePace()
        self._turns: dict[int, Lock] = {}
        self._lock = Lock()

    @contextmanager
    def turn(self, session_id: int, checkpoint: Callable[[], None]) -> Iterator[None]:
        """Wait until nobody else reads that session's files."""
        with self._lock:
            turn = self._turns.setdefault(session_id, Lock())
        with held(turn, checkpoint):
            yield

    def read(
        self,
        folder: Path,
        files: Iterable[ListedFile],
        algorithm: ChecksumAlgorithm,
        *,
        keep: Callable[[Sequence[ListedFile]], None],
        checkpoint: Callable[[Counted], None],
        at_once: int | None = None,
    ) -> None:
        """Read each file and hand it on with its checksum to `keep`, some at a time, in no order.

        `checkpoint` is called some times a second; what it raises ends the reading. `at_once` limits the threads.
        Raises RefusedError (FILE_CHANGED, FILE_MISSING) and OSError, after what was read until then is kept.
        """
        reading = _Reading(folder, algorithm)
        waiting: set[Future[list[ListedFile]]] = set()
        most = 2 * self._threads if at_once is None else at_once
        try:
            for batch in _batches(files):
                if batch[0].size > SMALL:
                    waiting.add(self._pool.submit(reading.large, batch[0]))
                else:
                    waiting.add(self._pool.submit(reading.small, batch, self._small_files))
                while len(waiting) >= most:
                    waiting = _collect(waiting, keep)
                    checkpoint(reading.counted)
            while waiting:
                waiting = _collect(waiting, keep)
                checkpoint(reading.counted)
        except BaseException:
            reading.stop.set()
            for future in waiting:
                future.cancel()
            raise

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)


@contextmanager
def held(lock: Lock, checkpoint: Callable[[], None]) -> Iterator[None]:
    """Hold `lock`; while it is waited for, `checkpoint` is called, which may never return."""
    while not lock.acquire(timeout=_LOOK_S):
        checkpoint()
    try:
        yield
    finally:
        lock.release()


def _batches(files: Iterable[ListedFile]) -> Iterator[list[ListedFile]]:
    """Large files one by one, small ones together."""
    batch: list[ListedFile] = []
    for file in files:
        if file.size > SMALL:
            yield [file]
            continue
        batch.append(file)
        if len(batch) >= _BATCH_FILES:
            yield batch
            batch = []
    if batch:
        yield batch


@dataclass
class _Reading:
    """One call's: what all its batches have in common."""

    folder: Path
    algorithm: ChecksumAlgorithm
    stop: Event = field(default_factory=Event)
    counted: Counted = field(default_factory=Counted)

    def large(self, file: ListedFile) -> list[ListedFile]:
        """A file with its checksum, counted while it is read."""
        done = self._with_checksum(file)
        self.counted.add(1, 0)
        return [done]

    def small(self, batch: Sequence[ListedFile], pace: _SmallFilePace) -> list[ListedFile]:
        """Files with their checksums."""
        with pace.measured(len(batch)):
            done = [self._with_checksum(file) for file in batch]
        self.counted.add(len(batch), sum(file.size for file in batch))
        return done

    def _with_checksum(self, file: ListedFile) -> ListedFile:
        if self.stop.is_set():
            raise _StoppedError
        digest = checksum(self.folder, file, self.algorithm, self._note)
        return ListedFile(file.path, file.size, file.mtime_ns, digest)

    def _note(self, count: int) -> None:
        if self.stop.is_set():
            raise _StoppedError
        self.counted.add(0, count)


class _SmallFilePace:
    """Small files out of memory are read faster by one thread than by two that hinder each other; from a slow disk by
    as many as there are.
    """

    def __init__(self) -> None:
        self._alone = Lock()
        self._file_s = float("inf")

    @contextmanager
    def measured(self, files: int) -> Iterator[None]:
        """Around a batch of so many."""
        in_memory = self._file_s < _MEMORY_S
        with self._alone if in_memory else nullcontext():
            began = time.perf_counter()
            yield
            self._file_s = (time.perf_counter() - began) / files


def _collect(
    waiting: set[Future[list[ListedFile]]], keep: Callable[[Sequence[ListedFile]], None]
) -> set[Future[list[ListedFile]]]:
    """Wait a moment for what is ready; what is not. Raises the first fault, after all that is good is kept."""
    ready, rest = wait(waiting, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
    faults: list[BaseException] = []
    for future in ready:
        fault = future.exception()
        if fault is not None:
            faults.append(fault)
        else:
            keep(future.result())
    if faults:
        raise faults[0]
    return rest
