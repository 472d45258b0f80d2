"""Frames that a detector compressed are stored as they are: the HDF5 filter that undoes each codec, and its chunks.

Codecs and payloads are those of areaDetector (ADCore's NDPluginCodec and ntndArrayConverter):

========  ======================================================  ==============================================
codec     payload                                                 HDF5 filter, and what its chunk has in front
========  ======================================================  ==============================================
blosc     a Blosc 1 chunk, whose header says how it was made      32001, nothing
lz4       one bare LZ4 block                                      32004: sizes of frame, of block, of payload
lz4hdf5   LZ4 blocks as the HDF5 filter writes them               32004, nothing
bslz4     bitshuffled blocks of 8192 bytes, each LZ4              32008: sizes of frame and of block
zlib      a zlib stream                                           1 (deflate), nothing
========  ======================================================  ==============================================

JPEG has a registered filter (32019) that no common reader brings along, and it loses data: it is not taken.
References: HDF5 registered filters; c-blosc's README_HEADER; bitshuffle's bshuf_h5filter; the HDF5 LZ4 format.
"""

from __future__ import annotations

import struct
from typing import Any

import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from beamsession.record.frame import FrameFormat

_BLOSC_HEADER = struct.Struct("<4BIII")  # version, codec's version, flags, item size; bytes raw, of block, compressed
_BLOSC_COMPRESSORS = ("blosclz", "lz4", "snappy", "zlib", "zstd")  # flags, bits 5 to 7
_BLOSC_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")
_BYTE_SHUFFLED, _BIT_SHUFFLED = 0x1, 0x4
_LZ4_HEADER = struct.Struct(">QII")
_LZ4_FRAME = struct.Struct(">QI")
_LZ4_MARGIN = 4
_LZ4_LARGEST = 0x7E000000  # LZ4_MAX_INPUT_SIZE
_BSHUF_HEADER = struct.Struct(">QI")
_BSHUF_BLOCK_BYTES = 8192
_SKIP_FILTER = 1
TAKEN = ("blosc", "lz4", "lz4hdf5", "bslz4", "zlib")


class CodecError(ValueError):
    """A compressed frame that cannot be stored; the text says why, for a person."""


def codec_of(name: str, payload: NDArray[np.uint8], nbytes: int) -> str:
    """The codec text of a frame of `nbytes` raw bytes, after a look at its payload. Raises CodecError."""
    match name:
        case "blosc":
            return _blosc_text(payload, nbytes)
        case "lz4hdf5" if (
            payload.nbytes < _LZ4_FRAME.size or _LZ4_FRAME.unpack(payload[: _LZ4_FRAME.size].tobytes())[0] != nbytes
        ):
            raise CodecError("its lz4hdf5 payload does not hold what the frame announces")
        case "lz4" if nbytes > _LZ4_LARGEST:
            raise CodecError(f"a frame of {nbytes} bytes is too large for one LZ4 block")
        case "zlib" if payload.nbytes < 2 or (int(payload[0]) << 8 | int(payload[1])) % 31 or payload[0] & 0xF != 8:
            raise CodecError("its zlib payload is no zlib stream")
        case "lz4" | "lz4hdf5" | "bslz4" | "zlib":
            return name
        case _:
            known = ", ".join(TAKEN[:-1])
            raise CodecError(
                f"its frames are compressed with {name}, for which readers have no HDF5 filter; "
                f"choose {known} or {TAKEN[-1]} there, or none"
            )


def filter_options(form: FrameFormat) -> dict[str, Any]:
    """Keyword arguments for `create_dataset` of frames with a codec that `codec_of` has told.

    Compression levels are not known from a payload and of no use to a reader: they are the filters' defaults.
    """
    name, *details = form.codec.split(":")
    match name:
        case "blosc":
            compressor, shuffle = details
            return dict(hdf5plugin.Blosc(cname=compressor, shuffle=_BLOSC_SHUFFLES.index(shuffle)))  # pyright: ignore[reportArgumentType]
        case "lz4" | "lz4hdf5":
            return dict(hdf5plugin.LZ4())
        case "bslz4":
            return dict(hdf5plugin.Bitshuffle(cname="lz4"))
        case "zlib":
            return {"compression": "gzip"}
        case _:
            raise CodecError(f"the codec {form.codec} is unknown")


def chunk_of(form: FrameFormat, payload: NDArray[np.uint8]) -> tuple[int, Any]:
    """The filter mask and the bytes of the chunk that holds one frame."""
    match form.codec:
        case "lz4" if payload.nbytes == form.nbytes:
            # To the filter this size means that the block was not compressed; so give it one that was not.
            return _SKIP_FILTER, _unpacked_lz4(payload.tobytes(), form.nbytes)
        case "lz4":
            return 0, _LZ4_HEADER.pack(form.nbytes, form.nbytes, payload.nbytes) + payload.tobytes()
        case "bslz4":
            return 0, _BSHUF_HEADER.pack(form.nbytes, _BSHUF_BLOCK_BYTES) + payload.tobytes()
        case _:
            return 0, payload


def _blosc_text(payload: NDArray[np.uint8], nbytes: int) -> str:
    if payload.nbytes < _BLOSC_HEADER.size:
        raise CodecError(f"its blosc payload has {payload.nbytes} bytes")
    version, _, flags, _, raw, _, compressed = _BLOSC_HEADER.unpack(payload[: _BLOSC_HEADER.size].tobytes())
    if version > 2 or raw != nbytes or compressed != payload.nbytes:
        raise CodecError("its blosc payload does not hold what the frame announces")
    compressor = flags >> 5
    if compressor >= len(_BLOSC_COMPRESSORS):
        raise CodecError(f"its blosc payload has an unknown compressor ({compressor})")
    shuffle = 2 if flags & _BIT_SHUFFLED else 1 if flags & _BYTE_SHUFFLED else 0
    return f"blosc:{_BLOSC_COMPRESSORS[compressor]}:{_BLOSC_SHUFFLES[shuffle]}"


def _unpacked_lz4(block: bytes, nbytes: int) -> bytes:
    """What one LZ4 block holds. Slow, for the odd frame only. Source: LZ4 Block Format Description.

    A block that is broken gives `nbytes` all the same: a frame that a detector damaged must not end its run.
    """
    raw = bytearray()
    at = 0
    block += bytes(_LZ4_MARGIN)  # lengths at the end of a broken block are read beyond it
    while at < len(block) - _LZ4_MARGIN and len(raw) < nbytes:
        token = block[at]
        literals, at = _lz4_length(block, at + 1, token >> 4)
        raw += block[at : at + literals]
        at += literals
        if at >= len(block) - _LZ4_MARGIN:  # The last sequence has no match.
            break
        distance = block[at] | block[at + 1] << 8
        if not 0 < distance <= len(raw):
            break
        length, at = _lz4_length(block, at + 2, token & 0xF)
        length += 4
        while length > 0:  # A match may overlap what it makes.
            piece = raw[-distance:][:length]
            raw += piece
            length -= len(piece)
    return bytes(raw[:nbytes]).ljust(nbytes, b"\0")


def _lz4_length(block: bytes, at: int, length: int) -> tuple[int, int]:
    if length == 0xF:
        while (more := block[at]) == 0xFF:
            length += more
            at += 1
        length += more
        at += 1
    return length, at
