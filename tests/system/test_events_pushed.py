"""Change events: what a client that only listens gets to know."""

from __future__ import annotations

import queue
import threading
from typing import Any

import tango

from system_up import Client, Up, eventually, reason_of


def listen(client: Client, name: str) -> queue.SimpleQueue[Any]:
    """Values of an attribute as they are pushed."""
    values: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def take(event: Any) -> None:
        if not event.err:
            values.put(event.attr_value.value)

    client.proxy.subscribe_event(name, tango.EventType.CHANGE_EVENT, take)
    return values


def drain(values: queue.SimpleQueue[Any]) -> list[Any]:
    """What has come so far."""
    return [values.get() for _ in range(values.qsize())]


def test_every_change_of_a_session_is_pushed(up: Up, client: Client) -> None:
    names = ("State", "SessionId", "SessionState", "EventCount", "Metadata")
    heard = {name: listen(client, name) for name in names}
    seen: dict[str, list[Any]] = {name: [] for name in names}

    def heard_of(name: str, *wanted: Any) -> bool:
        seen[name] += drain(heard[name])
        return all(value in seen[name] for value in wanted)

    session = client.Start({"name": "pushed", "metadata": {"a": 1}})
    eventually(lambda: heard_of("SessionId", session), "SessionId")
    eventually(lambda: heard_of("Metadata", '{"a": 1}'), "Metadata")
    eventually(lambda: heard_of("State", tango.DevState.ON), "State ON")
    client.Pause()
    client.Complete()
    eventually(lambda: heard_of("SessionState", 1, 2, 0), "STARTED, PAUSED and NONE")
    eventually(lambda: heard_of("State", tango.DevState.STANDBY), "State STANDBY")
    count = client.read("EventCount")
    eventually(lambda: max([0, *seen["EventCount"], *drain(heard["EventCount"])]) >= count or None, "EventCount")


def test_the_progress_of_a_run_is_pushed(up: Up, client: Client) -> None:
    written = listen(client, "WrittenFrames")
    states = listen(client, "RunState")
    client.Start("progress")
    client.StartRun({"frames": 50, "detectors": ["camera"]})
    client.await_verdict()
    counts: list[int] = []
    eventually(lambda: counts.extend(drain(written)) or 50 in counts, "all frames to be pushed")
    labels: list[int] = []
    eventually(lambda: labels.extend(drain(states)) or 5 in labels, "COMPLETED to be pushed")


def test_no_read_fails_while_changes_are_pushed(up: Up, client: Client) -> None:
    """Reads and pushes share one value in the Tango kernel; they must be kept apart."""
    client.Start("busy")
    failures: list[tuple[str, str]] = []
    counts = dict.fromkeys(("State", "Status", "SessionState", "LastEvent", "EventCount"), 0)
    done = threading.Event()

    def read_on() -> None:
        with tango.EnsureOmniThread():
            proxy = tango.DeviceProxy(client.address)
            while not done.is_set():
                for name in counts:
                    counts[name] += 1
                    try:
                        attribute: Any = proxy.read_attribute(name)
                        assert attribute.value is not None
                    except tango.DevFailed as failure:
                        failures.append((name, reason_of(failure)[1]))

    readers = [threading.Thread(target=read_on) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(400):
        client.Pause()
        client.Resume()
    done.set()
    for reader in readers:
        reader.join()
    assert min(counts.values()) > 100
    assert failures == []
