"""Ordinary sessions and runs for the tests of the store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from beamsession.model.principal import Caller, Principal, Role
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import Session
from beamsession.model.states import RunIntent, RunState
from beamsession.store import Store, Transaction

INSTRUMENT = "beamline"
CALLER = Caller(Principal("Łukasz", Role.STAFF), face="cli")


def folder(session_id: int, start: datetime) -> str:
    return f"{start.year}/{session_id:06d}"


def new_session(transaction: Transaction, name: str = "scan", **given: Any) -> Session:
    facts: dict[str, Any] = {"title": "", "user": "ana", "proposal": "p1", "metadata": {}, "folder": folder} | given
    return transaction.new_session(name=name, **facts)


def new_run(transaction: Transaction, session: Session, **given: Any) -> Run:
    facts: dict[str, Any] = {
        "origin": RunOrigin.RECORDED,
        "state": RunState.PREPARING,
        "intent": RunIntent.RECORD,
        "title": "",
        "frames": None,
        "detectors": ("camera",),
        "metadata": {},
        "recorder": "recorder",
    } | given
    return transaction.new_run(session, **facts)


def start_session(store: Store, name: str = "scan", instrument: str = INSTRUMENT, **given: Any) -> Session:
    """A session started in a transaction of its own."""
    with store.transaction(CALLER, instrument) as transaction:
        session = new_session(transaction, name, **given)
        transaction.event("session_started", session_id=session.id, name=name)
    return session


def note(store: Store, kind: str = "comment", instrument: str = INSTRUMENT, **payload: Any) -> None:
    """An event in a transaction of its own."""
    with store.transaction(CALLER, instrument) as transaction:
        transaction.event(kind, **payload)
