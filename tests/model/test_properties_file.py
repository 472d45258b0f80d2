"""Java properties text is read as Java reads it; a definition file becomes keys, or one error names the bad ones."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamsession.model.errors import InvalidInputError
from beamsession.model.properties import read_definition, read_properties, unknown_types

TEXT = st.text(st.characters(exclude_categories=("Cs",)) | st.sampled_from("\\=:#! \t\n\r\f;😀"), max_size=12)
ESCAPED = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", **{sign: f"\\{sign}" for sign in "\\=:#! "}}


def hexadecimal(sign: str) -> str:
    """`sign` as one escape, or as two where UTF-16 needs a surrogate pair."""
    code = sign.encode("utf-16-be").hex()
    return "".join(f"\\u{code[place : place + 4]}" for place in range(0, len(code), 4))


@st.composite
def written(draw: st.DrawFn, text: str) -> str:
    """`text` as somebody may write it: escaped or not where both are right, continued on new lines before any sign."""
    parts: list[str] = []
    for sign in text:
        if draw(st.integers(0, 9)) == 0:
            parts.append("\\" + draw(st.sampled_from(["\n", "\r\n", "\r"])) + draw(st.sampled_from(["", "  ", "\t"])))
        parts.append(draw(st.sampled_from([ESCAPED.get(sign, sign), hexadecimal(sign)])))
    return "".join(parts)


@st.composite
def files(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """A properties text and what it says."""
    pairs = draw(st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=5))
    text = ""
    for key, value in pairs:
        text += draw(st.sampled_from(["", "# a = b\\\n", " ! x\r\n", "\n", " \t\r"]))
        blank = draw(st.sampled_from(["", " ", "\t"]))
        text += blank + draw(written(key)) + draw(st.sampled_from(["=", ":", " = ", "\t:", " "])) + draw(written(value))
        text += draw(st.sampled_from(["\n", "\r\n", "\r"]))
    return text, dict(pairs)


@given(files())
def test_what_was_written_is_read_back_in_order(case: tuple[str, dict[str, str]]) -> None:
    text, pairs = case
    assert read_properties(text) == list(pairs.items())


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("  # a=1\n\t! b=2\n\n \t\n", []),
        ("# no continuation \\\na=1", [("a", "1")]),
        ("a=1\nb : 2\nc 3\nd", [("a", "1"), ("b", "2"), ("c", "3"), ("d", "")]),
        ("a = = b", [("a", "= b")]),
        ("a\\ b\\=\\:c=d\\ ", [("a b=:c", "d ")]),
        ("a=1 \t", [("a", "1 \t")]),
        ("a=1\\\n   2\\\r\n\t3", [("a", "123")]),
        ("a=1\\\n#2", [("a", "1#2")]),
        ("a=1\\\n\nb=2", [("a", "1"), ("b", "2")]),
        ("\\\na=1", [("a", "1")]),
        ("\\\n#a=1\nb=2", [("b", "2")]),
        ("a=1\n\\", [("a", "1")]),
        ("a=1\\\\\nb=2", [("a", "1\\"), ("b", "2")]),
        ("a=1\\", [("a", "1")]),
        ("a=\\t\\n\\q\\u0041\\uD83D\\uDE00", [("a", "\t\nqA😀")]),
        ("a=\\uD83Dx", [("a", "\ufffdx")]),
        ("=1", [("", "1")]),
        ("a=1\nb=2\na=3", [("a", "3"), ("b", "2")]),
    ],
)
def test_the_edges_of_the_format(text: str, pairs: list[tuple[str, str]]) -> None:
    assert read_properties(text) == pairs


@pytest.mark.parametrize("text", ["a=\\u12", "a=\\uXYZW", "\\u = 1"])
def test_an_escape_without_its_digits_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="four hexadecimal digits") as caught:
        read_properties(text)
    assert caught.value.code == "BAD_PROPERTIES"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(InvalidInputError):
        assert all(key.name.strip() for key in read_definition(text))


def test_a_definition_has_types_and_defaults() -> None:
    text = """
        # made by the editor
        sample = String ; CeO2; or glass
        energy = Double;12.40
        count=Integer
        empty=Integer;
        open:Boolean;TRUE
        list = List;[1, 2]
        note = String;
        bare
    """
    keys = read_definition(text)
    assert [(key.name, key.type.value, key.default, key.typed_default) for key in keys] == [
        ("sample", "String", "CeO2; or glass", "CeO2; or glass"),
        ("energy", "Double", "12.40", 12.4),
        ("count", "Integer", None, None),
        ("empty", "Integer", None, None),
        ("open", "Boolean", "TRUE", True),
        ("list", "List", "[1, 2]", [1, 2]),
        ("note", "String", None, ""),
        ("bare", "String", None, ""),
    ]
    assert unknown_types(text) == {}


def test_a_type_that_is_not_known_is_string_and_is_told() -> None:
    text = "a = integer;5\nb = Float\nc = Double"
    assert [(key.type.value, key.default) for key in read_definition(text)] == [
        ("String", "5"),
        ("String", None),
        ("Double", None),
    ]
    assert unknown_types(text) == {"a": "integer", "b": "Float"}


def test_every_key_that_cannot_be_used_is_named() -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_definition("good=String\ncount=Integer;many\n=String\nopen=Boolean;yes")
    assert caught.value.code == "BAD_PROPERTIES"
    for part in ("key 'count': of 'count' the default 'many' is no integer", "key '': must be", "key 'open': "):
        assert part in caught.value.sentence
    assert "good" not in caught.value.sentence
