"""Names people give, and the folders made of them: whatever is accepted stays inside the data root."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beamsession.model import names
from beamsession.model.errors import InvalidInputError
from beamsession.model.paths import DEFAULT_TEMPLATE, check_template, require_inside, session_folder

START = datetime(2026, 11, 21, 10, 42, tzinfo=UTC)
ROOT = Path("/data")
anything = st.text(max_size=250) | st.text(alphabet="./\\ ab\0\n_-Ł", max_size=20)


def accepted(rule: Callable[[str], str], text: str) -> str | None:
    try:
        return rule(text)
    except InvalidInputError as error:
        refusal = error
    assert refusal.code.startswith("BAD_")
    assert refusal.remedy
    refusal.text.encode()  # the sentence itself can be shown everywhere
    return None


@given(anything, anything)
@example("..", "..")
@example("con:", ".hidden")
def test_an_accepted_name_makes_one_folder_inside_the_root(name: str, proposal: str) -> None:
    stored, number = accepted(names.session_name, name), accepted(names.proposal, proposal)
    if stored is None or number is None:
        return
    folder = session_folder(
        DEFAULT_TEMPLATE, session_id=7, name=stored, proposal=number, instrument="beamline", start=START
    )
    parts = PurePosixPath(folder).parts
    assert len(parts) == 3
    assert (ROOT / folder).resolve().is_relative_to(ROOT)
    assert folder.isascii()
    assert parts[0] == "2026"
    assert parts[2].startswith("000007_")
    assert all(len(part) <= 255 and set(part) != {"."} for part in parts)


@given(st.text(max_size=250))
def test_a_stored_name_is_stable_short_and_printable(name: str) -> None:
    stored = accepted(names.session_name, name)
    if stored is not None:
        assert names.session_name(stored) == stored
        assert 0 < len(stored) <= names.MAX_NAME
        assert stored.isprintable()


@given(anything)
def test_a_path_token_is_one_harmless_part(text: str) -> None:
    token = names.path_token(text)
    assert 0 < len(token) <= 80
    assert token.isascii()
    assert not set(token) & set("/\\\0 :\n")
    assert token.strip(".") == token or token.rstrip(".")


@pytest.mark.parametrize("text", ["", "  ", "\t"])
def test_a_blank_name_becomes_unnamed(text: str) -> None:
    assert names.session_name(text) == "unnamed"


@pytest.mark.parametrize(
    ("text", "token"), [("Łukasz 2θ", "ukasz_2"), ("é", "e"), ("...", "unnamed"), ("漢", "unnamed")]
)
def test_signs_beyond_ascii_never_reach_the_disk(text: str, token: str) -> None:
    assert names.path_token(text) == token


@pytest.mark.parametrize("text", ["a/b", "a\\b", "..", "a..b", "a\nb", "\x00", "\ud800", "x" * 201, "\u202egpj"])
def test_names_that_could_mislead_are_refused_with_what_was_given(text: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        names.session_name(text)
    assert refusal.value.code == "BAD_NAME"
    assert refusal.value.value


@pytest.mark.parametrize("text", ["../etc", "a b", "-x", "p" * 81, "p..1", "é"])
def test_proposals_are_what_a_user_office_writes(text: str) -> None:
    assert names.proposal(" 2026-1.17 ") == "2026-1.17"
    assert names.proposal(" ") == ""
    with pytest.raises(InvalidInputError):
        names.proposal(text)


def test_comments_keep_their_lines_and_refuse_other_control_signs() -> None:
    assert names.comment(" first\n\tsecond ") == "first\n\tsecond"
    for text, code in (("", "EMPTY_TEXT"), (" \n", "EMPTY_TEXT"), ("bell\x07", "BAD_TEXT"), ("x" * 10_001, "BAD_TEXT")):
        with pytest.raises(InvalidInputError) as refusal:
            names.comment(text)
        assert refusal.value.code == code


@given(st.text(max_size=60))
def test_identifiers_can_name_files_groups_and_variables(text: str) -> None:
    if names.is_identifier(text):
        assert text.isidentifier()
        assert text.isascii()
        assert len(text) <= 40
        assert unicodedata.normalize("NFKC", text) == text


def test_text_in_messages_is_cut_with_its_length() -> None:
    assert names.shortened("x" * 120) == "x" * 120
    assert names.shortened("x" * 121) == "x" * 120 + "… (121 characters)"


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{year}/{visit}/{session}", "unknown token {visit}"),
        ("{year}/{name}", "needs {session}"),
        ("/data/{session}", "relative"),
        ("../{session}", "without '..'"),
        ("{session", "'}'"),
        ("{}/{session}", "unknown token {}"),
        ("{session.real}", "unknown token"),
        ("{session:06d}_{name:06d}", "cannot be filled in"),
        ("{session:s}", "cannot be filled in"),
        ("{session!z}", "cannot be filled in"),
        ("{session:{name}}", "cannot be filled in"),
    ],
)
def test_a_template_that_cannot_work_is_found_in_the_configuration(template: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_template(template)


def test_every_token_can_be_used() -> None:
    template = "{instrument}/{year}{month}{day}/{proposal}/{session:04d}_{name}"
    assert check_template(template) == template
    folder = session_folder(template, session_id=12, name="a b", proposal="", instrument="beamline-1", start=START)
    assert folder == "beamline-1/20261121/no-proposal/0012_a_b"


def test_files_come_from_the_allowed_roots_only() -> None:
    roots = (Path("/data"), Path("/scratch/x"))
    for path in ("/data", "/data/a", "/scratch/x/y"):
        require_inside(Path(path), roots)
    for path in ("/database/z", "/scratch", "/scratch/xy", "/"):
        with pytest.raises(InvalidInputError) as refusal:
            require_inside(Path(path), roots)
        assert refusal.value.code == "OUTSIDE_ROOTS"
        assert "/scratch/x" in refusal.value.remedy
