"""The table of this folder is complete, and names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

_HERE = Path(__file__).parent
_ROW = re.compile(r"^\| (?P<number>\d+|by reading) \| .+ \| `(?P<test>test_\w+)` \|$", re.MULTILINE)
ROWS = [(found["number"], found["test"]) for found in _ROW.finditer((_HERE / "README.md").read_text())]


def names_in(*files: Path) -> set[str]:
    """The names of all test functions in these files."""
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text())))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_number_has_a_test() -> None:
    assert {number for number, _ in ROWS} == {*map(str, range(1, 16)), "by reading"}


def test_every_test_that_is_named_exists() -> None:
    assert {test for _, test in ROWS} <= names_in(*_HERE.parent.rglob("test_*.py"))


def test_every_test_of_this_folder_is_named() -> None:
    others = [file for file in _HERE.glob("test_*.py") if file.name != Path(__file__).name]
    assert names_in(*others) <= {test for _, test in ROWS}
