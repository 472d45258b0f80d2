"""Every TOML example in the pages is a configuration that is accepted, whole or beside the required tables."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from beamsession.config import json_schema, parse
from markdown_blocks import Example, examples

_REQUIRED: dict[str, Any] = {"instrument": {"name": "p99"}, "data": {"root": "/data"}}


def _configuration(example: Example) -> dict[str, Any]:
    data = tomllib.loads(example.text)
    return data if example.info == "toml" else {**_REQUIRED, **data}


@pytest.mark.parametrize("example", examples("toml", "toml fragment"), ids=str)
def test_a_configuration_example_is_accepted(example: Example) -> None:
    data = _configuration(example)

    parse(data, Path(str(example)))
    Draft202012Validator(json_schema()).validate(data)


def test_a_misspelt_key_in_an_example_would_be_found() -> None:
    [first, *_] = examples("toml")
    data = _configuration(first)

    data["data"]["rot"] = "/data"

    assert not Draft202012Validator(json_schema()).is_valid(data)
