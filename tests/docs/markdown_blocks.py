"""Every Markdown page of the repository and the examples in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FOLDERS = ("docs", "deploy", "db", "simulators", "tests", "pogo")


@dataclass(frozen=True)
class Example:
    """A fenced block; `info` is what stands behind the fence."""

    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def pages() -> tuple[Path, ...]:
    """All pages, the front page first."""
    below = (path for folder in _FOLDERS for path in (ROOT / folder).rglob("*.md"))
    return (*sorted(ROOT.glob("*.md")), *sorted(below))


def examples(*infos: str) -> list[Example]:
    """The blocks of all pages with one of these infos."""
    return [example for page in pages() for example in _of(page) if example.info in infos]


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def _of(page: Path) -> Iterator[Example]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Example(page, text.count("\n", 0, found.start()) + 1, found["info"].strip(), found["text"])
