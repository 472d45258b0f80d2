"""The examples of the scripting pages run as they stand, and the reference page is the one of the present functions."""

from __future__ import annotations

import pytest
from docs.generate.scripting_page import scripting_page

from beamsession import sessions
from markdown_blocks import ROOT, Example, examples
from scripting_rig import ScriptingRig

REFERENCE, HOW_TO = ROOT / "docs/reference/scripting.md", ROOT / "docs/how-to/move-from-pshell.md"


@pytest.mark.parametrize("example", [item for item in examples("python") if item.page in (REFERENCE, HOW_TO)], ids=str)
def test_an_example_runs(rig: ScriptingRig, example: Example) -> None:
    exec(compile(example.text, str(example), "exec"), {})  # a whole script, in names of its own


def test_every_function_is_on_the_reference_page() -> None:
    text = REFERENCE.read_text(encoding="utf-8")

    assert text == scripting_page(), "write it again with `make pages`"
    assert all(f"### {name}\n" in text for name in sessions.__all__ if name != "BeamsessionError")
