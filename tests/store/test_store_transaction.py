"""A transaction is all or nothing, and nothing is acknowledged that is not kept."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import pytest

from beamsession.model.errors import ConflictError, UnavailableError
from beamsession.model.session import Session
from beamsession.model.states import SessionState
from beamsession.store import Store
from store_samples import CALLER, INSTRUMENT, new_run, new_session, note, start_session


class InterruptionError(Exception):
    """Raised by the tests inside a transaction."""


def test_an_exception_leaves_nothing_behind(store: Store) -> None:
    note(store)
    before = store.head()
    with pytest.raises(InterruptionError):
        start_and_be_interrupted(store)
    assert store.head() == before
    assert store.open_session(INSTRUMENT) is None
    assert store.session_ids(INSTRUMENT) == []
    assert store.last_run(INSTRUMENT) is None
    assert store.reply(INSTRUMENT, "request") is None
    assert store.verify_chain().is_intact


def start_and_be_interrupted(store: Store) -> None:
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        session = new_session(transaction)
        new_run(transaction, session)
        transaction.event("session_started", session_id=session.id)
        transaction.remember("request", "start", "hash", session.id)
        raise InterruptionError


def test_a_change_without_an_event_is_refused(store: Store) -> None:
    with pytest.raises(RuntimeError, match="event"), store.transaction(CALLER, INSTRUMENT) as transaction:
        new_session(transaction)
    assert store.session_ids(INSTRUMENT) == []


def test_a_look_needs_no_event(store: Store) -> None:
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        assert transaction.open_session(INSTRUMENT) is None
    assert store.head()[0] == 0


def test_a_transaction_sees_its_own_changes_and_others_do_not(store: Store) -> None:
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        session = new_session(transaction)
        event = transaction.event("session_started", session_id=session.id)
        assert transaction.open_session(INSTRUMENT) == session
        assert transaction.events() == [event]
        assert transaction.head() == (1, event.hash)
        assert store.open_session(INSTRUMENT) is None
        assert store.head()[0] == 0
    assert store.open_session(INSTRUMENT) == session
    assert session.start == transaction.now == event.time


def test_a_stale_change_is_a_conflict_and_changes_nothing(store: Store) -> None:
    stale = start_session(store)
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        fresh = transaction.change_session(stale, state=SessionState.PAUSED)
        transaction.event("session_paused", session_id=stale.id)
    with pytest.raises(ConflictError) as conflict:
        complete(store, stale)
    assert conflict.value.code == "CONFLICT"
    assert conflict.value.value == {"version": 1, "state": "STARTED"}
    assert store.session(stale.id) == fresh
    assert store.head()[0] == 2


def complete(store: Store, session: Session) -> None:
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.event("session_completed", session_id=session.id)
        transaction.change_session(session, state=SessionState.COMPLETED)


def test_a_stale_run_is_a_conflict(store: Store) -> None:
    session = start_session(store)
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        stale = new_run(transaction, session)
        fresh = transaction.change_run(stale, file="/data/run_0001.nxs")
        transaction.event("run_started")
    with pytest.raises(ConflictError), store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.change_run(stale, acknowledged=True)
    assert store.run(session.id, 1) == fresh


def test_a_swallowed_database_error_does_not_end_in_a_commit(store: Store) -> None:
    first = start_session(store)
    complete(store, first)
    start_session(store)
    with pytest.raises(RuntimeError, match="cannot be committed"):
        reopen_in_vain(store, first.id)
    assert store.head()[0] == 3


def reopen_in_vain(store: Store, session_id: int) -> None:
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.event("attempt")
        with contextlib.suppress(ConflictError):
            transaction.change_session(store.session(session_id), state=SessionState.PAUSED)


def test_ids_are_never_given_twice(store: Store) -> None:
    first = start_session(store)
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.change_session(first, state=SessionState.CANCELLED)
        high = new_session(transaction, floor=100)
        transaction.event("restarted")
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.change_session(high, state=SessionState.CANCELLED)
        low = new_session(transaction, floor=5)
        transaction.event("restarted")
    assert (first.id, high.id, low.id) == (1, 101, 102)
    assert store.session_ids(INSTRUMENT) == [102, 101, 1]
    assert store.session_ids(INSTRUMENT, limit=1) == [102]


def test_a_reply_is_kept_with_its_change_for_a_week(store: Store) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    with store.transaction(CALLER, INSTRUMENT, clock=lambda: noon) as transaction:
        session = new_session(transaction)
        transaction.event("session_started", session_id=session.id)
        transaction.remember("request-1", "start", "hash", {"id": session.id, "text": "Łukasz 2θ"})
    reply = store.reply(INSTRUMENT, "request-1")
    assert reply is not None
    assert (reply.verb, reply.arguments_hash, reply.time) == ("start", "hash", noon)
    assert reply.value == {"id": session.id, "text": "Łukasz 2θ"}
    assert store.reply("other", "request-1") is None
    with pytest.raises(ConflictError), store.transaction(CALLER, INSTRUMENT, clock=lambda: noon) as transaction:
        transaction.remember("request-1", "start", "hash", None)
    later = noon + timedelta(days=7, seconds=1)
    with store.transaction(CALLER, INSTRUMENT, clock=lambda: later) as transaction:
        transaction.remember("request-2", "start", "hash", None)
    assert store.reply(INSTRUMENT, "request-1") is None
    assert store.reply(INSTRUMENT, "request-2") is not None


def test_a_reader_does_not_wait_for_an_open_transaction(url: str, store: Store) -> None:
    session = start_session(store)
    answers: list[object] = []
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.change_session(session, title="changed")
        transaction.event("session_renamed")

        def read() -> None:
            other = Store.open(url, migrate=False)
            answers.extend([store.session(session.id), other.session(session.id), other.verify_chain().checked])
            other.close()

        reader = threading.Thread(target=read)
        reader.start()
        reader.join(timeout=60)
        assert answers == [session, session, 1]
    assert store.session(session.id).title == "changed"


def test_a_second_writer_is_told_when_the_store_stays_busy(url: str, store: Store) -> None:
    impatient = Store.open(url, patience=0.2)
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.event("long")
        with pytest.raises(UnavailableError) as busy, impatient.transaction(CALLER, INSTRUMENT):
            pass
    assert busy.value.code == "STORE_BUSY"
    assert busy.value.remedy
    note(impatient)
    impatient.close()
    assert store.head()[0] == 2
