# ruff: noqa: A002 - `id` is what published scripts call it
"""Sending sessions to the catalogue, with words of the script's own in the one document sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from beamsession.faces.scripting.connection import call
from beamsession.faces.scripting.records import Record, session_facts, session_number
from beamsession.faces.scripting.values import plain_object
from beamsession.faces.scripting.waiting import wait_for
from beamsession.model.errors import RefusedError, WrongStateError
from beamsession.model.states import IngestState, SessionState


def session_ingest_scicat(
    id: int,
    matadata: Mapping[str, Any] = {},
    metadata: Mapping[str, Any] | None = None,
    *,
    timeout: float | None = 3600,
) -> tuple[str, str]:
    """Send a completed session to the catalogue, wait until it is there, and return the dataset's name and pid.

    `matadata` (or `metadata`, which is the same) are laid over the session's own in the document that is sent, and are
    not kept with the session: keys that are fields of a dataset become these, all others are scientific metadata. A
    session that is archived already is not sent again: its name and pid are returned, or the error ARCHIVED is raised
    where something was to be laid over. Raises the reason why the catalogue does not take it, and the error
    NOT_IN_TIME after `timeout` seconds (None: no limit).
    """
    return _ingested(id, {**matadata, **(metadata or {})}, None, timeout)


def ingest_scicat(
    id: int,
    matadata: Mapping[str, Any] = {},
    parameters: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    timeout: float | None = 3600,
) -> str:
    """The same as `session_ingest_scicat`; returns the dataset's pid alone.

    `parameters` were options of a command line; there is none any more, so anything but None is refused with the
    reason.
    """
    return _ingested(id, {**matadata, **(metadata or {})}, parameters, timeout)[1]


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
