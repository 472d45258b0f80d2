"""`session.json`: what a session is, for people and programs that have only the folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from beamsession.model.errors import InvalidInputError
from beamsession.model.names import shortened
from beamsession.model.plain import plain
from beamsession.model.run import Run
from beamsession.model.session import AddedFile, Ingest, Session

FORMAT = 2
_SESSION = TypeAdapter(Session)
_INGEST = TypeAdapter(Ingest | None)
_RUNS = TypeAdapter(tuple[Run, ...])
_FILES = TypeAdapter(tuple[AddedFile, ...])


@dataclass(frozen=True)
class SessionDocument:
    """What `session.json` says. In format 1 runs and files stood in it too: there they are, None in format 2."""

    session: Session
    ingest: Ingest | None = None
    inside: tuple[tuple[Run, ...], tuple[AddedFile, ...]] | None = None


def session_document(session: Session, ingest: Ingest | None = None) -> bytes:
    """The content of `session.json`: the same for the same state, so that it is written only when it changes."""
    document: dict[str, Any] = {"format": FORMAT, "session": plain(session)}
    if ingest is not None:
        document["ingest"] = plain(ingest)
    # Half a surrogate pair is no UTF-8; written with a backslash it is the JSON escape of itself.
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode(errors="backslashreplace")


def parse_session_document(content: bytes) -> SessionDocument:
    """What `content` says. Raises InvalidInputError BAD_SESSION_FILE."""
    try:
        document = json.loads(content)
        format_number = document["format"]
        if format_number not in (1, FORMAT):
            raise _bad(f"its format is {shortened(repr(format_number))}, understood are 1 and {FORMAT}")
        session = _SESSION.validate_python(document["session"])
        if format_number == FORMAT:
            return SessionDocument(session, _INGEST.validate_python(document.get("ingest")))
        runs, files = _RUNS.validate_python(document["runs"]), _FILES.validate_python(document["files"])
        return _from_format_1(session, runs, files)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _bad(f"{where}: {first['msg']}") from fault
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as fault:
        raise _bad(f"{type(fault).__name__}: {fault}") from fault


def _from_format_1(session: Session, runs: tuple[Run, ...], files: tuple[AddedFile, ...]) -> SessionDocument:
    """Counts and places that format 1 did not say, for nothing could be moved then."""
    highest = max((run.number for run in runs), default=0)
    return SessionDocument(
        session=replace(session, run_count=len(runs), last_run_number=highest),
        inside=(tuple(replace(run, recorded_in=session.id, recorded_as=run.number) for run in runs), files),
    )


def _bad(reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"A session.json cannot be understood: {reason}.",
        code="BAD_SESSION_FILE",
        remedy="Restore the file from a copy of the folder.",
    )
