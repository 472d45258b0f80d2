"""A slow detector over Channel Access: the acquisition behind the records of ``db/detector.db``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from softioc import device

from beamsim.acquisition import Acquisition, AcquisitionSettings, Counters, Frame
from beamsim.record import IntegerRecord, PixelRecord


class CaDetector:
    """Binds records and acquisition; to be made before the IOC is initialised.

    ``largest`` is the NELM of ArrayData: a size with more pixels is refused, and so is any while frames are
    made. Channel Access cannot report a refused put; the record keeps its former value.
    """

    def __init__(self, prefix: str, settings: AcquisitionSettings, largest: int, position: Callable[[], float]) -> None:
        self._settings = settings
        self._largest = largest
        self._acquisition = Acquisition(settings, self, position)
        self._made = IntegerRecord(f"{prefix}ArrayCounter_RBV")
        self._dropped = IntegerRecord(f"{prefix}DroppedArrays_RBV")
        self._unique_id = IntegerRecord(f"{prefix}UniqueId_RBV")
        self._pixels = PixelRecord(f"{prefix}ArrayData")
        self._busy = IntegerRecord(f"{prefix}Acquire_RBV")
        self._acquire = device.bo(f"{prefix}Acquire", initial_value=0, on_update=self._set_acquire)
        self._bind_settings(prefix)

    def _bind_settings(self, prefix: str) -> None:
        settings = self._settings
        device.longout(f"{prefix}NumImages", initial_value=settings.frames, on_update=self._set_frames)
        device.ao(f"{prefix}AcquirePeriod", initial_value=settings.period, on_update=self._set_period)
        device.ao(f"{prefix}AcquireTime", initial_value=settings.exposure, on_update=self._set_exposure)
        device.longout(f"{prefix}DropEvery", initial_value=settings.drop_every, on_update=self._set_drop_every)
        width, height = settings.shape.width, settings.shape.height
        device.longout(f"{prefix}SizeX", initial_value=width, validate=self._take_width)
        device.longout(f"{prefix}SizeY", initial_value=height, validate=self._take_height)

    def started(self, counters: Counters) -> None:
        """See :class:`beamsim.acquisition.FrameSink`, like the three below."""
        self._post_counters(counters)
        self._busy.post(1)

    def made(self, frame: Frame, counters: Counters) -> None:
        self._unique_id.post(frame.unique_id)
        self._pixels.post(frame.image)
        self._made.post(counters.made)

    def dropped(self, counters: Counters) -> None:
        self._post_counters(counters)

    def ended(self, counters: Counters) -> None:
        self._post_counters(counters)
        self._busy.post(0)
        if not self._acquisition.stopping:
            # Else a client has set it to 0, and perhaps to 1 again since.
            self._acquire.set(0)

    def _post_counters(self, counters: Counters) -> None:
        self._made.post(counters.made)
        self._dropped.post(counters.dropped)

    def _set_acquire(self, value: int) -> None:
        if value:
            self._acquisition.start()
        else:
            self._acquisition.stop()

    def _set_frames(self, value: int) -> None:
        self._settings.frames = value

    def _set_period(self, value: float) -> None:
        self._settings.period = value

    def _set_exposure(self, value: float) -> None:
        self._settings.exposure = value

    def _set_drop_every(self, value: int) -> None:
        self._settings.drop_every = value

    def _take_width(self, _record: object, value: int) -> bool:
        return self._take_size(value, self._settings.shape.height)

    def _take_height(self, _record: object, value: int) -> bool:
        return self._take_size(self._settings.shape.width, value)

    def _take_size(self, width: int, height: int) -> bool:
        if self._acquisition.running or width * height > self._largest:
            return False
        self._settings.shape = replace(self._settings.shape, width=width, height=height)
        return True
