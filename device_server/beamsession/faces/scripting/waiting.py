"""Waiting for what the server does after the call: looking at it at growing intervals, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from beamsession.faces.scripting.connection import call
from beamsession.model.errors import RefusedError, UnavailableError
from beamsession.model.job import JobState

_T = TypeVar("_T")
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_SILENCE_S = 60.0  # a manager that is restarted meanwhile is back by then


def wait_for(look: Callable[[], _T | None], what: str, timeout: float | None) -> _T:
    """The first answer of `look` that is not None.

    Raises UnavailableError: NOT_IN_TIME after `timeout` seconds (None: no limit), or its own one once the manager has
    not answered for a minute. What is waited for goes on in either case, also after Ctrl-C.
    """
    begin = heard = time.monotonic()
    pause = _FIRST_PAUSE_S
    while True:
        try:
            answer = look()
            heard = time.monotonic()
        except UnavailableError:
            if time.monotonic() - heard > _SILENCE_S:
                raise
            answer = None
        if answer is not None:
            return answer
        left = float("inf") if timeout is None else begin + timeout - time.monotonic()
        if left <= 0:
            raise UnavailableError(
                f"Waited {timeout:g} s: {what}.",
                code="NOT_IN_TIME",
                value=timeout,
                remedy="It goes on by itself; give a longer timeout to wait for its end.",
            )
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def wait_for_job(job: int, timeout: float | None) -> dict[str, Any]:
    """The result of a job; RefusedError (JOB_FAILED, JOB_CANCELLED) with its reason where there is none."""

    def ended() -> dict[str, Any] | None:
        found = call("job_show", job=job)
        return found if JobState(found["state"]).is_end else None

    found = wait_for(ended, f"job {job} has not ended", timeout)
    if found["state"] == JobState.DONE:
        return found["result"]
    raise RefusedError(
        found["detail"] or f"Job {job} was {found['state']}.",
        code=f"JOB_{found['state'].upper()}",
        value=job,
    )
