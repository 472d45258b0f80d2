"""Links between pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from markdown_blocks import ROOT, pages, prose

_LINK = re.compile(r"\[[^\]\[]*\]\((?P<target>[^()\s]+)\)")
_HEADING = re.compile(r"^#+ +(?P<text>.+)$", re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of headings."""
    headings = (found["text"].strip().lower() for found in _HEADING.finditer(prose(page)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    broken: list[str] = []
    for found in _LINK.finditer(prose(page)):
        target, _, anchor = found["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            broken.append(found["target"])
    assert not broken


def test_every_page_below_docs_can_be_reached_from_its_index() -> None:
    index = ROOT / "docs" / "README.md"
    reached: set[Path] = set()
    todo = [index]
    while todo:
        page = todo.pop()
        reached.add(page)
        linked = {(page.parent / found["target"].partition("#")[0]).resolve() for found in _LINK.finditer(prose(page))}
        todo += [path for path in linked if path.suffix == ".md" and path.exists() and path not in reached]
    assert {page for page in pages() if page.is_relative_to(index.parent)} <= reached
