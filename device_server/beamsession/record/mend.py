"""Repair of an HDF5 data file whose SWMR writer was killed, so that any program can open it again.

A killed writer leaves three things in the superblock (HDF5 File Format Specification, superblock version 3): the
consistency flags say that it is open for writing, the end-of-file address is that of the last time the superblock
was written, and a checksum covers both. Everything that had been flushed is in the file.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from beamsession.model.errors import RefusedError
from beamsession.model.value import Value
from beamsession.record.allocation import give_back
from beamsession.record.lockfile import LockFile

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK_BYTES = 48
_VERSION_AT, _OFFSET_SIZE_AT, _FLAGS_AT, _END_AT, _ROOT_AT, _CHECKSUM_AT = 8, 9, 11, 28, 36, 44
_UINT32 = 0xFFFFFFFF


class Mended(Value):
    """What `mend` found: `needed` tells that it changed the file, `empty` that its writer died before its first flush.

    `size` is the file's, in bytes. An empty file (reserved, or a superblock without its root group) holds no data;
    it is left as it is, and no program can open it.
    """

    needed: bool
    empty: bool
    size: int


def mend(data_file: Path) -> Mended:
    """Make the file of a killed writer readable, in place, without touching what it holds; doing it twice is harmless.

    Raises RefusedError: FILE_LOCKED while a living process writes it (mending then would destroy it), NOT_MENDABLE
    if it is no HDF5 file with a superblock of version 3; FileNotFoundError if there is none.
    """
    if not data_file.exists():
        raise FileNotFoundError(data_file)
    with LockFile.hold(data_file):
        descriptor = os.open(data_file, os.O_RDWR | os.O_CLOEXEC)
        try:
            return _mend_open(descriptor, data_file)
        finally:
            os.close(descriptor)


def _mend_open(descriptor: int, data_file: Path) -> Mended:
    size = os.fstat(descriptor).st_size
    superblock = os.pread(descriptor, _SUPERBLOCK_BYTES, 0)
    if not superblock.strip(b"\0"):
        return Mended(needed=False, empty=True, size=size)
    _require_version_3(superblock, data_file)
    if struct.unpack_from("<Q", superblock, _ROOT_AT)[0] >= size:
        return Mended(needed=False, empty=True, size=size)
    good = _closed(superblock, size)
    if good == superblock:
        return Mended(needed=False, empty=False, size=size)
    give_back(descriptor)
    # What the dead writer handed to the kernel shall be on the disk before the superblock vouches for it.
    os.fsync(descriptor)
    os.pwrite(descriptor, good, 0)
    os.fsync(descriptor)
    return Mended(needed=True, empty=False, size=size)


def _require_version_3(superblock: bytes, data_file: Path) -> None:
    is_hdf5 = superblock.startswith(_SIGNATURE) and len(superblock) == _SUPERBLOCK_BYTES
    if is_hdf5 and superblock[_VERSION_AT] == 3 and superblock[_OFFSET_SIZE_AT] == 8:
        return
    raise RefusedError(
        f"{data_file} is not an HDF5 file with a superblock of version 3, as a recorder writes it.",
        code="NOT_MENDABLE",
        value=str(data_file),
        remedy="It was left as it is; look at it with h5debug or h5dump.",
    )


def _closed(superblock: bytes, size: int) -> bytes:
    """The superblock as a writer that ends in order leaves it, for a file of `size` bytes."""
    good = bytearray(superblock)
    good[_FLAGS_AT] = 0
    struct.pack_into("<Q", good, _END_AT, size)
    struct.pack_into("<I", good, _CHECKSUM_AT, _lookup3(bytes(good[:_CHECKSUM_AT])))
    return bytes(good)


def _lookup3(data: bytes) -> int:
    """Bob Jenkins' public-domain hash lookup3 (`hashlittle` with the initial value 0), HDF5's metadata checksum."""
    a = b = c = (0xDEADBEEF + len(data)) & _UINT32
    whole = max((len(data) - 1) // 12 * 12, 0)
    for x, y, z in struct.iter_unpack("<III", data[:whole]):
        a, b, c = _mixed((a + x) & _UINT32, (b + y) & _UINT32, (c + z) & _UINT32)
    tail = data[whole:]
    if not tail:
        return c
    x, y, z = struct.unpack("<III", tail.ljust(12, b"\0"))
    return _finished((a + x) & _UINT32, (b + y) & _UINT32, (c + z) & _UINT32)


def _rotated(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (32 - bits))) & _UINT32


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _UINT32) ^ _rotated(c, bits)
        c = (c + b) & _UINT32
        a, b, c = b, c, a
    return a, b, c


def _finished(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotated(b, bits)) & _UINT32
        a, b, c = b, c, a
    return b
