"""The device as ophyd-async sees it: filled by itself, and typed; with events and by polling."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from bluesky.run_engine import call_in_bluesky_event_loop
from docs.generate.interface import interface_of
from ophyd_async.core import Command, SignalR, init_devices, observe_value
from ophyd_async.tango.core import TangoDevice

from beamsession.faces.bluesky import AlarmSeverityLabel, RunStateLabel, SessionManagerDevice, SessionStateLabel
from beamsession.faces.tango.session_manager import SessionManager
from beamsession.model.alarms import Severity
from beamsession.model.errors import NotFoundError
from beamsession.model.states import RunState, SessionState
from bluesky_rig import Rig

INTERFACE = interface_of(SessionManager)
ATTRIBUTES = [item.name for item in INTERFACE.attributes]
COMMANDS = [item.name for item in INTERFACE.commands]


def done(make: Callable[[], Awaitable[Any]]) -> Any:
    """The result of a coroutine in the event loop of the devices."""

    async def run() -> Any:
        return await make()

    return call_in_bluesky_event_loop(run(), timeout=60)


@pytest.fixture(scope="module", params=[True, False], ids=["events", "polling"])
def events(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(scope="module", params=[TangoDevice, SessionManagerDevice])
def device(request: pytest.FixtureRequest, beamline: Rig, events: bool) -> Any:
    with init_devices():
        manager = request.param(beamline.client.address, support_events=events)
    return manager  # noqa: RET504 - it is connected where the block ends


def test_every_attribute_and_command_is_there(device: Any) -> None:
    children = dict(device.children())
    assert all(isinstance(children[name], SignalR) for name in ATTRIBUTES)
    assert all(isinstance(children[name], Command) for name in COMMANDS)


def test_every_attribute_is_read_and_described(device: Any) -> None:
    async def look() -> None:
        for name in ATTRIBUTES:
            signal = getattr(device, name)
            [reading] = (await signal.read()).values()
            [described] = (await signal.describe()).values()
            assert described["source"].lower().endswith(f"/{name.lower()}")
            assert reading["timestamp"] > 0

    done(look)


def test_a_change_is_seen_without_asking(rig: Rig, device: Any) -> None:
    async def see() -> list[str]:
        seen: list[str] = []
        async for state in observe_value(device.SessionState, done_timeout=60):
            if not seen:
                await device.Start.execute('{"name": "seen"}')
            seen.append(str(state))
            if state == "STARTED":
                return seen
        return seen

    assert done(see)[-1] == "STARTED"


def test_a_command_does_what_the_device_does(rig: Rig, device: Any) -> None:
    async def life() -> tuple[Any, ...]:
        number = await device.Start.execute("by command")
        await device.Pause.trigger()
        paused = await device.SessionState.get_value()
        await device.Resume.trigger()
        await device.Metadata.set('{"sample": "CeO2"}')
        shown = await device.ShowMetadata.execute("")
        await device.Comment.execute("a word")
        await device.Complete.trigger()
        return number, paused, shown

    number, paused, shown = done(life)
    assert number == rig.newest
    assert paused == "PAUSED"
    assert "CeO2" in shown
    assert rig.comments() == ["a word"]


@pytest.mark.parametrize(
    ("command", "argument", "sentence"),
    [
        ("Pause", None, "No session is open. Start one with Start."),
        ("StartRun", "", "No session is open. Start one with Start."),
        ("Start", "a/b", "name"),
    ],
)
def test_an_error_shows_the_useful_sentence(
    rig: Rig, device: Any, command: str, argument: str | None, sentence: str
) -> None:
    arguments = () if argument is None else (argument,)

    async def act() -> None:
        await getattr(device, command).execute(*arguments)

    with pytest.raises(RuntimeError, match=sentence):
        done(act)


def test_any_verb_is_asked_for_by_its_name(rig: Rig) -> None:
    number = done(lambda: rig.session.ask("session_start", name="Łukasz 2θ"))
    assert done(lambda: rig.session.ask("session_show", session=number))["name"] == "Łukasz 2θ"
    event = rig.client.ask("event_list", session=number)[0]
    assert event["face"] == "bluesky"
    with pytest.raises(NotFoundError) as error:
        done(lambda: rig.session.ask("session_show", session=987654))
    assert error.value.code == "SESSION_NOT_FOUND"


def test_the_typed_device_has_the_types_of_the_values(rig: Rig) -> None:
    async def look() -> tuple[Any, ...]:
        session = rig.session
        signals = session.SessionState, session.RunState, session.AlarmSeverity, session.Alarms, session.DiskMinutesLeft
        return tuple(await asyncio.gather(*(signal.get_value() for signal in signals)))

    state, run, severity, alarms, minutes = done(look)
    assert state == SessionStateLabel.NONE
    assert run in list(RunStateLabel)
    assert severity == AlarmSeverityLabel.NO_ALARM
    assert list(alarms) == []
    assert math.isnan(minutes)


def test_the_labels_are_those_of_the_device() -> None:
    assert [item.value for item in SessionStateLabel] == [item.value for item in SessionState]
    assert [item.value for item in RunStateLabel] == [item.value for item in RunState]
    assert [item.value for item in AlarmSeverityLabel] == [item.name for item in Severity]


def test_the_typed_device_names_everything_that_the_device_has() -> None:
    typed = set(SessionManagerDevice.__annotations__)
    assert set(ATTRIBUTES) <= typed
    silent = {"Unlock", "Comment", "AddFile", "RequestIngest", "RenameSession"}  # ophyd-async has no type for them yet
    assert set(COMMANDS) - silent <= typed


def test_connecting_leaves_no_subscription_behind_that_the_library_complains_of(rig: Rig) -> None:
    program = [sys.executable, str(Path(__file__).with_name("connect_only.py")), rig.client.address]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "connected\n"
        rig.client.Start("quiet")
        rig.client.Complete()
        rig.client.await_attribute("SessionState", "NONE")
        _, said = process.communicate(f"{rig.client.read('EventCount')}\n", timeout=60)
    assert process.returncode == 0, said
    assert "callback map" not in said
