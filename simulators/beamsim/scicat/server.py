"""A running catalogue: within this process for tests, or as a process of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .app import Application
from .backend import Backend
from .door import Door
from .faults import FaultBook
from .requests_log import RequestLog
from .site import Profile, Site, demo_site
from .state import State

LOOPBACK = "127.0.0.1"
_LIMIT = 10.0


def build(profile: Profile | str, site: Site | None = None, state_file: Path | None = None) -> Application:
    """An application with its own catalogue; `state_file` keeps it over restarts."""
    return Application(Backend(Profile(profile), site or demo_site(), State.load(state_file)))


class Catalogue:
    """A catalogue that answers on `url` from a thread of this process."""

    def __init__(self, application: Application, port: int = 0) -> None:
        self._application = application
        self._loop = asyncio.new_event_loop()
        self._door = Door(application, LOOPBACK, port)
        application.close_door = self._door.close
        self._thread = threading.Thread(target=self._loop.run_forever, name="catalogue", daemon=True)
        self._thread.start()
        self.restart()

    @property
    def url(self) -> str:
        return self._door.url

    @property
    def backend(self) -> Backend:
        return self._application.backend

    @property
    def state(self) -> State:
        return self._application.backend.state

    @property
    def faults(self) -> FaultBook:
        return self._application.faults

    @property
    def requests(self) -> RequestLog:
        return self._application.requests

    @property
    def listening(self) -> bool:
        """Whether connections are accepted; not after something deadly was stored."""
        return self._door.listening

    def refuse(self, seconds: float | None = None) -> None:
        """Refuse connections for some seconds, or until `restart`."""
        done = threading.Event()

        def close() -> None:
            self._door.close(seconds)
            done.set()

        self._loop.call_soon_threadsafe(close)
        done.wait(_LIMIT)

    def restart(self) -> None:
        """Accept connections again, on the same port."""
        asyncio.run_coroutine_threadsafe(self._door.open(), self._loop).result(_LIMIT)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._door.shut(), self._loop).result(_LIMIT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LIMIT)
        self._loop.close()


@contextmanager
def running_catalogue(
    profile: Profile | str = Profile.V5_2, site: Site | None = None, state_file: Path | None = None
) -> Iterator[Catalogue]:
    """A catalogue on a free port of the loopback interface, for the time of a `with` block."""
    catalogue = Catalogue(build(profile, site, state_file))
    try:
        yield catalogue
    finally:
        catalogue.stop()
