"""The [[hooks]] tables: what is accepted, what is refused, and that the instrument knows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beamsession.config import Beamline, ConfigError, parse
from beamsession.model.hook import HookEvent
from beamsession.model.instrument import AddedFiles


def beamline(*hooks: dict[str, Any], **data: Any) -> Beamline:
    return parse({"instrument": {"name": "p99"}, "data": {"root": "/data", **data}, "hooks": hooks}, Path("b.toml"))


def test_hooks_reach_the_instrument_in_their_order() -> None:
    found = beamline(
        {"name": "first", "on": "run_finished", "command": ["/bin/true"]},
        {"name": "second", "on": "session_finished", "entry_point": "second", "timeout_s": 5},
    )
    hooks = found.instrument_value().hooks
    assert [(hook.name, hook.on) for hook in hooks] == [
        ("first", HookEvent.RUN_FINISHED),
        ("second", HookEvent.SESSION_FINISHED),
    ]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"on": "run_begun"}, "on"),
        ({"command": ["true"]}, "absolute"),
        ({"command": []}, "entry_point"),
        ({"entry_point": "x"}, "either"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"name": "two words"}, "name"),
    ],
)
def test_a_hook_that_cannot_work_is_refused_by_its_key(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        beamline({"name": "good", "on": "run_finished", "command": ["/bin/true"], **wrong})


def test_two_hooks_of_one_name_are_refused() -> None:
    hook = {"name": "twin", "on": "run_finished", "command": ["/bin/true"]}
    with pytest.raises(ConfigError, match="'twin' names two hooks"):
        beamline(hook, {**hook, "on": "session_finished"})


def test_files_from_outside_are_copied_unless_told_otherwise() -> None:
    assert beamline().instrument_value().added_files is AddedFiles.COPY
    assert beamline(added_files="reference").instrument_value().added_files is AddedFiles.REFERENCE
