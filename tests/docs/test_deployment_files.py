"""The systemd units start programs that exist, and are listed where people look for them."""

from __future__ import annotations

import configparser
import importlib.util
import shlex
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from markdown_blocks import ROOT

_SYSTEMD = ROOT / "deploy" / "systemd"
_UNITS = sorted(_SYSTEMD.glob("*.service"))


def _unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]
    parser.read(path)
    return parser


def _console_scripts() -> set[str]:
    own = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    return set(own) | {entry.name for entry in entry_points(group="console_scripts")}


@pytest.mark.parametrize("path", _UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_program_that_exists(path: Path) -> None:
    program, *arguments = shlex.split(_unit(path)["Service"]["ExecStart"])

    if Path(program).name == "python":
        assert arguments[0] == "-m"
        assert importlib.util.find_spec(arguments[1]) is not None
    else:
        assert Path(program).name in _console_scripts()


@pytest.mark.parametrize("path", _UNITS, ids=lambda path: path.stem)
def test_a_unit_is_started_again_with_its_beamlines_configuration(path: Path) -> None:
    unit = _unit(path)

    assert unit["Service"]["Restart"] == "always"
    assert unit["Service"]["EnvironmentFile"] == "/etc/beamsession/%i.env"
    assert unit["Install"]["WantedBy"] == "beamsession.target"


def test_units_wait_only_for_units_that_exist() -> None:
    own = {path.name for path in _SYSTEMD.iterdir()}
    wanted = {
        word.replace("%i", "")
        for path in _UNITS
        for word in _unit(path)["Unit"]["After"].split()
        if word.startswith("beamsession")
    }

    assert wanted <= own


def test_every_deployment_file_is_explained() -> None:
    explained = (ROOT / "deploy" / "README.md").read_text()

    assert [path.name for path in _SYSTEMD.iterdir() if path.name not in explained] == []
