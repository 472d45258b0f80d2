"""A fast detector over pvAccess: one NTNDArray and the PVs that drive it, in areaDetector's habit.

``python -m beamsim.pva_detector`` serves it until told to end; the ports come from the environment.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

from p4p.client.thread import Context
from p4p.server import Server, StaticProvider
from p4p.server.thread import SharedPV

from beamsim.acquisition import Acquisition, AcquisitionSettings, Counters, Frame
from beamsim.frames import FrameShape
from beamsim.lifeline import wait_for_end
from beamsim.ndarray import FrameAttributes, NDArrayBuilder, empty_ndarray
from beamsim.pixels import DATA_TYPE_CHOICES, PixelType
from beamsim.pva_setting import choice, command, not_negative, scalar, side

_COUNTER_INTERVAL = 0.05  # seconds; posting three counters with each of 1 000 frames/s would slow the frames


class PvaDetector:
    """The PVs of one detector and the acquisition behind them."""

    def __init__(self, prefix: str, settings: AcquisitionSettings) -> None:
        self.pvs = StaticProvider("detector")
        self.sample_position = 0.0
        self.beam_energy = 0.0
        self._settings = settings
        self._builder = NDArrayBuilder()
        self._acquisition = Acquisition(settings, self, lambda: self.sample_position)
        self._counted_at = 0.0
        self._image = SharedPV(initial=empty_ndarray())
        self._acquire = command(("Done", "Acquire"), self._put_acquire)
        self._busy = choice(("Done", "Acquiring"), 0)
        self._made = scalar("i", 0)
        self._dropped = scalar("i", 0)
        self._unique_id = scalar("i", 0)
        for name, pv in self._named_pvs().items():
            self.pvs.add(prefix + name, pv)

    def _named_pvs(self) -> dict[str, SharedPV]:
        settings, shape = self._settings, self._settings.shape
        return {
            "Image": self._image,
            "Acquire": self._acquire,
            "Acquire_RBV": self._busy,
            "ArrayCounter_RBV": self._made,
            "DroppedArrays_RBV": self._dropped,
            "UniqueId_RBV": self._unique_id,
            "NumImages": scalar("i", settings.frames, self._put_frames),
            "AcquirePeriod": scalar("d", settings.period, self._put_period, "s"),
            "AcquireTime": scalar("d", settings.exposure, self._put_exposure, "s"),
            "DropEvery": scalar("i", settings.drop_every, self._put_drop_every),
            "SizeX": scalar("i", shape.width, self._put_width, "pixel"),
            "SizeY": scalar("i", shape.height, self._put_height, "pixel"),
            "DataType": choice(DATA_TYPE_CHOICES, shape.pixel.choice, self._put_data_type),
        }

    def started(self, counters: Counters) -> None:
        """See :class:`beamsim.acquisition.FrameSink`, like the three below."""
        self._post_counters(counters)
        self._show_busy(1)

    def made(self, frame: Frame, counters: Counters) -> None:
        attributes = FrameAttributes(self._settings.exposure, self.sample_position, self.beam_energy)
        self._image.post(self._builder.build(frame, attributes))
        self._post_counters_now_and_then(counters)

    def dropped(self, counters: Counters) -> None:
        self._post_counters_now_and_then(counters)

    def ended(self, counters: Counters) -> None:
        self._post_counters(counters)
        self._show_busy(0)

    def _show_busy(self, busy: int) -> None:
        now = time.time()
        self._busy.post(busy, timestamp=now)
        self._acquire.post(busy, timestamp=now)

    def _post_counters_now_and_then(self, counters: Counters) -> None:
        if time.monotonic() - self._counted_at >= _COUNTER_INTERVAL:
            self._post_counters(counters)

    def _post_counters(self, counters: Counters) -> None:
        now = time.time()
        self._made.post(counters.made, timestamp=now)
        self._dropped.post(counters.dropped, timestamp=now)
        self._unique_id.post(counters.unique_id, timestamp=now)
        self._counted_at = time.monotonic()

    def _put_acquire(self, value: int) -> None:
        if value:
            self._acquisition.start()
        else:
            self._acquisition.stop()

    def _put_frames(self, value: int) -> None:
        self._settings.frames = int(not_negative("NumImages", value))

    def _put_period(self, value: float) -> None:
        self._settings.period = not_negative("AcquirePeriod", value)

    def _put_exposure(self, value: float) -> None:
        self._settings.exposure = not_negative("AcquireTime", value)

    def _put_drop_every(self, value: int) -> None:
        self._settings.drop_every = int(not_negative("DropEvery", value))

    def _put_width(self, value: int) -> None:
        self._reshape(replace(self._settings.shape, width=side("SizeX", value)))

    def _put_height(self, value: int) -> None:
        self._reshape(replace(self._settings.shape, height=side("SizeY", value)))

    def _put_data_type(self, value: int) -> None:
        self._reshape(replace(self._settings.shape, pixel=PixelType.from_choice(value)))

    def _reshape(self, shape: FrameShape) -> None:
        if self._acquisition.running:
            raise ValueError("size and type cannot change while frames are made; put 0 to Acquire first")
        self._settings.shape = shape


def main() -> None:
    """Serve the detector until SIGTERM, SIGINT or the end of standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", default="SIM:PVA1:")
    parser.add_argument("--size-x", type=int, default=1024)
    parser.add_argument("--size-y", type=int, default=1024)
    parser.add_argument("--period", type=float, default=0.1, help="seconds from frame to frame")
    parser.add_argument("--position-pv", required=True, help="whose value the frames' brightness follows")
    parser.add_argument("--energy-pv", required=True, help="whose value is told with each frame")
    options = parser.parse_args()
    shape = FrameShape(options.size_x, options.size_y)
    detector = PvaDetector(options.prefix, AcquisitionSettings(shape, period=options.period))

    def position(value: float) -> None:
        detector.sample_position = float(value)

    def energy(value: float) -> None:
        detector.beam_energy = float(value)

    with (
        Context("pva") as client,
        Server(providers=[detector.pvs]),
        client.monitor(options.position_pv, position),
        client.monitor(options.energy_pv, energy),
    ):
        wait_for_end()


if __name__ == "__main__":
    main()
