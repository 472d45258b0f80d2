"""The reference for compressed frames: compress them in threads, write nothing.

`python compress_alone.py THREADS FRAMES SIDE` prints frames per second.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import bitshuffle

from frame_rig import counts


def main() -> None:
    threads, frames, side = (int(text) for text in sys.argv[1:])
    images = counts(side, "uint16")
    with ThreadPoolExecutor(threads) as pool:

        def compress(number: int) -> int:
            return len(bitshuffle.compress_lz4(images[number % len(images)]))

        list(pool.map(compress, range(4 * threads)))
        begin = time.perf_counter()
        list(pool.map(compress, range(frames)))
        print(frames / (time.perf_counter() - begin))


main()
