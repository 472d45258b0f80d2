"""Pages for a person who wants to see what is in the catalogue."""

from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import quote, unquote

from .answers import Answer
from .backend import Backend
from .state import Document

_PREFIX = "/catalogue/"
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem;border-bottom:1px solid #ddd;"
    "vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    "pre{background:#f6f6f6;padding:1rem;overflow:auto}.note{color:#666}"
)
_STEP = 1024


def page(backend: Backend, method: str, path: str) -> Answer | None:
    """The page at `path`, or None if there is none."""
    if method != "GET":
        return None
    if path == "/":
        return Answer(200, text=_overview(backend))
    if path.startswith(_PREFIX):
        dataset = backend.state.datasets.get(unquote(path.removeprefix(_PREFIX)))
        if dataset is None:
            return Answer(404, text=_document("No such dataset", "<p>It is not in this catalogue.</p>"))
        return Answer(200, text=_details(backend, dataset))
    return None


def _document(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{content}</body></html>"
    )


def _table(headings: list[tuple[str, bool]], rows: list[list[str]]) -> str:
    """A table; each heading says whether its column holds numbers. Cells are HTML."""
    kinds = [' class="n"' if number else "" for _, number in headings]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, (name, _) in zip(kinds, headings, strict=True))
    lines = ("".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _overview(backend: Backend) -> str:
    newest_first = sorted(backend.state.datasets.values(), key=lambda dataset: dataset["createdAt"], reverse=True)
    rows = [
        [
            f'<a href="{_PREFIX}{quote(dataset["pid"], safe="")}">{_text(dataset.get("datasetName"))}</a>',
            _text(dataset["pid"]),
            str(dataset["numberOfFiles"]),
            human_size(dataset["size"]),
            _text(dataset["createdAt"]),
        ]
        for dataset in newest_first
    ]
    headings = [("Name", False), ("PID", False), ("Files", True), ("Size", True), ("Created", False)]
    content = _table(headings, rows) if rows else "<p>There are no datasets yet.</p>"
    note = f'<p class="note">A simulated SciCat {backend.profile.value}; nothing here is kept for long.</p>'
    return _document("Data catalogue", note + content)


def _details(backend: Backend, dataset: Document) -> str:
    blocks = backend.state.blocks_of(dataset["pid"])
    rows = [
        [_text(file["path"]), human_size(file["size"]), _text(file["time"]), _text(file.get("chk"))]
        for block in blocks
        for file in block["dataFileList"]
    ]
    known = ("pid", "ownerGroup", "accessGroups", "sourceFolder", "creationTime", "description", "proposalIds")
    facts = [[escape(key), _text(dataset[key])] for key in known if dataset.get(key)]
    metadata = escape(json.dumps(dataset["scientificMetadata"], indent=2, ensure_ascii=False))
    files = _table([("File", False), ("Size", True), ("Time", False), ("Checksum", False)], rows)
    return _document(
        str(dataset.get("datasetName")),
        f'<p><a href="/">All datasets</a></p>{_table([("", False), ("", False)], facts)}'
        f"<h2>Files ({len(rows)})</h2>{files}<h2>Scientific metadata</h2><pre>{metadata}</pre>",
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return escape(", ".join(map(str, value)))
    return "" if value is None else escape(str(value))


def human_size(size: float) -> str:
    """Bytes in the largest unit that leaves at least one before the point."""
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    index = 0
    while abs(size) >= _STEP and index < len(units) - 1:
        size /= _STEP
        index += 1
    return f"{size:.0f} B" if index == 0 else f"{size:.1f} {units[index]}"
