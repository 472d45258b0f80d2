"""Markdown made by programs: tables whose cells may hold anything, and the note that says who wrote the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTE = "<!-- Written by `python -m docs.generate`: change the code it describes, not this page. -->"


def page(title: str, *blocks: str) -> str:
    """A whole page."""
    return "\n\n".join([NOTE, f"# {title}", *(block.strip() for block in blocks)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; line breaks and bars inside a cell are made harmless."""
    lines = [list(head), ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """`text` in one cell; what looks like a tag is shown as it is, unless it stands in code."""
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))


def code(text: str) -> str:
    """`text` as code, nothing for nothing."""
    return f"`{text}`" if text else ""
