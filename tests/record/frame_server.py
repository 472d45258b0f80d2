"""A PVA detector inside the test, which posts exactly the frames a test wants."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from p4p import Value
from p4p.nt import NTNDArray, NTScalar
from p4p.server import Server, ServerOperation, StaticProvider
from p4p.server.thread import SharedPV

from beamsession.model.clock import utc_now
from beamsession.model.detector import PvaDetector
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.record.detector import Progress
from beamsession.record.streaming import StreamingDetector
from beamsim.waiting import wait_until

_TYPE = NTNDArray.buildType()
_MEMBERS = {
    "uint8": "ubyteValue",
    "int16": "shortValue",
    "uint16": "ushortValue",
    "int32": "intValue",
    "uint32": "uintValue",
    "float32": "floatValue",
    "float64": "doubleValue",
}


class FrameServer:
    """Serves DET:Image, DET:Dropped, DET:Made, DET:Exposure, DET:Acquire and DET:Frames on ports of its own."""

    def __init__(self) -> None:
        self.image = SharedPV(initial=empty_value())
        self.dropped = SharedPV(nt=NTScalar("i"), initial=0)
        self.made = SharedPV(nt=NTScalar("i"), initial=0)
        self.exposure = SharedPV(nt=NTScalar("d"), initial=0.0)
        self.puts: list[tuple[str, int]] = []
        self._pvs = {"Image": self.image, "Dropped": self.dropped, "Made": self.made, "Exposure": self.exposure}
        for name in ("Acquire", "Frames"):
            self._pvs[name] = SharedPV(nt=NTScalar("i"), initial=0, handler=_Putter(name, self.puts))
        provider = StaticProvider("frames")
        for name, pv in self._pvs.items():
            provider.add(f"DET:{name}", pv)
        self._provider = provider
        self._server = Server(providers=[provider], isolate=True)
        self._conf = self._server.conf()

    def client_environment(self) -> dict[str, str]:
        port = self._conf["EPICS_PVAS_BROADCAST_PORT"]
        return {"EPICS_PVA_ADDR_LIST": f"127.0.0.1:{port}", "EPICS_PVA_AUTO_ADDR_LIST": "NO"}

    def post(self, unique_id: int, image: NDArray, time_ns: int | None = None) -> None:
        self.image.post(frame_value(unique_id, image, time_ns))

    def stop(self) -> None:
        self._server.stop()

    def go_away(self) -> None:
        """Close the server: its clients see a disconnection."""
        self._server.stop()

    def come_back(self, *, empty: bool = False) -> None:
        """Serve the same PVs on the same ports, with the values they had, or no frame yet as after a restart."""
        if empty:
            self.image.post(empty_value())
        self._server = Server(providers=[self._provider], conf=self._conf, useenv=False)


class _Putter:
    def __init__(self, name: str, puts: list[tuple[str, int]]) -> None:
        self._name = name
        self._puts = puts

    def put(self, pv: SharedPV, operation: ServerOperation) -> None:
        self._puts.append((self._name, int(operation.value())))
        pv.post(operation.value())
        operation.done()


def empty_value() -> Value:
    """What an NTNDArray holds before the first frame."""
    return Value(_TYPE, {"value": ("ubyteValue", np.zeros(0, np.uint8))})


def frame_value(unique_id: int, image: NDArray, time_ns: int | None = None, codec: str = "") -> Value:
    stamp = time.time_ns() if time_ns is None else time_ns
    return Value(
        _TYPE,
        {
            "value": (_MEMBERS[image.dtype.name], image.ravel()),
            "codec.name": codec,
            "dimension": [{"size": length, "fullSize": length, "binning": 1} for length in reversed(image.shape)],
            "compressedSize": image.nbytes,
            "uncompressedSize": image.nbytes,
            "uniqueId": unique_id,
            "timeStamp.secondsPastEpoch": stamp // 10**9,
            "timeStamp.nanoseconds": stamp % 10**9,
        },
    )


def image_of(unique_id: int, shape: tuple[int, int] = (24, 32), dtype: str = "uint16") -> NDArray:
    """An image in which every pixel tells the frame's id."""
    return np.full(shape, unique_id % 251, dtype)


def noise_of(unique_id: int, shape: tuple[int, ...] = (256, 256), dtype: str = "uint16") -> NDArray:
    """An image of random bits, which no codec makes smaller; the same for the same id."""
    generator = np.random.default_rng(unique_id)
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(generator.bytes(size), dtype).reshape(shape)


def detector_config(**changes: Any) -> PvaDetector:
    return PvaDetector(**({"name": "eiger", "pv": "DET:Image", "ring_mib": 16} | changes))


def run_plan(folder: Path, number: int = 1, **changes: Any) -> RunPlan:
    values: dict[str, Any] = {
        "key": RunKey(instrument="i", session_id=1, run_number=number),
        "data_root": folder,
        "folder": folder,
        "session": SessionFacts(id=1, name="s", start=utc_now()),
        "instrument": InstrumentFacts(name="i"),
        "connect_timeout_s": 20.0,
    }
    return RunPlan(**(values | changes))


def begin(detector: StreamingDetector, plan: RunPlan) -> Path:
    """Prepare and arm; the data file."""
    detector.prepare(plan)
    detector.arm()
    path = detector.data_file()
    assert path is not None
    return path


def wait_received(detector: StreamingDetector, count: int) -> None:
    wait_until(f"{count} frames are received", lambda: detector.progress().account.received >= count)


def wait_written(detector: StreamingDetector, count: int) -> None:
    wait_until(f"{count} frames are written", lambda: detector.progress().account.written >= count)


def wait_closed(detector: StreamingDetector) -> Progress:
    wait_until("the data file is closed", lambda: detector.progress().closed)
    return detector.progress()


def finish(detector: StreamingDetector, *, drain: bool = True) -> Progress:
    detector.stop(drain=drain)
    return wait_closed(detector)


def value_in(path: Path, name: str) -> Any:
    """What a dataset holds, read plainly."""
    with h5py.File(path, "r") as file:
        return stored(file, name)[()]


def stored(file: h5py.File, path: str) -> Any:
    """The dataset at `path`; h5py's own types would allow for a group there."""
    return file[path]
