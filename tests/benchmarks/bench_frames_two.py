"""Two detectors at once: two writers side by side, each emptying its ring into a file of its own.

`python -m tests.benchmarks frames_two` prints the rows. Compressed, with one thread each, they are compared with one of
them alone; raw, where the disk is the limit, with two bare loops of direct chunk writes side by side. Turns as in
`bench_frames_writing`.
"""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from beamsession.model.detector import Compression
from frame_rig import MIB, counts, warm
from full_ring import FullRing, full_ring
from reference import Reference, reference
from rows import Load, row

SIDE = 1024
FRAMES = 128
FRAME_MIB = 2
ROUNDS = 11


def rows() -> list[dict[str, Any]]:
    """The benchmark's rows, see the design's list of fields."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*_compressed(folder), *_raw(folder)]


def _compressed(folder: Path) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        rings = _rings(stack, folder, Compression.BSLZ4)
        value, alone = _in_turns(folder, lambda: _emptied(rings), lambda: _emptied(rings[:1]))
        return [row("two_writers_bslz4_1_thread_to_one", value, alone, 1.6, _load(rings))]


def _raw(folder: Path) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        rings = _rings(stack, folder, Compression.NONE)
        loops: list[Reference] = []
        for index in range(2):
            own = folder / str(index)
            own.mkdir()
            loops.append(stack.enter_context(reference("bare_loop.py", own, SIDE, "uint16", FRAMES, "raw")))
        value, bare = _in_turns(folder, lambda: _emptied(rings), lambda: _two_bare_loops(loops))
        return [row("two_writers_raw_to_two_bare_loops", value, bare, 0.9, _load(rings))]


def _rings(stack: ExitStack, folder: Path, compression: Compression) -> list[FullRing]:
    paths = [folder / f"ring_{index}.h5" for index in range(2)]
    return [stack.enter_context(full_ring(path, SIDE, "uint16", compression, 1, FRAMES)) for path in paths]


def _in_turns(folder: Path, ours: Any, other: Any) -> tuple[float, float]:
    """The medians of all rounds but the first, which touches memory for the first time."""
    values: dict[Any, list[float]] = {ours: [], other: []}
    for number in range(ROUNDS):
        for turn in (ours, other)[:: -1 if number % 2 else 1]:
            warm(folder, 2 * FRAMES * FRAME_MIB * MIB)
            values[turn].append(turn())
    return statistics.median(values[ours][1:]), statistics.median(values[other][1:])


def _emptied(rings: list[FullRing]) -> float:
    """Frames per second of all together."""
    images = counts(SIDE, "uint16")
    for ring in rings:
        ring.fill(images)
    begin = min([ring.let_go() for ring in rings])
    end = max([ring.wait_empty() for ring in rings])
    for ring in rings:
        assert ring.end() == FRAMES
    return len(rings) * FRAMES / (end - begin)


def _two_bare_loops(loops: list[Reference]) -> float:
    """The same; the slower one decides, as it does for the writers."""
    for loop in loops:
        loop.start()
    return 2 * min([loop.result()[0] for loop in loops])


def _load(rings: list[FullRing]) -> Load:
    loads = [ring.load() for ring in rings]
    return Load(sum(load.cpu_s for load in loads), sum(load.peak_mib for load in loads))
