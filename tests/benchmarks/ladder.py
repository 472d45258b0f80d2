"""The search for the highest rate at which no frame is lost, for a client that only counts and for the recorder.

Both climb the same ladder, in turns: its top is as fast as the detector can, each rung below is a tenth slower. A rung
is held if all frames came in two of three tries, for the machine has other work too. The search begins at the
rate at which frames came when the detector was as fast as it can, leaps from there, and halves in on what lies between.
Where none is held down to the lowest, or the time
is over, that is said. Detector, client and recorder share one machine: a rate counts for the whole of them.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beamsession.record.streaming import StreamingDetector
from beamsim.detector_client import DetectorClient
from frame_rig import MIB, Runs, counts, warm
from reference import Reference, reference
from rows import Load, family_cpu_s, load_of, row

GOAL = 0.9
_STEP = 1.1  # from rung to rung
_RUNGS = 49  # the lowest is a hundredth of the top
_TRIES = 3
_ENOUGH = 2
_LONGEST_S = 40.0
_WARM_UP = 4.0  # times slower than as fast as it goes
_BYTES = 512 * MIB
_FEWEST, _MOST = 24, 4000
_BARE_ROUNDS = 3
_QUIET_S = 0.5
_LOOK_S = 0.02


@dataclass(frozen=True)
class Ladder:
    """One detector, and the program that only counts its frames with its arguments."""

    camera: DetectorClient
    detector: StreamingDetector
    folder: Path
    counting: tuple[str, ...]

    def climb(self, name: str, side: int, dtype: str) -> list[dict[str, Any]]:
        """The rows for frames of one size and type."""
        nbytes = counts(side, dtype, images=1)[0].nbytes
        frames = min(max(_BYTES // nbytes, _FEWEST), _MOST)
        with ExitStack() as stack:
            bare = stack.enter_context(reference("bare_loop.py", self.folder, side, dtype, frames, "raw"))
            client = stack.enter_context(reference(*self.counting))
            attempts = _Attempts(self.camera, frames, frames * nbytes, Runs(self.detector, self.folder), client)
            # The memory of ring and clients is touched for the first time, then the top is found.
            fastest = attempts.count(0.0).made
            for attempt in (attempts.count, attempts.record):
                attempt(fastest / _WARM_UP)
            counted_at_top, recorded_at_top = attempts.count(0.0), attempts.record(0.0)
            top = max(counted_at_top.made, recorded_at_top.made)
            before = self._load()
            until = time.monotonic() + _LONGEST_S
            counting = Search(attempts.count, top, counted_at_top.seen)
            recording = Search(attempts.record, top, recorded_at_top.seen)
            written: list[list[float]] = []
            while not (counting.ended and recording.ended) and time.monotonic() < until:
                counting.step()
                recording.step()
                if len(written) < _BARE_ROUNDS:
                    warm(self.folder, frames * nbytes)
                    written.append(bare.once())
            load = self._load().since(before)
        for what, search in (("counted", counting), ("recorded", recording)):
            if problem := search.shortfall:
                print(f"{name}, {what}: {problem}", flush=True)
        counted = counting.highest
        loop, loop_cpu = (statistics.median(column) for column in zip(*written, strict=True))
        # Where the cores are the limit, what writes has to share them with what sends and receives.
        bound = len(os.sched_getaffinity(0)) / (max(attempts.counting)[1] + loop_cpu) if attempts.counting else counted
        return [
            row(f"{name}_to_file", recording.highest, min(counted, loop), GOAL, load),
            row(f"{name}_counted_only", counted, counted, None),
            row(f"{name}_bare_loop", loop, loop, None),
            row(f"{name}_to_cpu_bound", recording.highest, min(counted, loop, bound), None),
        ]

    def _load(self) -> Load:
        return load_of(*self.detector.pids().values())


@dataclass(frozen=True)
class Attempt:
    """The rates at which frames were really made and seen, frames/s, and whether all came."""

    made: float
    came: bool
    seen: float = 0.0


@dataclass(frozen=True)
class _Attempts:
    """What both climb the ladder with."""

    camera: DetectorClient
    frames: int
    nbytes: int
    runs: Runs
    client: Reference
    counting: list[tuple[float, float]] = field(default_factory=list)
    """Of counting without loss: frames/s, and CPU seconds per frame of detector and client together."""

    def record(self, rate: float) -> Attempt:
        """The recorder gets them; `rate` 0 is as fast as the detector can."""
        warm(self.runs.folder, self.nbytes)
        self.runs.begin()
        made = self._make(rate)
        return self._attempt(made, self.runs.end().written)

    def count(self, rate: float) -> Attempt:
        """The same for the client that only counts."""
        self.client.once("begin")
        cpu = family_cpu_s()
        made = self._make(rate)
        seen, until = 0.0, time.monotonic() + _QUIET_S
        while seen < self.frames and time.monotonic() < until:
            [now_seen] = self.client.once("count")
            if now_seen > seen:
                seen, until = now_seen, time.monotonic() + _QUIET_S
            time.sleep(_LOOK_S)
        cpu = family_cpu_s() - cpu
        self.client.once("end")
        if seen == self.frames:
            self.counting.append((made, cpu / self.frames))
        return self._attempt(made, seen)

    def _attempt(self, made: float, seen: float) -> Attempt:
        return Attempt(made, came=seen == self.frames, seen=made * seen / self.frames)

    def _make(self, rate: float) -> float:
        """Have the camera make its frames; frames per second as it really made them."""
        begin = time.perf_counter()
        self.camera.start(self.frames, period=1 / rate if rate else 0.0)
        self.camera.wait()
        return self.frames / (time.perf_counter() - begin)


@dataclass
class Search:
    """Finds the highest rung that is held by `attempt`, which is given a rate in frames/s, 0 for the top.

    It begins at the rung of the rate `begin`.
    """

    attempt: Callable[[float], Attempt]
    top: float
    begin: float
    highest: float = 0.0
    """Frames/s of the highest rung held so far; 0 for none."""
    _lost: int = -1  # the lowest rung known not to be held; 0 is the top, greater ones are slower
    _held: int | None = None
    _leap: int = 1

    @property
    def ended(self) -> bool:
        """Whether the rung above the highest that is held is known not to be."""
        return self._lost + 1 == (_RUNGS if self._held is None else self._held)

    @property
    def shortfall(self) -> str:
        """Why the value may be too low; empty where it is as exact as the rungs."""
        slowest = self.top / _STEP ** max(self._lost, 0)
        if self._held is None:
            return f"no rate without loss found, down to {slowest:.0f} frames/s"
        if self._lost < 0 and not self.ended:
            return "out of time, the value may be too low; nothing was lost"
        return "" if self.ended else f"out of time, the value may be too low; lost at {slowest:.0f} frames/s"

    def step(self) -> None:
        """Try one more rung."""
        if self.ended:
            return
        rung = self._next()
        tries: list[Attempt] = []
        while len(tries) < _TRIES and not _settled(tries):
            tries.append(self.attempt(0.0 if rung == 0 else self.top / _STEP**rung))
        held = [one.made for one in tries if one.came]
        if len(held) >= _ENOUGH:
            self._held = rung
            self.highest = min(self.top / _STEP**rung, statistics.median(held))
        else:
            self._lost = rung

    def _next(self) -> int:
        if self._lost < 0 and self._held is None:
            slower = math.log(self.top / self.begin, _STEP) if self.begin > 0 else _RUNGS
            return max(0, min(round(slower), _RUNGS - 1))
        if self._lost >= 0 and self._held is not None:
            return (self._lost + self._held) // 2
        leap, self._leap = self._leap, self._leap * 2
        if self._held is not None:
            return max(self._held - leap, 0)
        return min(self._lost + leap, _RUNGS - 1)


def _settled(tries: list[Attempt]) -> bool:
    """Whether one more try could not change what is thought of the rung."""
    came = sum(one.came for one in tries)
    return came >= _ENOUGH or len(tries) - came > _TRIES - _ENOUGH
