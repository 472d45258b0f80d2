"""The search for the highest rate at which no frame is lost, for a client that only counts and for the recorder.

The detector makes frames at a rate for a while, and all have to come. Both climb the rates rung by rung, in turns; a
rung may be tried three times, for the machine has other work too. Each ends where it fails or where the detector itself
is no faster. Detector, client and recorder share one machine: a rate counts for the whole of them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beamsession.record.streaming import StreamingDetector
from beamsim.detector_client import DetectorClient
from frame_rig import MIB, Runs, bare_writes, counts
from rows import Load, load_of, row

GOAL = 0.9
_STEP = 1.3
_RUNGS = 12
_SECONDS = 1.0
_FEWEST, _MOST = 16, 8000
_TRIES = 3
_OF_THE_RATE = 0.85  # a detector that made its frames slower than this share of the rate asked for is at its own limit
_LARGEST_BARE = 512 * MIB
_SETTLING_S = 0.5
_COUNTED_S = 30.0


@dataclass(frozen=True)
class Ladder:
    """One detector, and the arguments of the program that only counts its frames."""

    camera: DetectorClient
    detector: StreamingDetector
    folder: Path
    counting: tuple[str, ...]

    def climb(self, name: str, side: int, dtype: str, slowest: float) -> list[dict[str, Any]]:
        """The rows for frames of one size and type, from `slowest` frames/s upwards."""
        runs = Runs(self.detector, self.folder)
        self._record(runs, slowest)  # the memory of ring and clients is touched for the first time
        before = self._load()
        counting = _Climber(self._count)
        recording = _Climber(lambda rate: self._record(runs, rate))
        frames = 0
        for rung in range(_RUNGS):
            rate = slowest * _STEP**rung
            frames = _frames(rate)
            for climber in (counting, recording):
                climber.step(rate)
            if counting.ended and recording.ended:
                break
        counted, recorded = counting.highest, recording.highest
        load = self._load().since(before)
        images = counts(side, dtype)
        frames = max(min(frames, _LARGEST_BARE // images[0].nbytes), _FEWEST)
        bare = statistics.median(bare_writes(self.folder, images, side, frames) for _ in range(3))
        return [
            row(f"{name}_to_file", recorded, min(counted, bare), GOAL, load),
            row(f"{name}_counted_only", counted, counted, None),
            row(f"{name}_bare_loop", bare, bare, None),
        ]

    def _load(self) -> Load:
        return load_of(*self.detector.pids().values())

    def _record(self, runs: Runs, rate: float) -> float:
        """Frames per second that were produced and all written; 0 if one was lost."""
        runs.begin()
        produced = self._produce(rate)
        return produced if runs.end().written == _frames(rate) else 0.0

    def _count(self, rate: float) -> float:
        """Frames per second that were produced and all seen by the counting client; 0 if one was lost."""
        with _client(self.counting) as client:
            produced = self._produce(rate)
            time.sleep(_SETTLING_S)
            seen, _ = client.communicate("\n", timeout=_COUNTED_S)
        return produced if int(seen) == _frames(rate) else 0.0

    def _produce(self, rate: float) -> float:
        """Have the camera make its frames; frames per second as it really made them."""
        begin = time.perf_counter()
        self.camera.start(_frames(rate), period=1 / rate)
        self.camera.wait()
        return _frames(rate) / (time.perf_counter() - begin)


def _frames(rate: float) -> int:
    return int(min(max(rate * _SECONDS, _FEWEST), _MOST))


@dataclass
class _Climber:
    """`attempt` gives the rate at which frames were really made, 0 if one was lost."""

    attempt: Callable[[float], float]
    highest: float = 0.0
    ended: bool = False

    def step(self, rate: float) -> None:
        if self.ended:
            return
        made = next((made for made in (self.attempt(rate) for _ in range(_TRIES)) if made), 0.0)
        self.highest = max(self.highest, made)
        self.ended = made < _OF_THE_RATE * rate


@contextmanager
def _client(arguments: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    script, *rest = arguments
    command = [sys.executable, str(Path(__file__).with_name(script)), *rest]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert client.stdout is not None
        client.stdout.readline()
        yield client
    finally:
        client.kill()
        client.wait()
