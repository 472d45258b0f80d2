"""Aborts a run when the program that started it is gone: `python -m beamsession.faces.tango.run_guard DEVICE FACE`.

A plan that is killed cannot say so any more. So it starts this process beside itself and tells it, in JSON lines on
standard input, what it is about to record: `{"session": 17, "intent": {"after": 2, "title": …, "metadata": …}}`, with
the number of the last run before; then `{"session": 17, "run": 3}`, and `{}` once that run has ended. When the input
ends, or the parent process has changed, a run that is still guarded is aborted, and a comment says why.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
import uuid
from typing import Any

from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.errors import BeamsessionError, UnavailableError
from beamsession.model.principal import Principal
from beamsession.model.states import RunState
from beamsession.user_name import user_name

_LOOK_S = 1.0
_PATIENCE_S = 600.0  # for a manager that is away
_BEGIN_S = 15.0  # within which a run that was asked for has begun, or never will
_CHUNK = 65536


def main() -> None:
    """Guard runs until the program that started this process ends."""
    device, face = sys.argv[1], sys.argv[2]
    guarded = _last_word()
    if guarded:
        _Guard(TangoManager(device), face, guarded["session"]).abort(guarded)


def _last_word() -> dict[str, Any]:
    """The last line that came before the input, or the parent, ended; empty if no run is to be aborted."""
    parent, text, last = os.getppid(), b"", dict[str, Any]()
    while True:
        if select.select([0], [], [], _LOOK_S)[0]:
            chunk = os.read(0, _CHUNK)
            if not chunk:
                break
            *lines, text = (text + chunk).split(b"\n")
            last = json.loads(lines[-1]) if lines else last
        elif os.getppid() != parent:  # a child of it may still hold our input open
            break
    return last


class _Guard:
    """Asks the manager, however long it takes to answer."""

    def __init__(self, manager: TangoManager, face: str, session: int) -> None:
        self._manager = manager
        self._face = face
        self._session = session
        self._principal = Principal(user_name())
        self._until = time.monotonic() + _PATIENCE_S
        self._ids = uuid.uuid4().hex

    def abort(self, word: dict[str, Any]) -> None:
        """Abort the run that `word` tells if it is still recorded."""
        try:
            run = word["run"] if "run" in word else self._begun(word["intent"])
            if run is None:
                return
            state = RunState(self._ask("run_show", session=self._session, run=run)["state"])
            if not state.is_live or state is RunState.DRAINING:
                return
            self._ask("comment_add", text=f"Run {run} is aborted: the program that recorded it is gone.")
            self._ask("run_abort")
        except BeamsessionError as error:
            print(f"A run of session {self._session} could not be aborted: {error.text}", file=sys.stderr)

    def _begun(self, intent: dict[str, Any]) -> int | None:
        """The run that was asked for, which may begin yet while the manager works off what waits; None if none came."""
        until = time.monotonic() + _BEGIN_S
        while True:
            for run in self._ask("run_list", session=self._session, after=intent["after"]):
                if run["title"] == intent["title"].strip() and run["metadata"] == intent["metadata"]:
                    return int(run["number"])
            if time.monotonic() > until:
                return None
            time.sleep(_LOOK_S)

    def _ask(self, verb: str, **arguments: Any) -> Any:
        while True:
            try:
                return self._manager.call(
                    verb, arguments, principal=self._principal, face=self._face, request_id=f"{self._ids}-{verb}"
                )
            except UnavailableError:
                if time.monotonic() > self._until:
                    raise
                time.sleep(_LOOK_S)


if __name__ == "__main__":
    main()
