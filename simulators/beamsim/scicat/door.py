"""The listening socket: it can be closed and opened again on the same port while the catalogue lives on."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

_KEEP_ALIVE = 60
_log = logging.getLogger(__name__)


class _Protocol(H11Protocol):
    """uvicorn's HTTP protocol, with the connection itself put into the scope, so that it can be cut."""

    def connection_made(self, transport: Any) -> None:
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Door:
    """Listens on `host` and a port that stays the same from the first `open` on."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._config = Config(
            app, lifespan="off", log_config=None, http=_Protocol, ws="none", timeout_keep_alive=_KEEP_ALIVE
        )
        self._config.load()
        self._connections = ServerState()
        self._server: asyncio.Server | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        """Begin to listen; nothing happens if it listens already."""
        if self._server is not None:
            return
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Protocol(self._config, self._connections, {}), self._host, self._port
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def close(self, seconds: float | None = None) -> None:
        """Stop listening and drop all connections; with `seconds`, listen again after that time."""
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections.connections):
            connection.transport.abort()
        if seconds is not None:
            self._reopening = asyncio.get_running_loop().call_later(seconds, self._open_later)

    async def shut(self) -> None:
        """Stop listening for good, and give up the requests that are still being answered."""
        self.close()
        await asyncio.sleep(0)  # the connections learn that they are lost
        unfinished = [*self._connections.tasks, *self._tasks]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    def _open_later(self) -> None:
        task = asyncio.ensure_future(self.open())
        self._tasks.add(task)
        task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            _log.error("could not listen again on %s: %s", self.url, task.exception())
