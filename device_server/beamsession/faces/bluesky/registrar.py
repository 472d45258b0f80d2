"""Tells the open session of Bluesky runs: a subscriber of the RunEngine that never holds a plan up."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beamsession.faces.bluesky.bluesky_run import BlueskyRun
from beamsession.faces.bluesky.manager_calls import ManagerCalls, is_no_answer
from beamsession.faces.bluesky.spool import Spool
from beamsession.model.clock import from_text, to_text
from beamsession.model.errors import BeamsessionError, NotFoundError, WrongStateError

_log = logging.getLogger(__name__)
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_LAST_WORDS_S = 10.0
_registrars: weakref.WeakSet[RunRegistrar] = weakref.WeakSet()


def tell_all(timeout: float) -> bool:
    """Have all registrars of this process tell what they have, before a session ends; whether it took no longer."""
    until = time.monotonic() + timeout
    return all(registrar.flush(max(0.0, until - time.monotonic())) for registrar in list(_registrars))


class RunRegistrar:
    """`RE.subscribe(RunRegistrar())`: the session keeps who, what and how of each Bluesky run.

    Start and end of a Bluesky run are comments of the session, with uid, scan_id, plan name and metadata. If it wrote
    files itself (stream_resource or resource documents), the first becomes a run of the session with that metadata, the
    others are added files. Of a run that `record_run` or `run_wrapper` records, only what the session does not know yet
    is told. Runs outside a session are left out.

    A manager that is away is waited for: everything is told in order, and once. `spool` is a folder that keeps what is
    not told yet, so that the end of this process loses nothing; without one it is told until the process ends, and
    for ten seconds more.
    """

    def __init__(self, device: str = "", *, spool: str | Path | None = None) -> None:
        self._calls = ManagerCalls(device)
        self._runs: dict[str, BlueskyRun] = {}
        self._spool = Spool(Path(spool) if spool is not None else None)
        self._stopped = threading.Event()
        threading.Thread(target=self._tell_all, name="beamsession registrar", daemon=True).start()
        atexit.register(self.close)
        _registrars.add(self)

    @property
    def waiting(self) -> int:
        """How much is not told yet."""
        return len(self._spool)

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take a document; whatever goes wrong is logged, and the plan goes on."""
        try:
            self._take(name, doc)
        except Exception:
            _log.exception("The %s document %s is not told to the session", name, doc.get("uid"))

    def flush(self, timeout: float = 60.0) -> bool:
        """Whether all was told within `timeout` seconds."""
        return self._spool.wait_empty(timeout)

    def close(self, timeout: float = _LAST_WORDS_S) -> bool:
        """Tell what is left, for so long, and stop; whether all was told."""
        done = self._stopped.is_set() or self.flush(timeout)
        self._stopped.set()
        atexit.unregister(self.close)
        return done

    def _take(self, name: str, doc: Mapping[str, Any]) -> None:
        match name:
            case "start":
                run = self._runs[doc["uid"]] = BlueskyRun(dict(doc))
                if not run.is_recorded:
                    self._put(run, "begin", "comment_add", {"text": run.begun()})
            case "stream_resource" | "resource":
                run = self._runs.get(doc.get("run_start", ""))
                if run is not None:
                    run.add_file(name, doc)
            case "stop":
                run = self._runs.pop(doc["run_start"], None)
                if run is not None:
                    self._end(run, doc)
            case _:
                return

    def _end(self, run: BlueskyRun, stop: Mapping[str, Any]) -> None:
        for index, path in enumerate(run.files):
            if index == 0 and not run.is_recorded:
                arguments = {"path": path, "title": run.words[:200], "metadata": run.metadata}
                self._put(run, "file-0", "run_register", arguments)
            else:
                self._put(run, f"file-{index}", "file_add", {"path": path})
        self._put(run, "end", "comment_add", {"text": run.ended(stop)})

    def _put(self, run: BlueskyRun, what: str, verb: str, arguments: dict[str, Any]) -> None:
        if "text" in arguments:
            arguments = {"text": "".join(sign if sign.isprintable() else " " for sign in arguments["text"])[:10_000]}
        entry = {"id": f"{run.uid}-{what}"[:100], "time": to_text(datetime.now(UTC)), "verb": verb}
        self._spool.put({**entry, "arguments": arguments})

    def _tell_all(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._stopped.is_set():
            entry = self._spool.first(_FIRST_PAUSE_S)
            if entry is None:
                continue
            try:
                self._tell(entry)
                self._spool.done()
                pause = _FIRST_PAUSE_S
            except Exception as error:
                if not (isinstance(error, BeamsessionError) and is_no_answer(error)):
                    _log.exception("%s of a Bluesky run is tried again", entry["verb"])
                self._stopped.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _tell(self, entry: Mapping[str, Any]) -> None:
        """Have it done, or find out that it cannot be; raises where the manager does not answer."""
        verb, arguments = entry["verb"], entry["arguments"]
        try:
            if self._was_open(entry["time"]):
                self._calls.once(verb, arguments, entry["id"])
            else:
                _log.info("No session was open when %s was to be done: %s", verb, arguments)
        except BeamsessionError as error:
            if is_no_answer(error):
                raise
            _log.warning("%s was refused: %s", verb, error.text)
            if verb != "comment_add" and not isinstance(error, WrongStateError):
                text = f"The file {arguments['path']} of a Bluesky run is not in the session: {error.text}"
                self._tell(
                    {**entry, "id": f"{entry['id']}-no"[-100:], "verb": "comment_add", "arguments": {"text": text}}
                )

    def _was_open(self, moment: str) -> bool:
        """Whether the session that is open now was open then; what is told late belongs to no later session."""
        try:
            found = self._calls.once("session_show", {"contents": False})
        except NotFoundError:
            return False
        return from_text(found["start"]) <= from_text(moment)
