"""Finding the manager by a real Tango database: the only one, one of several, or a sentence that says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tango

from beamsession.config import load
from beamsession.servers.up.tango_database import entries, register, start_database
from beamsession.sessions import BeamsessionError, session_complete, session_id, session_name, session_start, use
from manager_server import wait_until, write_config

ONE, TWO = "p98/session/manager", "p99/session/manager"


class Facility:
    """A Tango database and the managers that are registered in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database, self.host = start_database(folder / "database", folder)
        self._managers: list[subprocess.Popen[bytes]] = []

    def start(self, device: str) -> None:
        """Register a manager and start its server."""
        instance = device.partition("/")[0]
        config = write_config(self._folder / instance, instance)
        text = config.read_text().replace("test/session/manager", device)
        config.write_text(text.replace("[tango]", f'[tango]\ninstance = "{instance}"'))
        register(tango.Database(*self._address()), entries(load(config), config))
        environment = os.environ | {"TANGO_HOST": self.host}
        command = [sys.executable, "-m", "beamsession.servers.manager", instance]
        with (self._folder / f"{instance}.log").open("ab") as log:
            self._managers.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        wait_until(f"{device} answers", lambda: self._answers(device))

    def close(self) -> None:
        for process in self._managers:
            process.terminate()
            process.wait(30)
        self._database.stop()

    def _address(self) -> tuple[str, int]:
        host, _, port = self.host.partition(":")
        return host, int(port)

    def _answers(self, device: str) -> bool:
        try:
            return tango.DeviceProxy(f"tango://{self.host}/{device}").state() not in (
                tango.DevState.INIT,
                tango.DevState.FAULT,
            )
        except tango.DevFailed:
            return False


@pytest.fixture(scope="module")
def facility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facility]:
    facility = Facility(tmp_path_factory.mktemp("facility"))
    yield facility
    facility.close()


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("BEAMSESSION_DEVICE", raising=False)
    use()
    yield
    use()


def test_one_manager_is_found_and_of_several_one_must_be_named(
    facility: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANGO_HOST", facility.host)
    with pytest.raises(BeamsessionError) as none:
        session_id()
    assert none.value.code == "NO_MANAGER"
    assert facility.host in none.value.sentence

    facility.start(ONE)
    session_start("found by itself")
    assert session_name() == "found by itself"

    facility.start(TWO)
    assert session_name() == "found by itself"  # what was found once is kept
    use()
    with pytest.raises(BeamsessionError) as several:
        session_id()
    assert several.value.code == "SEVERAL_MANAGERS"
    assert f"{ONE}, {TWO}" in several.value.sentence

    use(TWO)
    assert session_id() == 0
    use(f"tango://{facility.host}/{ONE}")
    assert session_name() == "found by itself"
    use()
    monkeypatch.setenv("BEAMSESSION_DEVICE", TWO)
    assert session_id() == 0
    use(ONE)  # what a script says wins over its environment
    assert session_complete()


def test_a_database_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANGO_HOST", "127.0.0.1:1")

    with pytest.raises(BeamsessionError) as silent:
        session_id()
    assert silent.value.code == "TANGO_DATABASE"
    assert "127.0.0.1:1" in silent.value.sentence


@pytest.mark.parametrize("device", ["", ONE])
def test_without_a_database_the_script_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.delenv("TANGO_HOST", raising=False)
    use(device)

    with pytest.raises(BeamsessionError) as lost:
        session_id()
    assert lost.value.code == "NO_TANGO_HOST"
    assert "TANGO_HOST" in lost.value.remedy
