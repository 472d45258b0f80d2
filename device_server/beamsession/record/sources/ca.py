"""Frames from a waveform over Channel Access, with the PVs beside it that tell shape and unique id."""

from __future__ import annotations

import logging
import os
import select
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from beamsession.model.detector import CaDetector
from beamsession.record.frame import Frame, FrameFormat
from beamsession.record.sources.channel import Channel, Update
from beamsession.record.sources.own_pixels import Image
from beamsession.record.sources.pairing import Pairing
from beamsession.record.sources.source import Count, UnusableFrameError, halt_by_pvs, pv_names, pv_timeout, start_by_pvs
from beamsession.record.sources.std_arrays import StdArrays

_log = logging.getLogger(__name__)
_EPICS_EPOCH_NS = 631_152_000 * 1_000_000_000  # 1990
_DAY_NS = 86_400 * 1_000_000_000
_MOST_COUNTS = 1000  # values of the counter that wait; nobody takes them while no run is live
_BATCH = 8  # frames taken before commands are looked at again


class CaSource:
    """One waveform, subscribed during a run, and the scalar PVs beside it, subscribed for life.

    Updates come in threads of the client library; they are only queued there and looked at in the receiver's thread.
    """

    def __init__(self, config: CaDetector) -> None:
        self._config = config
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._is_attended = False
        self._is_signalled = False
        self._is_looking = False
        self._image = Channel(config.pv, self._signal, is_waveform=True)
        self._scalars = {
            name: Channel(name, self._hint if name == config.id_pv else self._signal)
            for name in pv_names(config)
            if name != config.pv
        }
        self._std_arrays = None if config.id_pv is None else StdArrays(config.pv, config.id_pv)
        self._numbers: dict[str, float] = {}
        self._produced: deque[Count] = deque(maxlen=_MOST_COUNTS)
        self._latest_count: Count | None = None
        self._gone_before = 0
        self._pairing = Pairing(config.ring_mib << 20, with_ids=config.id_pv is not None)

    def fileno(self) -> int:
        return self._wake

    def unconnected(self) -> tuple[str, ...]:
        self._pump_scalars()
        return tuple(c.name for c in (self._image, *self._scalars.values()) if not c.connected)

    def subscribe(self, timeout: float) -> FrameFormat | None:
        deadline = time.monotonic() + timeout
        self.unsubscribe()
        self._is_attended = self._is_looking = True
        baseline: Update | None = None
        while missing := self._silent(baseline):
            if self._image.connected:
                self._image.subscribe()
            update = self._image.pop()
            if update is not None:
                baseline = update[0]
                continue
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                self.unsubscribe()
                raise pv_timeout(self._config.name, missing, timeout)
            select.select([self._wake], (), (), remaining)
            self._clear()
        assert baseline is not None
        self._pairing.reset(baseline.time_ns, ids_follow=self._ids_follow(deadline))
        if not self._produced and self._latest_count is not None:
            self._produced.append(self._latest_count)
        self._gone_before = self._image.disconnections
        self._is_looking = False
        self._signal()
        return self._baseline_format(baseline)

    def unsubscribe(self) -> None:
        self._is_attended = False
        self._image.unsubscribe()

    def frames(self) -> Iterator[Frame]:
        self._clear()
        self._is_looking = True
        self._pump_scalars()
        self._pump_images()
        self._is_looking = False
        for _ in range(_BATCH):
            pair = self._pairing.next()
            if pair is None:
                return
            image, unique_id = pair
            form = FrameFormat(self._shape(image.pixels), image.pixels.dtype.str)
            pixels = image.pixels[: form.nbytes // image.pixels.itemsize]
            yield Frame(form, unique_id, image.time_ns, image.receive_ns, pixels)
        self._signal()

    def settle(self) -> None:
        """What was posted is on its way by itself."""

    @property
    def numbered(self) -> bool:
        return self._config.id_pv is not None

    def holds_back(self) -> bool:
        return self._pairing.waits

    @property
    def doubt(self) -> str:
        return self._pairing.doubt

    @property
    def was_full(self) -> bool:
        return False

    def dropped(self) -> int | None:
        counter = self._numbers.get(self._config.dropped_pv or "")
        return None if counter is None else int(counter)

    def produced(self) -> list[Count]:
        counts = list(self._produced)
        self._produced.clear()
        return counts

    def exposure(self) -> float | None:
        return self._numbers.get(self._config.exposure_pv or "")

    def disconnections(self) -> int:
        return self._image.disconnections - self._gone_before

    def frame_bytes(self) -> int | None:
        config = self._config
        width = config.width if config.width_pv is None else self._numbers.get(config.width_pv)
        height = config.height if config.height_pv is None else self._numbers.get(config.height_pv)
        kind = config.dtype or self._image.element_type()
        if not width or not height or kind is None:
            return None
        return int(width) * int(height) * np.dtype(kind).itemsize

    def hint(self) -> str:
        if self._std_arrays is None or not self._std_arrays.stamps_differ():
            return ""
        return (
            f"{self._config.pv} and {self._config.id_pv} have different TSE, ids and frames may not be paired for "
            "certain: set both to -2, or both to 0."
        )

    def start(self, frames: int | None) -> None:
        start_by_pvs(self._config, self._put, frames)

    def halt(self, wait_s: float = 0.0) -> None:
        halt_by_pvs(self._config, self._put, wait_s)

    def _put(self, pv: str, value: int, wait_s: float) -> None:
        self._scalars[pv].put(value, wait_s)

    def _ids_follow(self, deadline: float) -> bool:
        remaining = max(deadline - time.monotonic(), 0.0)
        return self._std_arrays is not None and self._std_arrays.posts_id_after_waveform(remaining)

    def _silent(self, baseline: Update | None) -> tuple[str, ...]:
        """The PVs that are not connected or whose value has not come yet."""
        missing = self.unconnected()
        if missing:
            return missing
        scalars = tuple(name for name in self._scalars if name not in self._numbers)
        return scalars if baseline is not None else (self._config.pv, *scalars)

    def _pump_scalars(self) -> None:
        for name, channel in self._scalars.items():
            if channel.connected:
                channel.subscribe()
            while (update := channel.pop()) is not None:
                self._numbers[name] = float(update[0].value)
                if name == self._config.produced_pv:
                    self._latest_count = _count(update[0])
                    self._produced.append(self._latest_count)
                if name == self._config.id_pv:
                    self._pairing.add_id(int(update[0].value), update[0].time_ns, update[0].receive_ns)

    def _pump_images(self) -> None:
        while (item := self._image.pop()) is not None:
            update, fresh = item
            pixels = self._pixels(update)
            if not fresh or not pixels.size:
                continue
            if not self._pairing.add_image(Image(pixels, update.time_ns, update.receive_ns, time.monotonic())):
                _log.warning("%s: too many frames wait for their ids, one is lost", self._config.name)

    def _pixels(self, update: Update) -> NDArray:
        pixels = np.atleast_1d(np.asarray(update.value))
        if self._config.dtype is None:
            return pixels
        wanted = np.dtype(self._config.dtype)
        return pixels.view(wanted) if wanted.itemsize == pixels.itemsize else pixels.astype(wanted)

    def _shape(self, pixels: NDArray) -> tuple[int, ...]:
        """Rows and columns; a waveform without a width is a line. Raises UnusableFrameError."""
        config = self._config
        width = config.width if config.width_pv is None else int(self._numbers[config.width_pv])
        height = config.height if config.height_pv is None else int(self._numbers[config.height_pv])
        if width is None:
            return (pixels.size,)
        if width < 1:
            raise UnusableFrameError(f"its width is {width}")
        rows = pixels.size // width if height is None else height
        if rows < 1 or rows * width > pixels.size:
            raise UnusableFrameError(f"a frame of {width}x{rows} brings {pixels.size} pixels")
        return (rows, width)

    def _baseline_format(self, baseline: Update) -> FrameFormat | None:
        """The format of the old frame; the size PVs may already be those of the next, then nothing is known."""
        pixels = self._pixels(baseline)
        if not pixels.size:
            return None
        with suppress(UnusableFrameError):
            return FrameFormat(self._shape(pixels), pixels.dtype.str)
        return None

    def _hint(self) -> None:
        """An id has come: of use only where a waveform waits for it, or may at this moment."""
        if self._is_looking or self._image.waits or self._pairing.waits:
            self._signal()

    def _signal(self) -> None:
        """Wake the receiver: once until it looks, and not while nobody wants frames."""
        if self._is_attended and not self._is_signalled:
            self._is_signalled = True
            os.eventfd_write(self._wake, 1)

    def _clear(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        self._is_signalled = False  # Not before: a signal in between would be taken away and never given again.


def _count(update: Update) -> Count:
    """A counter's value; a record that was never processed has a time long gone."""
    untold = update.time_ns < _EPICS_EPOCH_NS + _DAY_NS
    return Count(int(update.value), update.receive_ns if untold else update.time_ns)
