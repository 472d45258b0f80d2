"""The reference for writing: a loop that puts frames into a file that grows with each, and does nothing else.

`python bare_loop.py FOLDER SIDE DTYPE FRAMES WAY` prints `ready`; for each line on stdin it writes a new file, removes
it and prints frames/s and CPU seconds per frame. WAY is `raw` (direct chunks), `compressed` (direct chunks that were
compressed before) or `filter` (h5py's own way, compressing with hdf5plugin's filter).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
from numpy.typing import NDArray

from beamsession.record.bitshuffling import with_lz4
from beamsession.record.writer import NICE
from held_frames import held_frames

_PAGE = 4096
_ALIGNED_FROM = 1 << 16


def main() -> None:
    folder, side, dtype, count, way = sys.argv[1:]
    os.nice(NICE)
    frames = held_frames(int(side), dtype, int(count))
    options: dict[str, Any] = {} if way == "raw" else dict(hdf5plugin.Bitshuffle(cname="lz4"))
    chunks = [with_lz4(frame.ravel()) for frame in frames] if way == "compressed" else frames
    print("ready", flush=True)
    for _ in sys.stdin:
        path = Path(folder) / f"bare_{way}.h5"
        print(*_written(path, frames[0], chunks, options, direct=way != "filter"), flush=True)


def _written(
    path: Path, first: NDArray, chunks: list[NDArray], options: dict[str, Any], *, direct: bool
) -> tuple[float, float]:
    shape = first.shape
    # Frames on page boundaries, as a recorder's: the stronger reference.
    with h5py.File(path, "w", libver="latest", alignment_threshold=_ALIGNED_FROM, alignment_interval=_PAGE) as file:
        data = file.create_dataset(
            "data", (0, *shape), first.dtype, maxshape=(None, *shape), chunks=(1, *shape), fill_time="never", **options
        )
        file.swmr_mode = True
        begin, cpu = time.perf_counter(), time.process_time()
        for number, chunk in enumerate(chunks):
            data.id.set_extent((number + 1, *shape))
            if direct:
                data.id.write_direct_chunk((number, 0, 0), chunk)
            else:
                data[number] = chunk
        taken, cpu = time.perf_counter() - begin, time.process_time() - cpu
    path.unlink()
    return len(chunks) / taken, cpu / len(chunks)


main()
