"""The table [metadata]: keys from the file itself and from a definition file, and each fault with its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from beamsession.config import ConfigError, load
from beamsession.faces.cli.main import app
from beamsession.model.definition import MetadataDefinition

GOOD = '[instrument]\nname = "b1"\n[data]\nroot = "/data"\n'
FILE = '[metadata]\ndefinition_file = "keys.properties"\n'


@pytest.fixture(autouse=True)
def _no_state_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEAMSESSION_STATE", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the beamline's TOML file goes."""
    return tmp_path / "b.toml"


def definition(file: Path, text: str) -> MetadataDefinition:
    file.write_text(GOOD + text)
    return load(file).instrument_value().definition


def check(file: Path, text: str) -> Result:
    file.write_text(GOOD + text)
    return CliRunner().invoke(app, ["config", "check", str(file)])


def test_without_the_table_everything_is_accepted(file: Path) -> None:
    assert definition(file, "") == MetadataDefinition()


def test_the_rules_reach_the_instrument(file: Path) -> None:
    made = definition(
        file, '[metadata]\nstrict = false\nundefined = "refuse"\n[[metadata.keys]]\nname = "n"\ntype = "Integer"\n'
    )
    assert (made.strict, made.undefined, made.names) == (False, "refuse", ("n",))


def test_keys_of_the_table_come_after_those_of_the_file_and_win_by_name(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (file.parent / "keys.properties").write_text("a=String;1\nb=String;2\n")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    keys = '[[metadata.keys]]\nname = "c"\n[[metadata.keys]]\nname = "a"\ntype = "Integer"\ndefault = 7\n'
    made = definition(file, FILE + keys)
    assert made.typed_defaults() == {"a": 7, "b": "2", "c": ""}
    assert made.names == ("a", "b", "c")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_a_definition_file_is_utf_8_or_latin_1(file: Path, encoding: str) -> None:
    (file.parent / "keys.properties").write_bytes("größe = String;Ångström".encode(encoding))
    assert definition(file, FILE).typed_defaults() == {"größe": "Ångström"}


def test_the_number_of_keys_is_told_and_a_type_that_is_misspelt(file: Path) -> None:
    (file.parent / "keys.properties").write_text("a=Integer\nb=integer\n")
    done = check(file, FILE)
    assert done.exit_code == 0
    assert "metadata.definition_file: 'integer' of 'b' is no type, String is taken\n" in done.stderr
    assert done.stdout.endswith(" 2 metadata keys: good.\n")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (FILE, "metadata.definition_file: {folder}/keys.properties cannot be read (No such file or directory): give"),
        ('[metadata]\ndefinition_file = "."\n', "metadata.definition_file: {folder} cannot be read (Is a directory)"),
        ("[metadata]\ndefinition_file = 5\n", "metadata.definition_file: must be the path of a file (given: 5)"),
        ("[metadata]\nstict = true\n", "metadata.stict: Extra inputs are not permitted (given: True): remove it"),
        ('[metadata]\nundefined = "drop"\n', "metadata.undefined: Input should be 'allow' or 'refuse'"),
        (
            '[[metadata.keys]]\nname = "n"\ntype = "Integer"\ndefault = "x"\n',
            "metadata.keys.0: of 'n' the default 'x' is no integer, the type is Integer (for example 25)",
        ),
        (
            '[[metadata.keys]]\nname = "n"\ntype = "Integer"\ndefault = 2026-11-21\n',
            "metadata.keys.0: of 'n' the default '2026-11-21' is no integer",
        ),
        ('[[metadata.keys]]\nname = "n"\ntype = "Float"\n', "metadata.keys.0.type: Input should be 'String'"),
        (
            '[[metadata.keys]]\nname = "n"\n[[metadata.keys]]\nname = "n"\n',
            "metadata.keys: 'n' is defined twice: remove one",
        ),
    ],
)
def test_each_fault_is_named_with_its_key(file: Path, text: str, complaint: str) -> None:
    done = check(file, text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert complaint.format(folder=file.parent) in done.stderr


def test_a_bad_default_in_the_definition_file_is_told_with_its_key(file: Path) -> None:
    (file.parent / "keys.properties").write_text("good=String\nopen=Boolean;yes\n")
    with pytest.raises(ConfigError) as caught:
        definition(file, FILE)
    [complaint] = caught.value.complaints
    assert complaint.startswith("metadata.definition_file: ")
    assert "key 'open': of 'open' the default 'yes' is neither true nor false" in complaint
