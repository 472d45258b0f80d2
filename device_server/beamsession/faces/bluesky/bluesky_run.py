"""What one Bluesky run has told so far, and what the session is to know of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from beamsession.faces.bluesky.frame_stream import OWN
from beamsession.faces.bluesky.plain_document import plain_document

MARK = "beamsession"
"""The key of a start document that tells which session records this Bluesky run."""

_MAX_METADATA = 8000


@dataclass
class BlueskyRun:
    """Collects the documents of a run; `files` are those that others than our recorder wrote.

    `own` is the run of the session that holds its frames, as session/number, empty without one.
    """

    start: Mapping[str, Any]
    files: list[str] = field(default_factory=list)
    own: str = ""

    @property
    def uid(self) -> str:
        return str(self.start["uid"])

    @property
    def is_recorded(self) -> bool:
        """Whether it is a run of the session already."""
        return MARK in self.start

    @property
    def words(self) -> str:
        """What it is called in comments and titles."""
        return " ".join(str(self.start[key]) for key in ("plan_name", "scan_id") if key in self.start) or "a plan"

    @property
    def metadata(self) -> dict[str, Any]:
        """Its start document, as a run of the session keeps it."""
        return {"bluesky": plain_document(self.start, MARK)}

    def add_file(self, name: str, doc: Mapping[str, Any]) -> None:
        """Note the file of a stream_resource or resource document, unless it is our own."""
        if own := doc.get("parameters", {}).get(OWN):
            self.own = own
            return
        path = _path_of_uri(doc.get("uri", "")) if name == "stream_resource" else _path_of_resource(doc)
        if path and path not in self.files:
            self.files.append(path)

    def begun(self) -> str:
        """The comment at its start."""
        told = json.dumps(plain_document(self.start, MARK, "uid", "plan_name", "scan_id", "time"), ensure_ascii=False)
        more = told if len(told) <= _MAX_METADATA else f"{told[:_MAX_METADATA]}…"
        return f"Bluesky run {self.words} has begun, uid {self.uid}: {more}"

    def ended(self, stop: Mapping[str, Any]) -> str:
        """The comment at its end."""
        because = f": {stop['reason']}" if stop.get("reason") else ""
        events = ", ".join(f"{count} of {name}" for name, count in (stop.get("num_events") or {}).items())
        recorded = f", recorded as run {self.own.rpartition('/')[2]}" if self.own else ""
        status = f"{stop['exit_status']}{because}"
        return f"Bluesky run {self.words} ended, uid {self.uid}{recorded}: {status} (events: {events or 0})"


def _path_of_uri(uri: str) -> str:
    parts = urlparse(uri)
    return unquote(parts.path) if parts.scheme == "file" else ""


def _path_of_resource(doc: Mapping[str, Any]) -> str:
    return str(Path(doc.get("root") or "/") / str(doc.get("resource_path", "")).lstrip("/"))
