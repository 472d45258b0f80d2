"""A file of events, one JSON line each in the order of their numbers: none missing, none twice, whatever crashed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from beamsession.archive.line_file import LineFile
from beamsession.model.event import Event, chain_hash
from beamsession.model.plan import FileRules

_EVENT = TypeAdapter(Event)


class EventLines:
    """Appends events to one file; what is there already is found by its sequence number."""

    def __init__(self, path: Path, rules: FileRules) -> None:
        self._lines = LineFile(path, rules, key="seq")

    def append(self, events: Iterable[Event]) -> int:
        """Append those events that come after the last one in the file; how many that were. Raises OSError."""
        ordered = sorted(events, key=lambda event: event.seq)
        if not ordered:
            return 0
        last = self.last_seq()
        fresh = [event.as_json() for event in ordered if event.seq > last]
        self._lines.append(fresh)
        return len(fresh)

    def read(self) -> Iterator[dict[str, Any]]:
        """The events in the file in their JSON form; damaged lines are left out."""
        return (found for _, found in self._lines.read() if found is not None)

    def events(self, on_damage: Callable[[int], None]) -> Iterator[Event]:
        """The events whose hash fits their fields; `on_damage` gets the line number (from 1) of each other one."""
        for number, found in self._lines.read():
            event = event_from_json(found) if found is not None else None
            if event is None:
                on_damage(number)
            else:
                yield event

    def last_seq(self) -> int:
        """The number of the last whole event, 0 if there is none."""
        last = self._lines.last()
        return int(last["seq"]) if last else 0


def event_from_json(found: dict[str, Any]) -> Event | None:
    """The event that `Event.as_json` described; None where its hash does not fit."""
    try:
        event = _EVENT.validate_python({**found, "session_id": found["session"], "run_number": found["run"]})
        return event if chain_hash(event) == event.hash else None
    except (KeyError, ValidationError, ValueError):
        return None
