"""A motor that is a Tango device, without a Tango database: position with events, limits, speed, MOVING and ON.

``python -m beamsim.tango_motor --port PORT --ready-file FILE`` serves it until it is told to end.
"""

from __future__ import annotations

import argparse
import json
import math
import threading
import time
from pathlib import Path

import tango
from tango import AttrQuality, AttrWriteType, DevState
from tango.server import Device, attribute, command, run

from beamsim.loopback import HOST

DEVICE = "sim01/motor/m3"
LIMITS = (-50.0, 50.0)
_SPEED = 5.0
_STEP = 0.05


class Motor(Device):
    """Moves to what is written to Position at its Velocity, and pushes the way there 20 times a second."""

    def init_device(self) -> None:
        super().init_device()
        self._changed = threading.Condition()
        self._position, self._target, self._velocity = 0.0, 0.0, _SPEED
        self.set_change_event("Position", True, False)
        self.set_change_event("State", True, False)
        self.set_state(DevState.ON)
        threading.Thread(target=self._drive, name="motor", daemon=True).start()

    Position = attribute(
        dtype=float,
        unit="mm",
        access=AttrWriteType.READ_WRITE,
        min_value=LIMITS[0],
        max_value=LIMITS[1],
        doc="where it is; a write begins a move there",
    )
    Velocity = attribute(dtype=float, unit="mm/s", access=AttrWriteType.READ_WRITE, min_value=0.001, doc="speed")

    def read_Position(self) -> tuple[float, float, AttrQuality]:  # noqa: N802
        with self._changed:
            return self._shown()

    def write_Position(self, value: float) -> None:  # noqa: N802
        with self._changed:
            self._target = value
            self._changed.notify_all()
        self._tell(DevState.MOVING)

    def read_Velocity(self) -> float:  # noqa: N802
        return self._velocity

    def write_Velocity(self, value: float) -> None:  # noqa: N802
        self._velocity = value

    @command
    def Stop(self) -> None:  # noqa: N802
        """End the move where it is."""
        with self._changed:
            self._target = self._position
            self._changed.notify_all()

    def _shown(self) -> tuple[float, float, AttrQuality]:
        moves = self._position != self._target
        return self._position, time.time(), AttrQuality.ATTR_CHANGING if moves else AttrQuality.ATTR_VALID

    def _drive(self) -> None:
        with tango.EnsureOmniThread():
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._position != self._target or self.get_state() != DevState.ON)
                self._move()

    def _move(self) -> None:
        """The clock, not the number of steps, decides how far it comes."""
        before = time.monotonic()
        while True:
            time.sleep(_STEP)
            now = time.monotonic()
            with self._changed:
                reach, distance = self._velocity * (now - before), self._target - self._position
                self._position = (
                    self._target if abs(distance) <= reach else self._position + math.copysign(reach, distance)
                )
                shown, arrived = self._shown(), self._position == self._target
            before = now
            self.push_change_event("Position", *shown)
            if arrived:
                self._tell(DevState.ON)
                return

    def _tell(self, state: DevState) -> None:
        self.set_state(state)
        self.push_change_event("State")


def main() -> None:
    """Serve until the end of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ready-file", type=Path, required=True, help="write this JSON file when the device answers")
    arguments = parser.parse_args()

    def ready() -> None:
        temporary = arguments.ready_file.with_name(f".{arguments.ready_file.name}")
        temporary.write_text(json.dumps({"device": address(arguments.port)}), encoding="utf-8")
        temporary.replace(arguments.ready_file)

    options = ["Motor", "sim01", "-nodb", "-dlist", DEVICE, "-ORBendPoint", f"giop:tcp:{HOST}:{arguments.port}"]
    run((Motor,), args=options, post_init_callback=ready)


def address(port: int) -> str:
    """The device for a client."""
    return f"tango://{HOST}:{port}/{DEVICE}"


if __name__ == "__main__":
    main()
