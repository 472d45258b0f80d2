# ruff: noqa: A002 - `id` is what published scripts call it
"""Sending sessions to the catalogue, with words of the script's own in the one document sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from beamsession.faces.scripting.connection import call
from beamsession.faces.scripting.records import Record, session_facts, session_number
from beamsession.faces.scripting.values import plain_object
from beamsession.faces.scripting.waiting import wait_for, wait_for_job
from beamsession.model.errors import RefusedError, WrongStateError
from beamsession.model.states import IngestState, SessionState


def session_ingest_scicat(
    id: int,
    matadata: Mapping[str, Any] = {},
    metadata: Mapping[str, Any] | None = None,
    *,
    parameters: str | None = None,
    timeout: float | None = 3600,
) -> tuple[str, str]:
    """Send a completed session to the catalogue, wait until it is there, and return the dataset's name and pid.

    `matadata` (or `metadata`, which is the same) are laid over the session's own in the document that is sent, and are
    not kept with the session: keys that are fields of a dataset become these, all others are scientific metadata. A
    session that is archived already is not sent again: its name and pid are returned, or the error ARCHIVED is raised
    where something was to be laid over. `parameters` are an external ingestor's options for this one call, in place of
    the configured ones; without such an ingestor they are refused. Raises the reason why the catalogue does not take
    it, and the error NOT_IN_TIME after `timeout` seconds (None: no limit).
    """
    return _ingested(id, {**matadata, **(metadata or {})}, parameters, timeout)


def ingest_scicat(
    id: int,
    matadata: Mapping[str, Any] = {},
    parameters: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    timeout: float | None = 3600,
) -> str:
    """The same as `session_ingest_scicat`; returns the dataset's pid alone."""
    return _ingested(id, {**matadata, **(metadata or {})}, parameters, timeout)[1]


def ingest_status() -> dict[str, Any]:
    """How the way to the catalogue stands: `counts` by state, the oldest that is not done, which catalogues answer."""
    return call("ingest_status")


def ingest_show(id: int) -> dict[str, Any]:
    """How far a session is on its way: its state, its datasets, what is wrong by field (`problems`), its history."""
    return call("ingest_show", session=session_number(id))


def ingest_retry(id: int | None = None, code: str | None = None) -> list[int]:
    """Try the ingest of a session again now, or of all that are parked (by reason `code`); the sessions taken."""
    return call("ingest_retry", session=None if id is None else session_number(id), code=code)


def ingest_cancel(id: int, *, force: bool = False, reason: str = "") -> str:
    """Give the ingest of a session up; what stays in the catalogue, empty if nothing can be there."""
    return call("ingest_cancel", session=session_number(id), force=force, reason=reason)


def ingest_dry_run(id: int = 0, *, remote: bool = False, timeout: float | None = 3600) -> dict[str, Any]:
    """Try the ingest of a session (0: the open one) out and send nothing: `would_go`, `problems`, `datasets`."""
    return wait_for_job(call("ingest_dry_run", session=id, remote=remote), timeout)


def ingest_payload(id: int = 0, *, files: bool = False, timeout: float | None = 3600) -> dict[str, Any]:
    """The documents that are sent for a session (0: the open one): frozen ones, or what they would be now."""
    return wait_for_job(call("ingest_payload", session=id, files=files), timeout)


def _ingested(
    session: int, overlay: Mapping[str, Any], parameters: str | None, timeout: float | None
) -> tuple[str, str]:
    number, document = session_number(session), plain_object(overlay)
    if _is_asked_for(number, document, parameters):
        return wait_for(lambda: _outcome(number), f"session {number} is not in the catalogue yet", timeout)
    if document:
        raise WrongStateError(
            f"Session {number} is archived; what the catalogue holds of it cannot be changed from here.",
            code="ARCHIVED",
            value=sorted(document),
            remedy="Ingest it without metadata of its own to be told its name and pid.",
        )
    return _recorded(session_facts(number))


def _is_asked_for(session: int, overlay: dict[str, Any], parameters: str | None) -> bool:
    """Whether it is on its way now; False if it is archived already."""
    try:
        call("ingest_request", session=session, overlay=overlay, parameters=parameters)
    except WrongStateError:
        if not _is_archived(session_facts(session)):
            raise
        return False
    return True


def _outcome(session: int) -> tuple[str, str] | None:
    """Name and pid once the catalogue has it, None as long as it is on its way; raises the reason why it is not."""
    ingest = call("ingest_show", session=session)
    match IngestState(ingest["state"]):
        case IngestState.DONE:
            return ingest["dataset_name"], ingest["pid"]
        case IngestState.PARKED | IngestState.CANCELLED as state:
            raise RefusedError(
                ingest["detail"] or f"The ingest of session {session} is {state.value}.",
                code=f"INGEST_{state.value.upper()}",
                value=session,
                remedy="Correct that, then ingest it again.",
            )
        case _:
            return None


def _is_archived(record: Record) -> bool:
    return record["state"] == SessionState.ARCHIVED


def _recorded(record: Record) -> tuple[str, str]:
    """What is recorded of a session that is archived; of one that came archived the name is that of the session."""
    name = (record["ingest"] or {}).get("dataset_name") or record["title"] or record["name"]
    return name, record["dataset_pid"]
