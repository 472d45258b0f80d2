"""Many Channel Access clients in one process: `ca_clients.py PORT COUNT NAME…` connects, monitors, counts.

Prints `ready` when each has the first value of each PV, and at the end of its input the number of updates that came.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys

_HEADER = struct.Struct(">HHHHII")
_VERSION, _EVENT_ADD, _CREATE, _USER, _HOST = 0, 1, 18, 20, 21
_TIME_OF_NATIVE = 14
_MASK = struct.pack(">fffHH", 0, 0, 0, 5, 0)  # DBE_VALUE | DBE_ALARM


def _text(text: str) -> bytes:
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 8)


def _message(
    command: int, payload: bytes = b"", kind: int = 0, count: int = 0, first: int = 0, second: int = 0
) -> bytes:
    return _HEADER.pack(command, len(payload), kind, count, first, second) + payload


class _Client:
    def __init__(self, names: list[str]) -> None:
        self._names = names
        self.first = asyncio.Event()
        self.updates = 0

    async def run(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        hello = [_message(_VERSION, count=13), _message(_USER, _text("bench")), _message(_HOST, _text("bench"))]
        wanted = [_message(_CREATE, _text(name), first=at, second=13) for at, name in enumerate(self._names)]
        writer.write(b"".join(hello + wanted))
        while True:
            command, size, kind, _, first, second = _HEADER.unpack(await reader.readexactly(_HEADER.size))
            if size == 0xFFFF:
                size = struct.unpack(">II", await reader.readexactly(8))[0]
            await reader.readexactly(size)
            if command == _CREATE:
                writer.write(_message(_EVENT_ADD, _MASK, kind + _TIME_OF_NATIVE, 1, second, first + 1))
            elif command == _EVENT_ADD:
                self.updates += 1
                if self.updates >= len(self._names):
                    self.first.set()


async def _main(port: int, count: int, names: list[str]) -> None:
    os.nice(10)  # on a beamline they are on other hosts
    clients = [_Client(names) for _ in range(count)]
    tasks = [asyncio.create_task(client.run(port)) for client in clients]
    for client in clients:
        await client.first.wait()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    assert not any(task.done() for task in tasks), "a client was disconnected"
    print(sum(client.updates for client in clients), flush=True)
    os._exit(0)


asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
