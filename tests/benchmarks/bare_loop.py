"""A loop that writes chunks and nothing else, in a process of its own, so that two can run side by side.

`python bare_loop.py FOLDER SIDE FRAMES` prints `ready`, and after a line on stdin frames per second.
"""

from __future__ import annotations

import sys
from pathlib import Path

from frame_rig import bare_writes, counts


def main() -> None:
    folder, side, frames = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    images = counts(side, "uint16")
    print("ready", flush=True)
    sys.stdin.readline()
    print(bare_writes(folder, images, side, frames), flush=True)


main()
