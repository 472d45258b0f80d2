"""The page about metadata definitions shows a definition file that is read, and rules that hold."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from beamsession.config import load
from beamsession.model.definition import MetadataDefinition
from beamsession.model.errors import InvalidInputError
from markdown_blocks import ROOT, examples

_PAGE = ROOT / "docs" / "how-to" / "define-metadata.md"
_REQUIRED = '[instrument]\nname = "p99"\n[data]\nroot = "/data"\n'


def _block(info: str) -> str:
    [text] = [example.text for example in examples(info) if example.page == _PAGE]
    return text


def _definition(toml: str, folder: Path) -> MetadataDefinition:
    file = folder / "beamline.toml"
    file.write_text(_REQUIRED + toml)
    return load(file).instrument_value().definition


def test_the_definition_file_of_the_page_is_read_and_the_toml_wins_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "session_metadata.properties").write_text(_block("properties"))
    definition = _definition(_block("toml metadata"), tmp_path)
    assert definition.names == ("operator", "energy", "attempts")
    assert definition.typed_defaults() == {"operator": "", "energy": 12.4, "attempts": 1}
    assert definition.units_of() == {"energy": "keV"}


def test_the_keys_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    definition = _definition(_block("toml fragment"), tmp_path)
    assert definition.at_start({"sample": 5, "energy": "8"}) == {"sample": "5", "energy": 8.0}
    pair = {"value": 12400.0, "unit": "eV"}
    assert definition.at_start({"sample": "x", "energy": pair})["energy"] == pair
    for values, code in [
        (None, "MANDATORY_METADATA"),
        ({"sample": "x", "energy": ""}, "BAD_METADATA_VALUE"),
        ({"sample": "x", "mode": "stop"}, "BAD_METADATA_VALUE"),
    ]:
        with pytest.raises(InvalidInputError) as caught:
            definition.at_start(values)
        assert caught.value.code == code


def test_the_fragment_of_the_page_is_the_only_one_and_is_toml() -> None:
    assert "metadata" in tomllib.loads(_block("toml fragment"))
