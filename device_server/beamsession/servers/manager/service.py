"""One instrument at work: its queue of verbs, its projector and its liaison to the recorder."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from beamsession.archive.high_water import last_id
from beamsession.config import Beamline
from beamsession.model.errors import BeamsessionError
from beamsession.model.ports import RecorderPort
from beamsession.model.principal import Caller, Principal, Role
from beamsession.model.view import View
from beamsession.servers.manager.identity import Identity
from beamsession.servers.manager.liaison import Liaison
from beamsession.servers.manager.projector import Listener, Projector
from beamsession.store import Store
from beamsession.store.instrument_lock import InstrumentLock
from beamsession.verbs.dispatch import Dispatcher

_log = logging.getLogger(__name__)
_LOCK_WAIT_S = 10.0  # the server before this one may be about to end
_DISK_WAIT_S = 2.0
_RECORDER = Caller(Principal("recorder", Role.WORKER), face="recorder")
_ACTS_ON_RECORDER = {
    "run_start",
    "run_stop",
    "run_abort",
    "session_pause",
    "session_resume",
    "session_complete",
    "session_start",
    "session_restart",
}


class InstrumentService:
    """Owns one instrument: takes its lock, opens the store, and answers verbs one after the other.

    Raises BeamsessionError at construction where it cannot work (store, lock); nothing stays open then.
    """

    def __init__(self, beamline: Beamline, recorder: RecorderPort) -> None:
        instrument = beamline.instrument_value()
        self._lock = InstrumentLock(beamline.state, instrument.name, wait_s=_LOCK_WAIT_S)
        try:
            self._store = Store.open(beamline.store_url)
        except BaseException:
            self._lock.release()
            raise
        self.identity = Identity(beamline.operator, beamline.tokens, beamline.worker_token_file)
        floor = _last_id_on_disk(instrument.data_root)
        self._dispatcher = Dispatcher(instrument, self._store, recorder, id_floor=floor)
        self._projector = Projector(instrument, self._store)
        self._liaison = Liaison(instrument, self._store, recorder, self._projector, self._submit_as_recorder)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="verbs", daemon=True)

    def start(self) -> None:
        """Begin to answer, and take up what a crash left behind."""
        self._projector.load()
        self._thread.start()
        self._liaison.start()

    def stop(self) -> None:
        """Finish the verbs that wait, then let go of everything."""
        self._liaison.stop()
        self._jobs.put(None)
        self._thread.join(timeout=10)
        self._store.close()
        self._lock.release()

    @property
    def view(self) -> View:
        """What readers are answered from; never blocks."""
        return self._projector.view

    def subscribe(self, listener: Listener) -> None:
        """Call `listener(old, new)` at each change of the view."""
        self._projector.subscribe(listener)

    def submit(self, verb: str, arguments: dict[str, Any], caller: Caller) -> Future[Any]:
        """Queue a verb; its result comes after commit and after the view shows it."""
        future: Future[Any] = Future()
        self._jobs.put(lambda: self._answer(future, verb, arguments, caller))
        return future

    def refuse(self, verb: str, text: str, caller: Caller, error: BeamsessionError) -> None:
        """Log a request that could not even be understood as a verb."""
        self._jobs.put(lambda: self._log_refusal(verb, text, caller, error))

    def _submit_as_recorder(self, verb: str, arguments: dict[str, Any]) -> Future[Any]:
        return self.submit(verb, arguments, _RECORDER)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _answer(self, future: Future[Any], verb: str, arguments: dict[str, Any], caller: Caller) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = self._dispatcher.call(verb, arguments, caller)
        except BeamsessionError as error:
            self._projector.live(last_error=error.text)
            future.set_exception(error)
            return
        except Exception as fault:
            _log.exception("verb %s failed", verb)
            self._projector.live(last_error=f"{verb} failed unexpectedly: {fault}")
            future.set_exception(
                BeamsessionError(
                    f"{verb} failed unexpectedly: {type(fault).__name__}: {fault}.",
                    remedy="Nothing was changed. Look in the server's log and report it.",
                )
            )
            return
        finally:
            self._project()
        future.set_result(result)
        if verb in _ACTS_ON_RECORDER:
            self._liaison.wake()

    def _log_refusal(self, verb: str, text: str, caller: Caller, error: BeamsessionError) -> None:
        self._dispatcher.refuse(verb, {"text": text}, caller, error)
        self._projector.live(last_error=error.text)

    def _project(self) -> None:
        try:
            self._projector.follow()
        except BeamsessionError as error:
            self._projector.live(fault=f"The store cannot be read: {error.text}")
        except Exception:  # the queue of verbs must go on
            _log.exception("the view could not be renewed")


def _last_id_on_disk(data_root: Path) -> int:
    """The highest session id that the data root has seen, so that not even a lost store makes one come again.

    0 where the disk does not answer in time: it is looked at once, before anything else is done.
    """
    answer: Future[int] = Future()

    def look() -> None:
        try:
            answer.set_result(last_id(data_root))
        except (OSError, BeamsessionError) as fault:
            answer.set_exception(fault)

    threading.Thread(target=look, name="last id", daemon=True).start()
    try:
        return answer.result(timeout=_DISK_WAIT_S)
    except (OSError, BeamsessionError, TimeoutError) as fault:
        _log.warning("the last session id in %s cannot be read: %s", data_root, fault)
        return 0
