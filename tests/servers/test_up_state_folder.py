"""Which state folder `beamsession up` takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamsession.servers.up.main import parser, state_folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that names a state folder."""
    file = tmp_path / "beamline.toml"
    file.write_text(
        f'state_dir = "{tmp_path}/configured"\n[instrument]\nname = "p99"\n[data]\nroot = "{tmp_path}"\n',
        encoding="utf-8",
    )
    return file


def test_the_configured_folder_is_taken(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEAMSESSION_STATE", raising=False)
    assert state_folder(parser().parse_args(["--config", str(config)])) == tmp_path / "configured"


def test_a_folder_that_is_asked_for_wins(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMSESSION_STATE", str(tmp_path / "environment"))
    asked = parser().parse_args(["--config", str(config), "--state", str(tmp_path / "asked")])
    assert state_folder(asked) == tmp_path / "asked"
    assert state_folder(parser().parse_args(["--config", str(config)])) == tmp_path / "environment"


def test_a_simulated_beamline_has_one_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEAMSESSION_STATE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder(parser().parse_args(["--simulate"])) == tmp_path / "beamsession"
