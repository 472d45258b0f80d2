"""The ring between a receiver and a writer process: slots of shared memory, and pipes that tell full from free ones.

The memory has no name in any file system and nobody to clean it up: it lives as long as a process holds it. A slot's
place goes through a pipe, one write for each frame, which orders memory between processors and wakes the other side.
Free slots are used again last-freed-first: while the writer keeps up, the same few stay in the processor's cache.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from contextlib import suppress
from dataclasses import dataclass, fields

import numpy as np

from beamsession.record.frame import MAX_DIMENSIONS, Frame, FrameFormat

_MIB = 1 << 20
_PAGE = 4096
_FORMAT = struct.Struct("<I4I8s32s8s12x")  # number of dimensions, shape, dtype, codec, colour mode
_ENTRY = struct.Struct(f"<IIQQqqq{_FORMAT.size}s")  # kind, epoch, offset, size, unique id, time stamp, receive time
_ENTRY_BYTES = _ENTRY.size  # 128: a power of two fills the pipe's pages without a rest
_FREED = struct.Struct("<QQ")
_PIPE_BYTES = 512 << 10
# What a codec may add to a frame that it could not make smaller.
_CODEC_BYTES = 1 << 16
_CODEC_SHARE = 16
_TAKEN_AT_ONCE = 64
_LOOKED_FOR_AFTER = 1 << 18
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE
_POPULATED_BYTES = 64 << 20
_FRAME, _END = 1, 2  # kinds of entries
_MAX_SLOTS = 4000  # what the pipe back can hold, so that the writer never waits for a receiver that died


class FrameTooLargeError(ValueError):
    """A single frame is larger than the ring."""


def _mapped(memory: int, size: int) -> mmap.mmap:
    """The ring's memory, its first part with its pages: a run's first frames need not wait for them."""
    mapped = mmap.mmap(memory, size)
    with suppress(OSError):  # Linux before 5.14 cannot
        mapped.madvise(_POPULATE_WRITE, 0, min(size, _POPULATED_BYTES))
    return mapped


@dataclass(frozen=True)
class Ring:
    """The file descriptors of one ring; the process that makes it passes them on and can replace both sides."""

    memory: int
    filled_out: int
    filled_in: int
    freed_out: int
    freed_in: int

    @classmethod
    def create(cls, mib: int) -> Ring:
        """A ring of `mib` MiB; of its memory 64 MiB are taken at once, more only as far as slots are used."""
        memory = os.memfd_create("beamsession-ring")
        os.ftruncate(memory, mib * _MIB)
        filled_out, filled_in = os.pipe()
        freed_out, freed_in = os.pipe()
        # Beyond the user's limit the pipe stays smaller, and with it the number of slots.
        with suppress(PermissionError):
            fcntl.fcntl(filled_in, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        for descriptor in (filled_out, filled_in, freed_out, freed_in):
            os.set_blocking(descriptor, False)
        return cls(memory, filled_out, filled_in, freed_out, freed_in)

    @classmethod
    def inherited(cls, text: str) -> Ring:
        """The ring whose `arguments` a parent passed; only the descriptors it passed are open."""
        return cls(*(int(number) for number in text.split(",")))

    @property
    def arguments(self) -> str:
        """The descriptors as a command line argument."""
        return ",".join(str(getattr(self, field.name)) for field in fields(self))

    @property
    def inlet_fds(self) -> tuple[int, ...]:
        """What the receiver has to inherit."""
        return (self.memory, self.filled_in, self.freed_out)

    @property
    def outlet_fds(self) -> tuple[int, ...]:
        """What the writer has to inherit."""
        return (self.memory, self.filled_out, self.freed_in)

    def close(self) -> None:
        """Close the descriptors of this process; the memory goes with the last process that holds it."""
        for field in fields(self):
            os.close(getattr(self, field.name))


class Inlet:
    """The receiver's side. `begin` starts a run: nothing of an earlier one is then in use on either side."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        size = os.fstat(ring.memory).st_size
        self._memory = np.frombuffer(_mapped(ring.memory, size), np.uint8)
        pipe_bytes = fcntl.fcntl(ring.filled_in, fcntl.F_GETPIPE_SZ)
        self._most_slots = min(_MAX_SLOTS, pipe_bytes // _ENTRY_BYTES - 1)
        self._epoch = 0
        self._slot = 0
        self._free: list[int] = []
        self._put_since = 0  # bytes, since the slots that came back were last looked for
        self._form: FrameFormat | None = None
        self._packed_form = b""

    def begin(self, epoch: int) -> None:
        """Begin the run `epoch`: all slots are free, their size is that of the first frame."""
        self._epoch = epoch
        self._slot = 0
        self._put_since = 0
        self._free = []
        self._collect()

    def put(self, frame: Frame) -> bool:
        """Copy a frame into the ring; False if it is full. Raises FrameTooLargeError."""
        if not self._slot:
            self._lay_out(frame.format)
        payload = frame.payload.view(np.uint8)
        size = payload.nbytes
        if size > self._slot:
            raise FrameTooLargeError(f"a frame of {size} bytes, the first announced {self._slot}")
        self._put_since += size
        if self._put_since > _LOOKED_FOR_AFTER or not self._free:
            self._collect()
            self._put_since = 0
        if not self._free:
            return False
        offset = self._free.pop()
        self._memory[offset : offset + size] = payload
        if frame.format is not self._form and frame.format != self._form:
            self._form, self._packed_form = frame.format, _packed(frame.format)
        self._send(
            _ENTRY.pack(
                _FRAME, self._epoch, offset, size, frame.unique_id, frame.time_ns, frame.receive_ns, self._packed_form
            )
        )
        return True

    def free(self) -> int:
        """How many frames would find room now, once the first one has told their size."""
        self._collect()
        return len(self._free)

    def end(self) -> None:
        """Tell the writer that no more frames follow in this run."""
        self._send(_ENTRY.pack(_END, self._epoch, 0, 0, 0, 0, 0, b""))

    def _lay_out(self, form: FrameFormat) -> None:
        room = form.nbytes + (form.nbytes // _CODEC_SHARE + _CODEC_BYTES if form.codec else 0)
        self._slot = -(-room // _PAGE) * _PAGE
        count = min(self._memory.nbytes // self._slot, self._most_slots)
        if not count:
            raise FrameTooLargeError(
                f"a frame of {room / _MIB:.0f} MiB in a ring of {self._memory.nbytes / _MIB:.0f} MiB"
            )
        self._free = [index * self._slot for index in reversed(range(count))]

    def _send(self, entry: bytes) -> None:
        # The pipe has room for all slots and an end; only a writer that died does not take them.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._ring.filled_in, entry)

    def _collect(self) -> None:
        try:
            data = os.read(self._ring.freed_out, _MAX_SLOTS * _FREED.size)
        except BlockingIOError:
            return
        self._free += [offset for epoch, offset in _FREED.iter_unpack(data) if epoch == self._epoch]


@dataclass(frozen=True, slots=True)
class Slot:
    """A frame in the ring: its payload is valid until the slot is released."""

    frame: Frame
    offset: int


class Outlet:
    """The writer's side."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        size = os.fstat(ring.memory).st_size
        self._memory = np.frombuffer(_mapped(ring.memory, size), np.uint8)
        self._epoch = 0
        self._packed_format = b""
        self._last_format = FrameFormat((), "|u1")
        self._last = False
        self.ended = False

    def fileno(self) -> int:
        """Readable when frames are waiting."""
        return self._ring.filled_out

    def begin(self, epoch: int) -> None:
        """From now on take the frames of the run `epoch` only; what an earlier one left is thrown away."""
        self._epoch = epoch
        self._last = False
        self.ended = False

    def expect_no_more(self) -> None:
        """The receiver is dead: the run ends with what is in the ring."""
        self._last = True

    def take(self) -> list[Slot]:
        """The frames that are there, 64 at most, in the order they came; sets `ended` behind the last of a run."""
        try:
            data = os.read(self._ring.filled_out, _TAKEN_AT_ONCE * _ENTRY_BYTES)
        except BlockingIOError:
            self.ended = self.ended or self._last
            return []
        if not data:
            self.ended = True  # no process is left that could put one in
        slots: list[Slot] = []
        for kind, epoch, offset, size, unique_id, time_ns, receive_ns, form in _ENTRY.iter_unpack(data):
            if epoch != self._epoch:
                continue
            if kind == _END:
                self.ended = True
                continue
            payload = self._memory[offset : offset + size]
            slots.append(Slot(Frame(self._format(form), unique_id, time_ns, receive_ns, payload), offset))
        return slots

    def release(self, *slots: Slot) -> None:
        """Give slots, as many as `take` returns at most, back to the receiver; any thread may."""
        try:
            os.write(self._ring.freed_in, b"".join(_FREED.pack(self._epoch, slot.offset) for slot in slots))
        except (BlockingIOError, BrokenPipeError):
            return  # nobody collects any more: the receiver has died

    def _format(self, packed: bytes) -> FrameFormat:
        if packed != self._packed_format:
            self._packed_format, self._last_format = packed, _unpacked(packed)
        return self._last_format


def _packed(form: FrameFormat) -> bytes:
    shape = form.shape + (0,) * (MAX_DIMENSIONS - len(form.shape))
    texts = (form.dtype.encode(), form.codec.encode(), form.color.encode())
    return _FORMAT.pack(len(form.shape), *shape, *texts)


def _unpacked(packed: bytes) -> FrameFormat:
    dimensions, *shape, dtype, codec, color = _FORMAT.unpack(packed)
    texts = (text.rstrip(b"\0").decode() for text in (dtype, codec, color))
    return FrameFormat(tuple(shape[:dimensions]), *texts)
