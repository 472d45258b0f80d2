"""A Tango device server without a database, whose frames and scalars a test pushes, kills and starts again.

``python tango_camera.py PORT`` reads lines of Python literals ``(method, arguments)`` from standard input, executes
them on the device, and answers ``ok``.
"""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
import threading
import time
from enum import IntEnum
from types import TracebackType
from typing import Any

DEVICE = "test/beamsession/camera"
TYPES = ("uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bool")


class TangoCamera:
    """The server as a process on a port of its own on loopback."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process = self._start()

    def name_of(self, attribute: str) -> str:
        """The attribute's full name."""
        return f"tango://127.0.0.1:{self.port}/{DEVICE}/{attribute}#dbase=no"

    def do(self, method: str, *arguments: Any) -> Any:
        """Call a method of the device, inside its process; the answer."""
        assert self._process.stdin
        self._process.stdin.write(f"{(method, arguments)!r}\n")
        self._process.stdin.flush()
        return ast.literal_eval(self._answer(self._process))

    def push(self, first: int, last: int | None = None, **more: Any) -> None:
        """Make frames with these ids, in which every pixel tells the id modulo 100, and push their events."""
        self.do("make", first, first if last is None else last, more)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.communicate()

    def restart(self) -> None:
        """Start it again on the same port."""
        self._process = self._start()

    def __enter__(self) -> TangoCamera:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, __file__, str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer(process) == "'ready'\n"
        return process

    @staticmethod
    def _answer(process: subprocess.Popen[str]) -> str:
        assert process.stdout
        return process.stdout.readline()


class Mode(IntEnum):
    """Labels of an enumeration."""

    CLOSED = 0
    OPEN = 1


def serve(port: str) -> None:
    """Serve until the end of standard input."""
    import numpy as np
    import tango
    from tango import AttrQuality, DevState
    from tango.server import Device, attribute, command, run

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    devices: list[Any] = []
    valid, invalid = AttrQuality.ATTR_VALID, AttrQuality.ATTR_INVALID

    class Camera(Device):
        """`Image`, `Spectrum` and `Value` are pushed by it, `Quiet…` have no events."""

        def init_device(self) -> None:
            super().init_device()
            self.present: tuple[Any, float, Any] = (np.zeros((3, 4), np.uint16), time.time(), valid)
            self.number = 0
            self.lost = 0
            self.hangs = threading.Event()
            self.deeds: list[Any] = []
            self.scalars: dict[str, tuple[Any, float, Any]] = {
                "Position": (1.5, time.time(), valid),
                "Quietness": (7, time.time(), valid),
                "Shutter": (Mode.OPEN, time.time(), valid),
            }
            for name in ("Image", "Value", "Id", "Position", "Shutter", "State"):
                self.set_change_event(name, True, False)
            self.set_archive_event("Spectrum", True, False)
            for name in TYPES:
                kind = bool if name == "bool" else np.dtype(name).type
                self.add_attribute(attribute(name=f"Of_{name}", dtype=(kind,), max_dim_x=3, fget=self.read_typed))
            self.set_state(DevState.ON)
            devices[:] = [self]

        def read_typed(self, attr: Any) -> Any:
            return np.array([0, 1, 1], attr.get_name().removeprefix("Of_"))

        @attribute(name="Image", dtype=((np.uint16,),), max_dim_x=2000, max_dim_y=2000)
        def image(self) -> Any:
            while self.hangs.is_set():
                time.sleep(0.1)
            return self.present

        @attribute(name="QuietImage", dtype=((np.uint16,),), max_dim_x=2000, max_dim_y=2000)
        def quietimage(self) -> Any:
            return self.present

        @attribute(name="Spectrum", dtype=(float,), max_dim_x=2000)
        def spectrum(self) -> Any:
            return self.present[0][0].astype(float), *self.present[1:]

        @attribute(name="Value", dtype=np.int32)
        def value(self) -> Any:
            return int(self.present[0][0, 0]), *self.present[1:]

        @attribute(name="Id", dtype=np.int64)
        def id(self) -> Any:
            return self.number, *self.present[1:]

        @attribute(name="QuietId", dtype=np.int64)
        def quietid(self) -> int:
            return self.number

        @attribute(name="Dropped", dtype=np.int64)
        def dropped(self) -> int:
            return self.lost

        @attribute(name="Frames", dtype=int)
        def frames(self) -> int:
            return 0

        @frames.write
        def write_frames(self, value: int) -> None:
            self.deeds.append(("Frames", int(value)))

        @attribute(name="Acquire", dtype=bool)
        def acquire(self) -> bool:
            return False

        @acquire.write
        def write_acquire(self, value: bool) -> None:
            self.deeds.append(("Acquire", bool(value)))

        @attribute(name="Text", dtype=str)
        def text(self) -> str:
            return "hello"

        @attribute(name="Position", dtype=float, unit="mm", description="sample position", label="position")
        def position(self) -> Any:
            return self.scalars["Position"]

        @attribute(name="Quietness", dtype=int)
        def quietness(self) -> Any:
            return self.scalars["Quietness"]

        @attribute(name="Shutter", dtype=Mode)
        def shutter(self) -> Any:
            return self.scalars["Shutter"]

        @command
        def Start(self) -> None:  # noqa: N802
            self.deeds.append(("Start",))

        @command
        def Stop(self) -> None:  # noqa: N802
            self.deeds.append(("Stop",))

        @command
        def Refuse(self) -> None:  # noqa: N802
            raise ValueError("the shutter is closed")

        def make(self, first: int, last: int, more: dict[str, Any]) -> None:
            shape, with_id = more.get("shape", (3, 4)), more.get("with_id", True)
            quality = invalid if more.get("invalid") else valid
            for number in range(first, last + 1):
                self.number = number
                self.present = (np.full(shape, number % 100, np.uint16), more.get("stamp", time.time()), quality)
                image, *rest = self.present
                if with_id:
                    self.push_change_event("Id", number, *rest)
                self.push_change_event("Image", image, *rest)
                self.push_archive_event("Spectrum", image[0].astype(float), *rest)
                self.push_change_event("Value", int(image[0, 0]), *rest)

        def quietly(self, number: int) -> None:
            self.number = number
            self.present = (np.full((3, 4), number % 100, np.uint16), time.time(), valid)

        def drop(self, count: int) -> None:
            self.lost = count

        def hang(self, yes: bool) -> None:
            (self.hangs.set if yes else self.hangs.clear)()

        def set_scalar(self, name: str, value: Any, quality: str) -> None:
            item = (value, time.time(), AttrQuality.__members__[quality])
            self.scalars[name] = item
            if name != "Quietness":
                self.push_change_event(name, *item)

        def go(self, state: str) -> None:
            self.set_state(DevState.__members__[state])
            self.push_change_event("State")

        def done(self) -> list[Any]:
            return list(self.deeds)

    def listen() -> None:
        while not devices:
            time.sleep(0.01)
        answers.write("'ready'\n")
        with tango.EnsureOmniThread():
            for line in sys.stdin:
                method, arguments = ast.literal_eval(line)
                answers.write(f"{getattr(devices[0], method)(*arguments)!r}\n")
        os._exit(0)

    def on_ready() -> None:
        threading.Thread(target=listen, daemon=True).start()

    run(
        (Camera,),
        args=["Camera", "test", "-nodb", "-dlist", DEVICE, "-ORBendPoint", f"giop:tcp:127.0.0.1:{port}"],
        post_init_callback=on_ready,
    )


if __name__ == "__main__":
    serve(sys.argv[1])
