"""Which columns a person wants to see of a list, and which lines of one thing; a small table per verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from rich.text import Text

from beamsession.faces.cli import cells

Record = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """`of` makes the cell of a record. A column that is empty in all records is left out."""

    heading: str
    of: Callable[[Record], str | Text]
    right: bool = False


@dataclass(frozen=True)
class Page:
    """How a list that was cut at its limit goes on: with this argument, set to this `key` of its last record."""

    argument: str
    key: str


def _plain(*names: str, right: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, lambda item, name=name: cells.text(item.get(name)), right) for name in names)


def _state(name: str = "state") -> Column:
    return Column("state", lambda item: cells.state(item[name]))


def _only(name: str, value: Any, word: str) -> Column:
    """A column that speaks up about the exception only."""
    return Column(name, lambda item: word if item.get(name) == value else "")


def _title(item: Record) -> str:
    return "" if item.get("title") == item.get("name") else cells.text(item.get("title"))


def _file_name(item: Record) -> str:
    return PurePath(item["file"]).name if item.get("file") else ""


def _blocks(item: Record) -> str:
    """An older server does not tell: then it blocks."""
    return "yes" if item.get("blocks", True) else "no"


def _event_facts(item: Record) -> str:
    return ", ".join(
        f"{key} {shown}" for key, value in (item.get("payload") or {}).items() if (shown := cells.text(value))
    )


_RUNS = (
    *_plain("number", right=True),
    _state(),
    *_plain("start"),
    Column("duration", lambda item: cells.duration(item["start"], item.get("stop")), right=True),
    Column("frames", cells.frames, right=True),
    Column("missing", cells.missing, right=True),
    _only("enabled", False, "no"),
    *_plain("title"),
    Column("file", _file_name),
    *_plain("reason"),
)
_FILES = (
    *_plain("path"),
    Column("size", lambda item: "folder" if item.get("is_folder") else cells.size(item["size"]), right=True),
    *_plain("added"),
)
_INGEST = (
    _state(),
    *_plain("step", "attempts", "updated", "pid", "dataset_name", "detail"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "event_list": (
        *_plain("seq", right=True),
        *_plain("time", "kind"),
        *_plain("session", "run", right=True),
        *_plain("principal", "face"),
        Column("facts", _event_facts),
    ),
    "file_list": _FILES,
    "ingest_list": (*_plain("session_id", right=True), *_INGEST),
    "job_list": (
        *_plain("id", right=True),
        *_plain("kind"),
        _state(),
        Column("progress", lambda item: cells.percent(item["progress"]), right=True),
        *_plain("user", "created", "title", "detail"),
    ),
    "metadata_definition": (
        *_plain("name", "type", "default", "units", "choices"),
        _only("mandatory", True, "yes"),
        *_plain("help"),
    ),
    "refusal_list": _plain("time", "verb", "principal", "face", "code", "sentence", "arguments"),
    "run_check": (*_plain("code"), Column("blocks", _blocks), *_plain("sentence", "remedy")),
    "run_list": _RUNS,
    "session_list": (
        *_plain("id", right=True),
        *_plain("name"),
        Column("title", _title),
        _state(),
        *_plain("user", "proposal"),
        Column("start", lambda item: cells.minute(item["start"])),
        Column("stop", lambda item: cells.minute(item["stop"])),
        Column("runs", lambda item: cells.text(item.get("run_count") or None), right=True),
    ),
}
"""The columns of each list of records; a list without a table shows everything."""

LINES: dict[str, tuple[Column, ...]] = {
    "ingest_show": (*_plain("session_id"), *_INGEST, Column("overlay", lambda item: cells.pairs(item["overlay"]))),
    "job_show": (
        *_plain("id", "kind", "title"),
        _state(),
        Column("progress", lambda item: cells.percent(item["progress"])),
        *_plain("session_id", "user", "created", "updated", "detail"),
        Column("result", lambda item: cells.pairs(item["result"])),
    ),
    "run_quick_look_show": (
        *_plain("session", "number", "made", "folder", "thumbnail"),
        Column("files", lambda item: ", ".join(item["files"])),
        Column("complaints", lambda item: " ".join(item["complaints"])),
    ),
    "run_show": (
        *_plain("number", "title"),
        _state(),
        *_plain("reason", "start", "stop"),
        Column("duration", lambda item: cells.duration(item["start"], item.get("stop"))),
        Column("frames", cells.frames),
        Column("missing", cells.missing),
        *_plain("file", "origin"),
        _only("enabled", False, "no"),
        Column("detectors", lambda item: ", ".join(item["detectors"])),
        Column("metadata", lambda item: cells.pairs(item["metadata"])),
        *_plain("recorder"),
    ),
    "session_show": (
        *_plain("id", "name"),
        Column("title", _title),
        _state(),
        *_plain("user", "proposal", "start", "stop"),
        Column("duration", lambda item: cells.duration(item["start"], item.get("stop"))),
        Column("folder", lambda item: cells.text(item.get("root") or item.get("folder"))),
        *_plain("source", "dataset_pid"),
        Column("ingest", lambda item: _ingest_line(item.get("ingest"))),
        Column("metadata", lambda item: cells.pairs(item["metadata"])),
    ),
}
"""The lines of each object; an object without a table shows everything."""

_LOOKS = (
    *_plain("name", "kind"),
    *_plain("frames", "sampled", "min", "mean", "max", "saturated", right=True),
    *_plain("units"),
)
_READINGS = (
    *_plain("name"),
    *_plain("count", "first", "last", "min", "mean", "max", right=True),
    *_plain("units"),
)
NESTED = {
    "run_quick_look_show": {"detectors": _LOOKS, "readings": _READINGS},
    "session_show": {"runs": _RUNS, "files": _FILES},
}
"""Lists inside an object that are shown as tables below it."""

PAGES = {
    "event_list": Page("after", "seq"),
    "ingest_list": Page("before", "session_id"),
    "job_list": Page("before", "id"),
    "run_list": Page("after", "number"),
    "session_list": Page("before_id", "id"),
}


def _ingest_line(ingest: Record | None) -> str:
    if not ingest:
        return ""
    return f"{ingest['state']}: {ingest['detail']}" if ingest.get("detail") else ingest["state"]
