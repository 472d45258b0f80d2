"""Commands and settings of a Tango detector: executed one after the other in a thread of their own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

import tango

from beamsession.model.detector import TangoDetector
from beamsession.record.sources.source import SourceFailedError
from beamsession.record.tango_client import connected, is_silence, sentence, split

_log = logging.getLogger(__name__)
Deed = Callable[[tango.DeviceProxy], object]


class TangoOrders:
    """`on_failure` is told, from the thread, why a start failed."""

    def __init__(self, config: TangoDetector, on_failure: Callable[[SourceFailedError], None]) -> None:
        self._config = config
        self._device, _ = split(config.attribute)
        self._on_failure = on_failure
        self._queue: SimpleQueue[tuple[str, Deed, bool, threading.Event]] = SimpleQueue()
        threading.Thread(target=self._work, name=f"{config.name} orders", daemon=True).start()

    def start(self, frames: int | None) -> None:
        """Set the number of frames and begin; does not wait."""
        config = self._config
        if config.frames_attribute is not None and frames is not None:
            self._write(config.frames_attribute, frames, must=True)
        if config.acquire_attribute is not None:
            self._write(config.acquire_attribute, 1, must=True)
        if config.start_command is not None:
            self._execute(config.start_command, must=True)

    def halt(self, wait_s: float) -> None:
        """End the acquisition; wait at most `wait_s` seconds until that is done."""
        done: threading.Event | None = None
        if self._config.acquire_attribute is not None:
            done = self._write(self._config.acquire_attribute, 0, must=False)
        if self._config.stop_command is not None:
            done = self._execute(self._config.stop_command, must=False)
        if done is not None and wait_s and not done.wait(wait_s):
            _log.error("%s did not stop within %g s", self._device, wait_s)

    def _write(self, attribute: str, value: int, *, must: bool) -> threading.Event:
        return self._order(f"writing {value} to {attribute}", lambda d: d.write_attribute(attribute, value), must)

    def _execute(self, command: str, *, must: bool) -> threading.Event:
        return self._order(f"the command {command}", lambda d: d.command_inout(command), must)

    def _order(self, what: str, deed: Deed, must: bool) -> threading.Event:
        done = threading.Event()
        self._queue.put((what, deed, must, done))
        return done

    def _work(self) -> None:
        proxy: tango.DeviceProxy | None = None
        while True:
            what, deed, must, done = self._queue.get()
            try:
                proxy = proxy or connected(self._device)
                deed(proxy)
            except tango.DevFailed as fault:
                _log.error("%s of %s failed: %s", what, self._device, sentence(fault))
                # A device that is merely slow may have begun: its frames will tell.
                if must and not isinstance(fault, tango.CommunicationFailed):
                    self._on_failure(SourceFailedError(f"{what} failed: {sentence(fault)}"))
                if is_silence(fault):
                    proxy = None
            finally:
                done.set()
