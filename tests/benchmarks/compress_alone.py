"""The reference for compressed frames: compress them in threads, write nothing.

`python compress_alone.py THREADS FRAMES SIDE` prints `ready`; for each line on stdin it compresses the frames once and
prints frames/s and CPU seconds per frame.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import bitshuffle

from beamsession.record.writer import NICE
from held_frames import held_frames


def main() -> None:
    threads, frames, side = (int(text) for text in sys.argv[1:])
    os.nice(NICE)
    images = held_frames(side, "uint16", frames)
    with ThreadPoolExecutor(threads) as pool:

        def compress(number: int) -> int:
            return len(bitshuffle.compress_lz4(images[number]))

        print("ready", flush=True)
        for _ in sys.stdin:
            begin, cpu = time.perf_counter(), time.process_time()
            list(pool.map(compress, range(frames)))
            taken, cpu = time.perf_counter() - begin, time.process_time() - cpu
            print(frames / taken, cpu / frames, flush=True)


main()
