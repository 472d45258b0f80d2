"""Frames in the kind of memory a ring has, as many different ones as a ring holds, for loops to compare with."""

from __future__ import annotations

import mmap
import os

import numpy as np
from numpy.typing import NDArray

from frame_rig import MIB, counts

_AT_MOST = 256 * MIB


def held_frames(side: int, dtype: str, frames: int) -> list[NDArray]:
    """`frames` images in shared memory, each at a place of its own; beyond 256 MiB they begin again with the first."""
    images = counts(side, dtype)
    nbytes = images[0].nbytes
    places = max(min(frames, _AT_MOST // nbytes), 1)
    descriptor = os.memfd_create("beamsession-bench")
    os.ftruncate(descriptor, places * nbytes)
    memory = np.frombuffer(mmap.mmap(descriptor, places * nbytes), dtype).reshape(places, side, side)
    os.close(descriptor)
    for place in range(places):
        memory[place] = images[place % len(images)].reshape(side, side)
    return [memory[number % places] for number in range(frames)]
