"""Java properties text, and the session definitions that are written in it: `key = Type` or `key = Type;default`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import ValidationError

from beamsession.model.definition import MetadataKey
from beamsession.model.errors import InvalidInputError
from beamsession.model.metadata_type import MetadataType
from beamsession.model.names import shortened

_LINE_END = re.compile(r"\r\n|\r|\n")
_BLANKS = " \t\f"
_KEY = re.compile(r"((?:[^\\=: \t\f]|\\.)*)[ \t\f]*[=:]?[ \t\f]*", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_MEANT = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_TYPES = {kind.value: kind for kind in MetadataType}


def read_properties(text: str) -> list[tuple[str, str]]:
    """The pairs of key and value in order; of a key that occurs twice the last value, at its first place.

    Half a surrogate pair becomes U+FFFD. Raises InvalidInputError BAD_PROPERTIES for an escape `\\u` without four
    hexadecimal digits. The format is that of java.util.Properties.load, but a backslash alone at the end of the text
    is nothing, where Java makes an empty key of it.
    """
    found: dict[str, str] = {}
    for line in _logical_lines(text):
        match = _KEY.match(line)
        assert match is not None, "the pattern matches an empty text too"
        found[_unescaped(match[1])] = _unescaped(line[match.end() :])
    return list(found.items())


def read_definition(text: str) -> tuple[MetadataKey, ...]:
    """The keys of a session definition; a type that is not known is String, as the file's own readers take it.

    Raises InvalidInputError BAD_PROPERTIES, which names each key whose name or default cannot be used.
    """
    keys: list[MetadataKey] = []
    faults: list[str] = []
    for name, word, default in _entries(text):
        kind = _TYPES.get(word, MetadataType.STRING)
        try:
            keys.append(MetadataKey(name=name, type=kind, default=default or None))
        except ValidationError as fault:
            reasons = (str(error["msg"]).removeprefix("Value error, ") for error in fault.errors())
            faults.append(f"key {shortened(name)!r}: {', '.join(reasons)}")
    if faults:
        raise InvalidInputError(
            f"The definition cannot be used: {'; '.join(faults)}.",
            code="BAD_PROPERTIES",
            remedy="Correct the keys named, or remove them.",
        )
    return tuple(keys)


def unknown_types(text: str) -> dict[str, str]:
    """The word that a session definition gives as type of a key where it is none: misspelt, most likely."""
    return {name: word for name, word, _ in _entries(text) if word and word not in _TYPES}


def _entries(text: str) -> Iterator[tuple[str, str, str]]:
    for name, value in read_properties(text):
        word, _, default = value.partition(";")
        yield name, word.strip(), default.strip()


def _logical_lines(text: str) -> Iterator[str]:
    """Lines with their continuations, without comments, blank lines and leading blanks."""
    line = ""
    for natural in _LINE_END.split(text):
        part = natural.lstrip(_BLANKS)
        if not line and part.startswith(("#", "!")):
            continue
        if _is_continued(part):
            line += part[:-1]
            continue
        if line + part:
            yield line + part
        line = ""
    if line:
        yield line


def _is_continued(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescaped(text: str) -> str:
    plain = _ESCAPE.sub(_meaning, text)
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _meaning(escape: re.Match[str]) -> str:
    said = escape[1]
    if len(said) > 1:
        return chr(int(said[1:], 16))
    if said == "u":
        near = escape.string[escape.start() : escape.start() + 6]
        raise InvalidInputError(
            f"The escape {near!r} has no four hexadecimal digits.",
            code="BAD_PROPERTIES",
            value=near,
            remedy="Write \\u and four digits, or two backslashes for one.",
        )
    return _MEANT.get(said, said)
