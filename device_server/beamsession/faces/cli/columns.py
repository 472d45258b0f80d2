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


def _ingest_facts(item: Record) -> str:
    """Of an event about an ingest what a person follows it by; the rest is above the history."""
    payload = item.get("payload") or {}
    told = (str(payload.get(key) or "") for key in ("step", "code", "detail", "pid", "link"))
    return " · ".join(filter(None, told))


def _oldest(item: Record, session: str, age: str) -> str:
    if not item.get(session):
        return ""
    return f"session {item[session]}, {item[age] / 3600:.1f} h"


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
    *_plain("step", "attempts", "updated", "next_try", "code", "pid", "dataset_name", "detail"),
)
_COMPLAINTS = _plain("severity", "field", "setting", "said", "remedy")
_PLANNED = (
    *_plain("pid", "run", "name", "owner_group"),
    *_plain("files", right=True),
    Column("size", lambda item: cells.size(item["bytes"]), right=True),
    Column("blocks", lambda item: str(item["blocks"]["count"]), right=True),
    Column("largest request", lambda item: cells.size(item["blocks"]["largest_json_bytes"]), right=True),
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
    "ingest_dry_run": (
        *_plain("session", "level"),
        Column("would go", lambda item: "yes" if item["would_go"] else "no"),
        *_plain("dataset_count", "files"),
        Column("size", lambda item: cells.size(item["bytes"])),
        Column("catalogue", lambda item: cells.pairs(item.get("catalogue") or {})),
        Column("outside", lambda item: ", ".join(item.get("outside") or [])),
    ),
    "ingest_show": (
        *_plain("session_id"),
        *_INGEST,
        Column("status", lambda item: str(item.get("status") or "")),
        *_plain("said", "dataset_link"),
        Column("overlay", lambda item: cells.pairs(item["overlay"])),
        Column("datasets", lambda item: cells.datasets(item["datasets"])),
    ),
    "ingest_status": (
        Column("ingests", lambda item: cells.pairs({key: count for key, count in item["counts"].items() if count})),
        Column("oldest", lambda item: _oldest(item, "oldest_session", "oldest_age_s")),
        Column("oldest pending", lambda item: _oldest(item, "oldest_pending_session", "oldest_pending_age_s")),
        *_plain("archived_last_hour", "archived_per_hour"),
        Column("parked for", lambda item: cells.pairs(item["parked_codes"])),
    ),
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
        *_plain("source", "dataset_pid", "dataset_link"),
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
    "ingest_dry_run": {"problems": _COMPLAINTS, "warnings": _COMPLAINTS, "datasets": _PLANNED},
    "ingest_show": {
        "problems": _COMPLAINTS,
        "history": (*_plain("time", "kind"), Column("facts", _ingest_facts)),
    },
    "ingest_status": {"catalogues": _plain("target", "state", "since", "reason")},
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
