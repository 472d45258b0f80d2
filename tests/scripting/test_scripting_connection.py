"""Asking again after a time-out, from many threads, and of a manager that is not there."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from beamsession.sessions import (
    BeamsessionError,
    session_get_metadata,
    session_id,
    session_ids,
    session_set_metadata,
    session_start,
    use,
)
from scripting_rig import NOWHERE, ScriptingRig

_FROZEN_S = 4.0  # longer than the 3 s after which a call is given up
_THREADS, _KEYS = 6, 10


def test_a_call_that_timed_out_is_asked_again_and_done_once(rig: ScriptingRig) -> None:
    assert rig.manager is not None
    before = set(session_ids("all"))
    rig.manager.send_signal(signal.SIGSTOP)
    thaw = threading.Timer(_FROZEN_S, rig.manager.send_signal, [signal.SIGCONT])
    thaw.start()
    begin = time.monotonic()
    try:
        number = session_start("asked twice", {"own": 1})
    finally:
        thaw.join()

    assert time.monotonic() - begin > 3
    assert set(session_ids("all")) - before == {number}
    started = [event for event in rig.call("event_list", session=number) if event["kind"] == "session_started"]
    assert len(started) == 1


def test_many_threads_lose_nothing(rig: ScriptingRig) -> None:
    number = session_start("threads", {"own": 1})

    def write(thread: int) -> None:
        for key in range(_KEYS):
            session_set_metadata(f"{thread}.{key}", key, number)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(write, range(_THREADS)))

    assert len(session_get_metadata(number)) == 1 + _THREADS * _KEYS


def test_a_manager_that_is_not_there_is_an_error(rig: ScriptingRig) -> None:
    use(f"{NOWHERE}no/such/manager#dbase=no")
    try:
        with pytest.raises(BeamsessionError) as silent:
            session_id()
    finally:
        use(rig.address)
    assert silent.value.code == "MANAGER_UNREACHABLE"
    assert "no/such/manager" in silent.value.sentence
    assert "without having answered" in str(silent.value)


@pytest.mark.parametrize("device", ["manager", "a/b", "tango://host/a/b/c", "a/b/c d", "http://a/b/c"])
def test_what_is_no_device_is_refused_before_anything_is_asked(rig: ScriptingRig, device: str) -> None:
    with pytest.raises(BeamsessionError) as refused:
        use(device)
    assert refused.value.code == "BAD_DEVICE"
    assert session_id() == 0  # the manager chosen before is still the one that is asked
