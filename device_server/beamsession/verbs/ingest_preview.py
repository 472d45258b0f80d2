"""What an ingest would send, before it is sent: tried out, and shown as it is."""

from __future__ import annotations

from typing import Any

from beamsession.model.errors import WrongStateError
from beamsession.model.job import JobId, JobKind
from beamsession.model.permissions import Action
from beamsession.model.session import Session
from beamsession.model.states import SessionState
from beamsession.model.verb import Place
from beamsession.verbs.context import Context
from beamsession.verbs.ingest import require_catalogue
from beamsession.verbs.registry import verb


@verb(Action.EDIT, Place.DEVICE, tango="DryRunIngest")
def ingest_dry_run(ctx: Context, *, session: int = 0, remote: bool = False) -> JobId:
    """Try out the ingest of a session (0: the open one), and send nothing; return the job that does it.

    Its result has `would_go`, `problems` and `warnings` by field, and of each dataset its pid, files, bytes and blocks.
    With `remote` the catalogue is asked as well: the account and its groups, whether it would take each dataset,
    whether the pid is free, and what it knows of proposal, samples and instrument. Nothing is stored there.
    """
    title = "Try out the ingest of session {id}" + (" with the catalogue." if remote else ".")
    return _asked(ctx, JobKind.DRY_RUN, title, _previewed(ctx, session), {"remote": remote})


@verb(Action.EDIT, Place.DEVICE, tango="IngestPayload")
def ingest_payload(ctx: Context, *, session: int = 0, files: bool = False) -> JobId:
    """Show the documents that are sent for a session (0: the open one), as JSON; return the job that collects them.

    What is on its way is shown as it is frozen, else as it would be now: `source` tells. With `files` the lists of
    files are in it too, else their counts. What is too long for an answer is in a file, which the result names.
    """
    title = "Collect what the catalogue is told of session {id}."
    return _asked(ctx, JobKind.PAYLOAD, title, _previewed(ctx, session), {"files": files})


def _previewed(ctx: Context, session_id: int) -> Session:
    require_catalogue(ctx)
    found = ctx.session(session_id)
    if found.state is SessionState.CANCELLED:
        raise WrongStateError(
            f"Session {found.id} was cancelled, and its folder is gone.",
            value=found.id,
            remedy="Name a session that is open or completed.",
        )
    return found


def _asked(ctx: Context, kind: JobKind, title: str, session: Session, arguments: dict[str, Any]) -> JobId:
    told = {"session": session.id, **arguments}
    with ctx.change() as change:
        job = change.tx.new_job(kind, title.format(id=session.id), told, session_id=session.id)
        return JobId(change.reply(job.id))
