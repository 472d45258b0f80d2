"""What may be called what: session names and titles, proposals, detector names, and the path tokens made from them."""

from __future__ import annotations

import re
import unicodedata

from beamsession.model.errors import InvalidInputError

MAX_NAME = 200
MAX_TEXT = 10_000
UNNAMED = "unnamed"
UNKNOWN = "unknown"

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_PROPOSAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def session_name(text: str) -> str:
    """The name as it will be stored: blank becomes `unnamed`; slashes, `..` and control characters are refused."""
    name = text.strip()
    if not name:
        return UNNAMED
    _printable("The session name", name, MAX_NAME)
    if "/" in name or "\\" in name or ".." in name:
        raise InvalidInputError(
            "The session name holds a slash or '..', and it makes the data folder.",
            code="BAD_NAME",
            value=name,
            remedy="Use another sign, a dash for example.",
        )
    return name


def title(text: str) -> str:
    """A title of a session or a run: free printable text of up to 200 characters, may be empty."""
    stripped = text.strip()
    _printable("The title", stripped, MAX_NAME, code="BAD_TITLE")
    return stripped


def proposal(text: str) -> str:
    """A proposal number such as `p12345` or `2026-1.17`: letters, digits, dot, dash, underscore."""
    stripped = text.strip()
    if stripped and (not _PROPOSAL.fullmatch(stripped) or ".." in stripped):
        raise InvalidInputError(
            "The proposal may hold letters, digits, '.', '-' and '_' only, 80 at most.",
            code="BAD_PROPOSAL",
            value=shortened(stripped),
            remedy="Give the proposal number as the user office writes it.",
        )
    return stripped


def comment(text: str) -> str:
    """A comment: any text but control characters (line breaks are welcome), 10 000 characters at most."""
    stripped = text.strip()
    if not stripped:
        raise InvalidInputError("The comment is empty.", code="EMPTY_TEXT", remedy="Write what is to be kept.")
    _printable("The comment", stripped.replace("\n", " ").replace("\t", " "), MAX_TEXT, code="BAD_TEXT")
    return stripped


def is_identifier(text: str) -> bool:
    """Whether a detector, reading or constant may bear this name: it becomes an HDF5 and a file name."""
    return _IDENTIFIER.fullmatch(text) is not None


def path_token(text: str) -> str:
    """`text` as one harmless part of a path: ASCII letters, digits, `_`, `.`, `-`; never empty, never dots alone."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    token = _UNSAFE.sub("_", plain).strip("._")
    return token[:80] or UNNAMED


def shortened(text: str, limit: int = 120) -> str:
    """`text` cut for an error message, with its length where it was cut."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _printable(what: str, text: str, limit: int, code: str = "BAD_NAME") -> None:
    if len(text) > limit:
        raise InvalidInputError(
            f"{what} is {len(text)} characters long, {limit} are allowed.",
            code=code,
            value=shortened(text),
            remedy="Shorten it; longer text belongs in a comment or in the metadata.",
        )
    if not text.isprintable():
        raise InvalidInputError(
            f"{what} holds control characters.",
            code=code,
            value=ascii(shortened(text)),
            remedy="Remove line breaks, tabs and other invisible signs.",
        )
