"""Sessions that leave and come: as a ZIP archive, from the folders of other programs."""

from __future__ import annotations

from typing import Any

from beamsession.model.errors import ConflictError, InvalidInputError
from beamsession.model.job import JobId, JobKind
from beamsession.model.permissions import Action
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.path import existing_path, new_file_path
from beamsession.verbs.registry import verb

_SUFFIX = ".zip"


@verb(Action.OPERATE, Place.DEVICE)
def session_zip(
    ctx: Context,
    *,
    file_name: str,
    session: int = 0,
    preserve_folder_structure: bool = True,
    overwrite: bool = False,
) -> JobId:
    """Write the files of a session (0: the open one) into a ZIP archive; return the job that does it.

    `file_name` is a path of the server's host that ends in .zip, below the data root or an allowed root and in no
    session's folder; a relative one counts from the data root. Without the folder structure all files are side by side.
    The archive is there as soon as it is whole.
    """
    found = ctx.session(session)
    target = new_file_path(ctx, file_name, (_SUFFIX,))
    facts = ctx.recorder.stat(target)
    if facts.is_folder or (facts.exists and not overwrite):
        raise ConflictError(
            f"{target} is there already.",
            code="FILE_EXISTS",
            value=str(target),
            remedy="Give another name" + ("." if facts.is_folder else ", or ask to overwrite it."),
        )
    arguments = {
        "session": found.id,
        "target": str(target),
        "keep_folders": preserve_folder_structure,
        "overwrite": overwrite,
    }
    return _asked(ctx, JobKind.ZIP, f"Write session {found.id} into {target.name}.", arguments, found.id)


@verb(Action.OPERATE, Place.DEVICE)
def session_import(ctx: Context, *, path: str) -> JobId:
    """Import a session's folder that another program wrote, or a folder of many; return the job that does it.

    Nothing is copied and nothing is imported twice. The path must lie below the data root or an allowed root.
    """
    facts = existing_path(ctx, ctx.instrument.data_root, path)
    if not facts.is_folder:
        raise InvalidInputError(
            f"{facts.path} is no folder.",
            code="BAD_PATH",
            value=str(facts.path),
            remedy="Give the folder of a session, or the folder that holds many.",
        )
    arguments = {"path": str(facts.path)}
    return _asked(ctx, JobKind.IMPORT, f"Import the sessions in {facts.path}.", arguments, None)


def _asked(ctx: Context, kind: JobKind, title: str, arguments: dict[str, Any], session_id: int | None) -> JobId:
    with ctx.change() as change:
        job = change.tx.new_job(kind, title, arguments, session_id=session_id)
        return JobId(change.reply(job.id))
