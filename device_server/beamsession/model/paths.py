"""Where a session's folder is: a template below the data root, filled with harmless tokens; where files may lie."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

from beamsession.model.errors import ConflictError, InvalidInputError
from beamsession.model.names import path_token

DEFAULT_TEMPLATE = "{year}/{proposal}/{session:06d}_{name}"
NO_PROPOSAL = "no-proposal"
_TOKENS = {"year", "month", "day", "proposal", "session", "name", "instrument"}


def check_template(template: str) -> str:
    """The template itself if every token in it is known and it makes one folder per session; ValueError otherwise."""
    fields = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
    unknown = fields - _TOKENS
    if unknown:
        raise ValueError(f"unknown token {{{sorted(unknown)[0]}}}; known are {', '.join(sorted(_TOKENS))}")
    if "session" not in fields:
        raise ValueError("the template needs {session}, or two sessions would share a folder")
    if template.startswith("/") or ".." in template:
        raise ValueError("the template must be relative to the data root and without '..'")
    try:
        _filled(template, 1, "name", "proposal", "instrument", datetime(2000, 1, 1, tzinfo=UTC))
    except (ValueError, TypeError, LookupError, AttributeError) as fault:
        raise ValueError(f"the template cannot be filled in: {fault}") from fault
    return template


def session_folder(
    template: str, *, session_id: int, name: str, proposal: str, instrument: str, start: datetime
) -> str:
    """The session's folder relative to the data root, with forward slashes."""
    return _filled(template, session_id, name, proposal, instrument, start)


def is_data(path: Path, session_id: int | None) -> ConflictError:
    """The error about a file that must not be written because it is data, of this session where that is known."""
    whose = f"session {session_id}" if session_id is not None else "a session"
    return ConflictError(
        f"{path} is data of {whose}, or would lie among them.",
        code="FILE_IS_DATA",
        value=str(path),
        remedy="Name a file outside the folders of sessions and outside folders that were added to one.",
    )


def _filled(template: str, session_id: int, name: str, proposal: str, instrument: str, start: datetime) -> str:
    return template.format(
        year=f"{start.year:04d}",
        month=f"{start.month:02d}",
        day=f"{start.day:02d}",
        proposal=path_token(proposal) if proposal else NO_PROPOSAL,
        session=session_id,
        name=path_token(name),
        instrument=path_token(instrument),
    )


def require_inside(path: Path, roots: tuple[Path, ...]) -> None:
    """Raise InvalidInputError unless the resolved `path` lies inside one of `roots`."""
    if not any(path.is_relative_to(root) for root in roots):
        allowed = ", ".join(dict.fromkeys(str(root) for root in roots))
        raise InvalidInputError(
            f"{path} lies outside the folders that files may be in.",
            code="OUTSIDE_ROOTS",
            value=str(path),
            remedy=f"Name a path below one of: {allowed}; or add its folder to data.allowed_roots.",
        )
