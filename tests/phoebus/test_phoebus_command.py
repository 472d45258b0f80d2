"""`beamsession config phoebus`, as the page about Phoebus has it and as it can go wrong."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from beamsession.faces.cli.main import main
from beamsession.faces.phoebus.main_screen import MAIN
from bob import Bob
from markdown_blocks import ROOT, examples

_PAGE = ROOT / "docs" / "how-to" / "use-phoebus.md"
_LINES = [line for example in examples("shell") if example.page == _PAGE for line in example.text.splitlines()]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "p99.toml"
    file.write_text(
        f'[instrument]\nname = "p99"\n[data]\nroot = "{tmp_path}"\n[epics]\nprefix = "BL99P:"\ninterface = "10.1.2.3"\n'
        '[[detectors]]\nname = "camera"\nsource = "pva"\npv = "X:Pva1:Image"\n'
    )
    return file


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    err: str


@pytest.fixture
def phoebus(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `beamsession config phoebus <words>`."""
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["beamsession", "config", "phoebus", *words])
        with pytest.raises(SystemExit) as end:
            main()
        return Done(int(end.value.code or 0), capsys.readouterr().err)

    return run


@pytest.mark.parametrize("line", _LINES)
def test_a_command_of_the_page_writes_the_files_of_the_beamline(
    line: str, config: Path, tmp_path: Path, phoebus: Callable[..., Done]
) -> None:
    program, *words = shlex.split(line)
    assert (program, words[:2]) == ("beamsession", ["config", "phoebus"])
    folder = tmp_path / "screens"

    done = phoebus(str(config), str(folder), *words[4:])

    assert done.code == 0, done.err
    displays = ("beamsession", "overview", "session", "runs", "detectors", "alarms")
    others = {"alarms.xml", "save-and-restore.csv", "settings.ini"}
    assert {path.name for path in folder.iterdir()} == {f"{name}.bob" for name in displays} | others
    assert Bob(folder / MAIN).own_macros == {"P": "BL99P:", "R": "Session:"}
    assert len([pv for pv in Bob(folder / "detectors.bob").pvs if ":Name" in pv]) == 1
    settings = (folder / "settings.ini").read_text(encoding="utf-8")
    assert "addr_list=10.1.2.3:5064\n" in settings
    place = words[words.index("--displays") + 1] if "--displays" in words else f"file://{folder}"
    assert f"{place}/beamsession.bob?P=BL99P%3A&R=Session%3A,Session\n" in settings


def test_files_that_somebody_changed_are_left_alone_unless_told(
    config: Path, tmp_path: Path, phoebus: Callable[..., Done]
) -> None:
    folder = tmp_path / "screens"
    assert phoebus(str(config), str(folder)).code == 0
    changed = folder / "runs.bob"
    changed.write_text("mine")
    (folder / "alarms.xml").unlink()

    refused = phoebus(str(config), str(folder))

    assert refused.code == 1
    assert refused.err.startswith(f"FILES_EXIST {folder} has other files of these names: runs.bob. ")
    assert changed.read_text() == "mine"
    assert not (folder / "alarms.xml").exists()
    assert phoebus(str(config), str(folder), "--force").code == 0
    assert Bob(changed).widgets


def test_without_the_extra_it_says_what_to_install(config: Path, tmp_path: Path) -> None:
    program = "import sys; sys.modules['phoebusgen'] = None; from beamsession.faces.cli.main import main; main()"
    words = ["config", "phoebus", str(config), str(tmp_path / "screens")]
    environment = os.environ | {"NO_COLOR": "1"}
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, env=environment)

    assert done.returncode != 0
    assert done.stderr.startswith("NOT_INSTALLED ")
    assert "Install the extra 'phoebus'." in done.stderr
    assert not (tmp_path / "screens").exists()


def test_a_configuration_that_cannot_be_read_is_told_and_nothing_is_written(
    tmp_path: Path, phoebus: Callable[..., Done]
) -> None:
    done = phoebus(str(tmp_path / "none.toml"), str(tmp_path / "screens"))

    assert done.code == 2
    assert done.err.startswith("BAD_CONFIG ")
    assert not (tmp_path / "screens").exists()
