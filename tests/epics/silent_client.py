"""A Channel Access client that subscribes and then never reads again."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

_HEADER = struct.Struct(">HHHHII")
_VERSION, _EVENT_ADD, _CREATE, _USER, _HOST = 0, 1, 18, 20, 21
_DBR_CHAR, _MINOR_VERSION, _LONG = 4, 13, 0xFFFF
_VALUES = struct.pack(">fffHH", 0, 0, 0, 1, 0)


def _text(text: str) -> bytes:
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 8)


def _message(
    command: int, payload: bytes = b"", kind: int = 0, count: int = 0, first: int = 0, second: int = 0
) -> bytes:
    return _HEADER.pack(command, len(payload), kind, count, first, second) + payload


@contextmanager
def never_reading(port: int, name: str) -> Iterator[None]:
    """While it lasts, a client monitors the text PV `name` with a small window, and reads nothing."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        hello = [_message(_VERSION, count=_MINOR_VERSION), _message(_USER, _text("u")), _message(_HOST, _text("h"))]
        client.sendall(b"".join(hello) + _message(_CREATE, _text(name), first=1, second=_MINOR_VERSION))
        server_id = _created(client)
        client.sendall(_message(_EVENT_ADD, _VALUES, kind=_DBR_CHAR, count=0, first=server_id, second=1))
        yield


def _created(client: socket.socket) -> int:
    """The server's number of the channel."""
    with client.makefile("rb", buffering=0) as stream:
        while True:
            command, size, _, _, _, second = _HEADER.unpack(_exactly(stream, _HEADER.size))
            if size == _LONG:
                size = struct.unpack(">II", _exactly(stream, 8))[0]
            _exactly(stream, size)
            if command == _CREATE:
                return second


def _exactly(stream: object, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += stream.read(count - len(data))  # pyright: ignore[reportAttributeAccessIssue]
    return data
