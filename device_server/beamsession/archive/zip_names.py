"""Names of entries in a ZIP archive: harmless wherever it is unpacked, and no two that some system takes for one."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

# A backslash is a path separator where many archives are unpacked; lone surrogates stand for bytes that are no UTF-8.
_HARMFUL = re.compile(r"[\x00-\x1f\x7f/\\\ud800-\udfff]")
_LONE = re.compile(r"[\ud800-\udfff]")
_DRIVE = re.compile(r"(?=[A-Za-z]:)(.):")


class EntryNames:
    """Gives out entry names, each once.

    Names that differ only by case, or by how accents are composed, are the same name: so many file systems see it.
    """

    def __init__(self) -> None:
        self._last_number: dict[str, int] = {}

    def claim(self, folder: str, name: str) -> str:
        """The entry name for `name` in `folder` (empty, or ending in a slash); `name_2.ext` if that is taken."""
        part = harmless(name) if folder else _DRIVE.sub(r"\1%3A", harmless(name))
        candidate = folder + part
        wanted = _key(candidate)
        while (key := _key(candidate)) in self._last_number:
            self._last_number[wanted] += 1
            candidate = folder + _numbered(part, self._last_number[wanted])
        self._last_number[key] = 1
        return candidate


def harmless(name: str) -> str:
    """`name` as one part of an entry name: separators, control characters, bytes that are no UTF-8 become `%5C`."""
    if name in ("", ".", ".."):
        return "%2E" * len(name) or "unnamed"
    return _HARMFUL.sub(_escaped, name)


def printable(path: str) -> str:
    """`path` for a report: bytes that are no UTF-8 as `%FF`, all else as it is."""
    return _LONE.sub(_escaped, path)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"%{code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code:02X}"


def _numbered(part: str, number: int) -> str:
    path = PurePosixPath(part)
    return f"{path.stem}_{number}{path.suffix}"


def _key(name: str) -> str:
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
