"""Paths that clients name: on the server's host, existing, and inside the allowed roots."""

from __future__ import annotations

import os.path
from pathlib import Path

from beamsession.model.errors import InvalidInputError, NotFoundError
from beamsession.model.names import shortened
from beamsession.model.paths import require_inside
from beamsession.model.report import FileFacts
from beamsession.model.session import Session
from beamsession.verbs.context import Context

_MAX_PATH = 4096


def existing_path(ctx: Context, session: Session, text: str) -> FileFacts:
    """Facts about the path `text`; a relative one counts from the session's folder.

    Raises InvalidInputError (BAD_PATH, OUTSIDE_ROOTS), NotFoundError (FILE_NOT_FOUND) and UnavailableError where the
    recorder's host does not answer. Symbolic links are followed before the roots are checked.
    """
    stripped = text.strip()
    if not stripped or len(stripped) > _MAX_PATH or not stripped.isprintable():
        raise InvalidInputError(
            "The path is empty, longer than 4096 characters, or holds control characters.",
            code="BAD_PATH",
            value=ascii(shortened(stripped)),
            remedy="Give the path of a file on the server's host.",
        )
    folder = ctx.instrument.data_root / session.folder
    path = Path(os.path.normpath(folder / stripped))
    roots = ctx.instrument.roots
    require_inside(path, roots)
    facts = ctx.recorder.stat(path)
    if not facts.exists:
        raise NotFoundError(
            f"{path} does not exist on the server's host.",
            code="FILE_NOT_FOUND",
            value=str(path),
            remedy="Give the path as the recorder's host sees it.",
        )
    require_inside(facts.path, tuple(Path(os.path.realpath(root)) for root in roots) + roots)
    return facts
