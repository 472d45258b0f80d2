"""What the answer of a command does not say and its user must know."""

from __future__ import annotations

from typing import Any

from beamsession.faces.cli.road import Road

_OPENING = {"session_start": "session_started", "session_restart": "session_restarted"}
_PAGE = 1000


def afterword(road: Road, verb: str, answer: Any) -> str:
    """A sentence about the session that was open before the one that was just opened; empty where there was none."""
    if verb not in _OPENING:
        return ""
    told, after = "", 0
    while page := road.ask("event_list", {"session": answer, "after": after, "limit": _PAGE}):
        for event in page:
            if event["kind"] == _OPENING[verb]:
                told = (event["payload"].get("previous") or {}).get("sentence", "")
        after = page[-1]["seq"]
    return told
