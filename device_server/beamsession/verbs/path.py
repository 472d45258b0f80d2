"""Paths that clients name: on the server's host, existing, and inside the allowed roots."""

from __future__ import annotations

import os.path
from pathlib import Path

from beamsession.archive.inside_roots import below_roots
from beamsession.model.errors import InvalidInputError, NotFoundError
from beamsession.model.names import shortened
from beamsession.model.own_names import SESSION_FILE
from beamsession.model.paths import is_data
from beamsession.model.report import FileFacts
from beamsession.model.session import Session
from beamsession.verbs.context import Context

_MAX_PATH = 4096


def start_of_relative_paths(ctx: Context, root: str) -> Path:
    """The folder that relative paths count from: `root`, which must be an allowed one, or else the data root."""
    return normal_path(ctx, ctx.instrument.data_root, root) if root.strip() else ctx.instrument.data_root


def folder_of(ctx: Context, session: Session) -> Path:
    """The session's folder on the server's host."""
    return ctx.instrument.data_root / session.folder


def normal_path(ctx: Context, base: Path, text: str) -> Path:
    """The path `text`, relative to `base` or absolute, without `..`; InvalidInputError (BAD_PATH, OUTSIDE_ROOTS)."""
    stripped = text.strip()
    if not stripped or len(stripped) > _MAX_PATH or not stripped.isprintable():
        raise InvalidInputError(
            "The path is empty, longer than 4096 characters, or holds control characters.",
            code="BAD_PATH",
            value=ascii(shortened(stripped)),
            remedy="Give the path of a file on the server's host.",
        )
    return below_roots(Path(os.path.normpath(base / stripped)), ctx.instrument.roots)


def existing_path(ctx: Context, base: Path, text: str) -> FileFacts:
    """Facts about the path `text`; a relative one counts from the folder `base`.

    Raises InvalidInputError (BAD_PATH, OUTSIDE_ROOTS), NotFoundError (FILE_NOT_FOUND) and UnavailableError where the
    recorder's host does not answer. Symbolic links are followed before the roots are checked.
    """
    path = normal_path(ctx, base, text)
    facts = ctx.recorder.stat(path)
    if not facts.exists:
        raise NotFoundError(
            f"{path} does not exist on the server's host.",
            code="FILE_NOT_FOUND",
            value=str(path),
            remedy="Give the path as the recorder's host sees it.",
        )
    return facts.model_copy(update={"path": below_roots(facts.path, ctx.instrument.roots)})


def new_file_path(ctx: Context, file_name: str, suffixes: tuple[str, ...]) -> Path:
    """Where a file for people may be made: in a folder that exists, and not where any session has data.

    Raises InvalidInputError (BAD_PATH, OUTSIDE_ROOTS), NotFoundError FILE_NOT_FOUND for the folder, and ConflictError
    FILE_IS_DATA. Whether the file itself is there is not asked.
    """
    named = normal_path(ctx, ctx.instrument.data_root, file_name)
    if named.suffix.lower() not in suffixes:
        raise InvalidInputError(
            f"{named.name} does not end in {' or '.join(suffixes)}.",
            code="BAD_PATH",
            value=str(named),
            remedy=f"Give the file a name such as {named.stem}{suffixes[0]}; nothing else is ever overwritten.",
        )
    target = existing_path(ctx, named.parent, str(named.parent)).path / named.name
    for path in dict.fromkeys((named, target)):
        ctx.store.require_no_data(path, ctx.instrument.data_root)
    # The folder of a session that this store does not know, or that a link has led to.
    for folder in target.parents:
        is_below = any(folder.is_relative_to(root) for root in ctx.instrument.roots)
        if is_below and ctx.recorder.stat(folder / SESSION_FILE).exists:
            raise is_data(target, None)
    return target


def require_no_sessions_in(ctx: Context, path: Path) -> None:
    """Raise InvalidInputError HOLDS_SESSIONS where the folder `path` has the data root or sessions' folders in it."""
    root = ctx.instrument.data_root
    is_below = path != root and path.is_relative_to(root)
    if root.is_relative_to(path) or (is_below and ctx.store.session_below(path.relative_to(root).as_posix())):
        raise InvalidInputError(
            f"{path} is a folder that the data of sessions lie in.",
            code="HOLDS_SESSIONS",
            value=str(path),
            remedy="Name files, or folders that belong to this session alone.",
        )
