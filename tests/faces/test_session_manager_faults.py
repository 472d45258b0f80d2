"""SessionManager servers that cannot work, that compete, or that hold several instruments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tango

from beamsession.faces.tango.manager_client import TangoManager
from beamsession.model.errors import NotPermittedError, UnavailableError, WrongStateError
from beamsession.model.principal import Principal, Role
from manager_server import DEVICE, Server, label, manager, read, refusal, trl, wait_until, write_config

ANA = Principal("ana")


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Servers that are stopped at the end."""
    started: list[Server] = []
    yield started
    for server in started:
        server.stop()


def started(servers: list[Server], server: Server) -> Server:
    server.start()
    servers.append(server)
    return server


def fault_of(proxy: tango.DeviceProxy) -> str:
    """The Status of a device that is in FAULT."""
    wait_until("it is in FAULT", lambda: proxy.state() is tango.DevState.FAULT)
    return proxy.status()


def test_a_broken_configuration_is_a_fault_that_init_recovers_from(tmp_path: Path, servers: list[Server]) -> None:
    config = write_config(tmp_path)
    good = config.read_text()
    config.write_text(good.replace('name = "test"', 'name = "9 lives"'))
    proxy = started(servers, manager(config)).proxy(has_recorder=False)
    status = fault_of(proxy)
    assert "instrument.name" in status
    assert status.endswith("Then run Init.")
    for act in (lambda: proxy.Start("x"), lambda: read(proxy, "SessionId")):
        with pytest.raises(tango.DevFailed) as failure:
            act()
        assert refusal(failure.value)[0] == "DEVICE_FAULT"
    proxy.Init()
    assert "instrument.name" in fault_of(proxy)
    config.write_text(good)
    proxy.Init()
    wait_until("it works", lambda: proxy.state() is not tango.DevState.FAULT)
    assert proxy.Start("after all") == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('state_dir = "/dev/null/state"', "/dev/null/state"),
        ('state_dir = "relative"', "state_dir: must be an absolute path"),
    ],
)
def test_a_state_folder_that_cannot_be_is_a_fault_too(
    tmp_path: Path, servers: list[Server], wrong: str, said: str
) -> None:
    config = write_config(tmp_path)
    config.write_text(config.read_text().replace(f'state_dir = "{tmp_path}/state"', wrong))
    assert said in fault_of(started(servers, manager(config)).proxy(has_recorder=False))


def test_a_server_without_any_configuration_says_what_to_set(tmp_path: Path, servers: list[Server]) -> None:
    server = started(servers, Server("manager", tmp_path, ["-nodb", "-dlist", DEVICE]))
    assert "Set the device property ConfigFile" in fault_of(server.proxy(has_recorder=False))


def test_a_second_manager_is_a_fault_that_names_the_first(tmp_path: Path, servers: list[Server]) -> None:
    config = write_config(tmp_path)
    first = started(servers, manager(config))
    first.proxy(has_recorder=False).Start("mine")
    proxy = started(servers, manager(config)).proxy(has_recorder=False)
    assert f"managed by the process {first.pid} already" in fault_of(proxy)
    first.stop()
    proxy.Init()
    wait_until("it has taken over", lambda: proxy.state() is not tango.DevState.FAULT)
    assert read(proxy, "SessionName") == "mine"


def test_one_server_holds_several_instruments_each_with_its_file(tmp_path: Path, servers: list[Server]) -> None:
    names = ["one/session/manager", "two/session/manager"]
    configs = [write_config(tmp_path / name, name) for name in ("one", "two")]
    properties = tmp_path / "devices"
    lines = [f"SessionManager/test/DEVICE/SessionManager: {', '.join(names)}"]
    lines += [f"{name}->ConfigFile: {config}" for name, config in zip(names, configs, strict=True)]
    properties.write_text("\n".join(lines) + "\n")
    server = started(servers, Server("manager", tmp_path, [f"-file={properties}"]))
    one, two = (server.proxy(name, has_recorder=False) for name in names)
    assert (one.Start("first of one"), two.Start("first of two")) == (1, 1)
    one.Pause()
    assert [label(proxy, "SessionState") for proxy in (one, two)] == ["PAUSED", "STARTED"]
    for proxy, name in ((one, "one"), (two, "two")):
        assert read(proxy, "Root").startswith(str(tmp_path / name / "data"))


def test_a_killed_manager_comes_back_with_its_session(tmp_path: Path, servers: list[Server]) -> None:
    config = write_config(tmp_path)
    server = started(servers, manager(config))
    server.proxy(has_recorder=False).Start("kept")
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    server.start()
    proxy = server.proxy(has_recorder=False)
    assert (read(proxy, "SessionName"), label(proxy, "SessionState")) == ("kept", "STARTED")


def test_our_own_programs_see_errors_exactly_and_find_a_server_that_was_away(
    tmp_path: Path, servers: list[Server]
) -> None:
    server = manager(write_config(tmp_path))
    client = TangoManager(trl(server.port))
    with pytest.raises(UnavailableError) as away:
        client.call("session_list", {}, principal=ANA, face="cli")
    assert away.value.code == "MANAGER_UNREACHABLE"
    started(servers, server).proxy(has_recorder=False)
    assert client.call("session_start", {"name": "Łukasz 2θ"}, principal=ANA, face="cli", request_id="r") == 1
    assert client.call("session_show", {}, principal=ANA, face="cli")["name"] == "Łukasz 2θ"
    with pytest.raises(WrongStateError) as refused:
        client.call("session_resume", {}, principal=ANA, face="cli")
    assert refused.value.remedy == "Nothing needs to be done."
    with pytest.raises(NotPermittedError):
        client.call("session_list", {}, principal=Principal("eve", Role.WORKER), face="worker", token="guess")
