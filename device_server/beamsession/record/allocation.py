"""Blocks of a file that grows, allocated some way ahead of its end.

The kernel then finds a place on the disk once for many frames instead of once for each of their blocks, which takes a
third off the work of writing a frame, and neighbours on the disk are frames of one file, not of several. Where the
file system has no such call (NFS before 4.2, Lustre) the file grows as ever. See fallocate(2).
"""

from __future__ import annotations

import ctypes
import os

from beamsession.record.refusal import DISK_FULL

_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE: readers see the file's end where it is
_LEAST = 32 << 20
_FRAMES = 4
_SPARE = 16  # times as much has to be free: what one file holds ahead is room that others do not find

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


class Ahead:
    """For one open file, `frame_bytes` at a time; `give_back` when it has its final size."""

    def __init__(self, descriptor: int, frame_bytes: int) -> None:
        self._descriptor = descriptor
        self._step = max(_LEAST, _FRAMES * frame_bytes)
        self._left = 0
        self._refused = self._is_ahead = False

    def grow(self, nbytes: int) -> None:
        """The file grows by `nbytes` now."""
        self._left -= nbytes
        if self._left > 0 or self._refused:
            return
        self._left = self._step
        if not self._is_there_room():
            if self._is_ahead:
                give_back(self._descriptor)
            self._is_ahead = False
            return
        end = os.fstat(self._descriptor).st_size
        self._refused = _fallocate(self._descriptor, _KEEP_SIZE, end, 2 * self._step) != 0
        self._is_ahead = not self._refused
        if self._refused and ctypes.get_errno() in DISK_FULL:
            give_back(self._descriptor)  # A part of it may have been allocated.

    def _is_there_room(self) -> bool:
        """Whether the disk is far from full; near that, room is left to whoever writes first."""
        room = os.fstatvfs(self._descriptor)
        return room.f_bavail * room.f_frsize > _SPARE * 2 * self._step


def give_back(descriptor: int) -> None:
    """Free what is allocated behind the end of a file that is open for writing."""
    os.ftruncate(descriptor, os.fstat(descriptor).st_size)
