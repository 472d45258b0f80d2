"""One detector's acquisition: makes frames at a set rate in a thread and hands them to where they are served."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Protocol

from numpy.typing import NDArray

from beamsim.frames import FrameBank, FrameShape, beam_intensity
from beamsim.pace import Pace


@dataclass(slots=True)
class AcquisitionSettings:
    """What a client may set; all but the shape also while frames are being made."""

    shape: FrameShape
    frames: int = 1
    """How many frames to make; 0 = until stopped."""
    period: float = 0.1
    """Seconds from frame to frame; 0 = as fast as can be."""
    exposure: float = 0.05
    """Seconds; told with the frames, does not slow them."""
    drop_every: int = 0
    """Every n-th frame of an acquisition is lost; 0 = none."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One image with its unique id and time stamp (seconds since 1970, UTC)."""

    unique_id: int
    time: float
    image: NDArray


@dataclass(frozen=True, slots=True)
class Counters:
    """Of the present acquisition: frames made, lost ones included, and frames lost; with the last id given."""

    made: int = 0
    dropped: int = 0
    unique_id: int = 0


class FrameSink(Protocol):
    """Where an acquisition's frames go; the methods are called in order, never two at once."""

    def started(self, counters: Counters) -> None:
        """A new acquisition begins; made and dropped are 0."""
        ...

    def made(self, frame: Frame, counters: Counters) -> None:
        """A frame to be served."""
        ...

    def dropped(self, counters: Counters) -> None:
        """A frame was lost; its id is used up."""
        ...

    def ended(self, counters: Counters) -> None:
        """The last frame of this acquisition was made."""
        ...


@dataclass(slots=True)
class Acquisition:
    """Starts and stops the making of frames; unique ids go on from one acquisition to the next."""

    settings: AcquisitionSettings
    sink: FrameSink
    sample_position: Callable[[], float]
    """Position of the first motor (mm), asked for each frame."""
    _counters: Counters = field(default_factory=Counters, init=False)
    _bank: FrameBank | None = field(default=None, init=False)
    _stop: Event = field(default_factory=Event, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)
    _thread: Thread | None = field(default=None, init=False)

    @property
    def running(self) -> bool:
        """Whether frames are being made."""
        return self._thread is not None

    @property
    def stopping(self) -> bool:
        """Whether the present acquisition, or the last one, was told to end."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin an acquisition, after one that is being stopped; nothing happens if one goes on."""
        ending = self._thread
        if ending is not None and self.stopping:
            ending.join()
        with self._lock:
            if self._thread is not None:
                return
            self._stop = Event()
            self._counters = Counters(unique_id=self._counters.unique_id)
            self.sink.started(self._counters)
            self._thread = Thread(target=self._run, args=(self._stop,), name="acquisition", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the acquisition after the frame being made; returns at once."""
        self._stop.set()

    def _run(self, stop: Event) -> None:
        try:
            self._make_frames(self._prepare(), stop)
        finally:
            # Under the lock: a start that comes now is told only after this end.
            with self._lock:
                self._thread = None
                self.sink.ended(self._counters)

    def _make_frames(self, bank: FrameBank, stop: Event) -> None:
        pace = Pace()
        for number in itertools.count(1):
            if not pace.wait(self.settings.period, stop):
                return
            self._make_frame(bank, number)
            if 0 < self.settings.frames <= number:
                return

    def _make_frame(self, bank: FrameBank, number: int) -> None:
        before = self._counters
        unique_id = before.unique_id + 1
        lost = self.settings.drop_every > 0 and number % self.settings.drop_every == 0
        self._counters = Counters(number, before.dropped + lost, unique_id)
        if lost:
            self.sink.dropped(self._counters)
            return
        image = bank.frame(unique_id, round(beam_intensity(self.sample_position()), 3))
        self.sink.made(Frame(unique_id, time.time(), image), self._counters)

    def _prepare(self) -> FrameBank:
        if self._bank is None or self._bank.shape != self.settings.shape:
            self._bank = FrameBank(self.settings.shape)
        return self._bank
