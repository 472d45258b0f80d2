"""The plugin: a queue that drops what it cannot hold, and a file that is opened with its first frame."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from beamsim.areadetector.camera import NDArray16
from beamsim.areadetector.hdf5_file import Hdf5File

SINGLE, CAPTURE, STREAM = range(3)


LAZY = "Lazy Open..."
"""What the plugin says while it waits for the first frame, and after a capture that was stopped."""


@dataclass
class FilePlugin:
    """Everything that its records show. `mounts` says what folders of the IOC's host are called here."""

    mounts: dict[str, Path] = field(default_factory=dict)
    enabled: bool = False
    file_path: str = ""
    file_name: str = ""
    file_template: str = "%s%s_%3.3d.h5"
    file_number: int = 0
    write_mode: int = SINGLE
    wanted: int = 1
    lazy_open: bool = False
    swmr: bool = False
    swmr_supported: bool = True
    frames_per_flush: int = 0
    write_delay: float = 0.0
    open_fails: bool = False
    queue_size: int = 20
    capturing: bool = False
    captured: int = 0
    dropped: int = 0
    counter: int = 0
    write_failed: bool = False
    message: str = ""
    full_name: str = ""
    last: NDArray16 | None = None
    file: Hdf5File | None = None
    _queue: deque[NDArray16] = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def queue_free(self) -> int:
        """Places in the queue; a frame that is being written still holds its own."""
        return self.queue_size - len(self._queue)

    @property
    def path_exists(self) -> bool:
        """Whether the folder is there, as this host sees it."""
        folder = self._here(self.file_path)
        return folder is not None and folder.is_dir()

    def receive(self, frame: NDArray16) -> None:
        """Take a frame from the camera, or drop it."""
        if not self.enabled:
            return
        if not self.queue_free:
            self.dropped += 1
            return
        self._queue.append(frame)
        self._wake.set()

    def capture(self) -> None:
        """Begin; a plugin that was never given a frame opens no file, and says so nowhere but on its console."""
        self.captured = 0
        self.write_failed, self.message = False, ""
        if self.write_mode == SINGLE:
            self.write_failed, self.message = True, "ERROR: capture not supported in Single mode"
            return
        if not self.lazy_open and self.last is None:
            print("ERROR: no arrays collected yet", flush=True)
            return
        self._ended.clear()
        self.capturing = True
        self.message = LAZY if self.lazy_open else ""
        if not self.lazy_open and self.last is not None:
            self._open(self.last)

    def end(self) -> None:
        """Close the file; what is in the queue goes by."""
        self.capturing = False
        if self.file is not None:
            self.file.close()
            self.file = None
        self._ended.set()

    def stop(self) -> None:
        """End by order; what a plugin said of its last file is then not to be read any more."""
        self.end()
        self.write_failed, self.message = False, LAZY if self.lazy_open else ""

    async def ended(self) -> None:
        """Wait until nothing is captured."""
        if self.capturing:
            await self._ended.wait()

    async def run(self) -> None:
        """Process what is in the queue, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                if self.write_delay and self.capturing:
                    await asyncio.sleep(self.write_delay)
                else:
                    await asyncio.sleep(0)
                self._process(self._queue.popleft())

    def _process(self, frame: NDArray16) -> None:
        self.counter += 1
        self.last = frame
        if not self.capturing:
            return
        if self.file is None and not self._open(frame):
            return
        assert self.file is not None
        self.file.write(frame)
        self.captured += 1
        if self.file.swmr and self.captured % self.frames_per_flush == 0:
            self.file.flush()
        if self.captured == self.wanted:
            self.end()

    def _open(self, frame: NDArray16) -> bool:
        arguments = (self.file_path, self.file_name, self.file_number)
        self.full_name = self.file_template % arguments[: self.file_template.count("%")]
        path = self._here(self.full_name)
        try:
            if path is None or self.open_fails:
                raise FileNotFoundError(self.full_name)
            self.file = Hdf5File(path, frame, swmr=self.swmr)
            self.message = ""
            self.frames_per_flush = max(self.frames_per_flush, 1)  # one chunk at least
        except OSError:
            self.write_failed, self.message = True, f"Error opening file {self.full_name}, status=3"
            self.end()
            return False
        return True

    def _here(self, name: str) -> Path | None:
        if not self.mounts:
            return Path(name) if name else None
        for root, here in self.mounts.items():
            if name.startswith(root):
                return here / name[len(root) :].replace("\\", "/").strip("/")
        return None
