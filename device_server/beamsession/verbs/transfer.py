"""Sessions that leave and come: as a ZIP archive, from the folders of other programs."""

from __future__ import annotations

from typing import Any

from beamsession.model.errors import ConflictError, InvalidInputError
from beamsession.model.job import JobId, JobKind
from beamsession.model.permissions import Action
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.path import existing_path, normal_path, start_of_relative_paths
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

    `file_name` is a path of the server's host that ends in .zip, below the data root or an allowed root; a relative one
    counts from the data root. Without the folder structure all files are side by side. The archive is there as soon as
    it is whole.
    """
    found = ctx.session(session)
    target = normal_path(ctx, ctx.instrument.data_root, file_name)
    if target.suffix.lower() != _SUFFIX:
        raise InvalidInputError(
            f"{target.name} does not end in {_SUFFIX}.",
            code="BAD_PATH",
            value=str(target),
            remedy=f"Give the archive a name such as {target.stem}{_SUFFIX}; nothing else is ever overwritten.",
        )
    target = existing_path(ctx, target.parent, str(target.parent)).path / target.name
    facts = ctx.recorder.stat(target)
    is_data = ctx.store.file(found.id, str(target)) or ctx.store.run_with_file(found.id, str(target))
    if facts.is_folder or is_data or (facts.exists and not overwrite):
        raise ConflictError(
            f"{target} is there already.",
            code="FILE_EXISTS",
            value=str(target),
            remedy="Give another name" + (", or ask to overwrite it." if facts.exists and not is_data else "."),
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
    facts = existing_path(ctx, start_of_relative_paths(ctx, ""), path)
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
