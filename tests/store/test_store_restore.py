"""A store is made again from its contents: everything the same, or nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from beamsession.model.errors import BeamsessionError, ConflictError, RefusedError
from beamsession.model.event import Event
from beamsession.model.session import AddedFile, Ingest
from beamsession.model.session_query import SessionQuery
from beamsession.model.states import IngestState, RunState, SessionState
from beamsession.store import Store
from beamsession.store.restore import StoreContents, merged, require_whole, restore
from store_samples import CALLER, INSTRUMENT, new_run, new_session, note, start_session


@pytest.fixture
def lost(tmp_path_factory: pytest.TempPathFactory) -> StoreContents:
    """What was in a store of two instruments: sessions in every state, runs, a file, an ingest."""
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('lost')}/store.db")
    for name in ("Łukasz 2θ", "second", "third"):
        with store.transaction(CALLER, INSTRUMENT) as tx:
            session = new_session(tx, name, title="A Title", metadata={"energy": {"value": 12.4, "unit": "keV"}})
            run = new_run(tx, session, metadata={"x": [1, None]})
            tx.change_run(run, state=RunState.COMPLETED, stop=tx.now, report={"accounts": []}, file=f"/data/{name}.nxs")
            tx.add_file(AddedFile(session.id, f"/data/{name}.txt", tx.now, 3, tx.now))
            tx.change_session(session, state=SessionState.COMPLETED, stop=tx.now)
            tx.set_ingest(Ingest(session.id, IngestState.PARKED, tx.now, detail="why", overlay={"a": 1}))
            tx.event("session_started", session_id=session.id, name=name)
            tx.event("session_completed", session_id=session.id)
    start_session(store, "open", "other")
    note(store, text="the last")
    contents = contents_of(store)
    store.close()
    return contents


def contents_of(store: Store, **changes: Any) -> StoreContents:
    """All that can be read of a store."""
    sessions = sorted(store.sessions(SessionQuery()), key=lambda session: session.id)
    contents = StoreContents(
        sessions=sessions,
        runs=[run for session in sessions for run in store.runs(session.id)],
        files=[file for session in sessions for file in store.files(session.id)],
        ingests=store.ingests(),
        events=store.events(limit=100_000),
        last_session_id=max(session.id for session in sessions),
    )
    return replace(contents, **changes)


def rebuilt(url: str, contents: StoreContents) -> Store:
    restore(url, contents, CALLER, [INSTRUMENT, "other"])
    return Store.open(url)


def refused(url: str, contents: StoreContents) -> BeamsessionError:
    with pytest.raises(RefusedError) as caught:
        restore(url, contents, CALLER, [INSTRUMENT])
    return caught.value


def without(events: Sequence[Event], *numbers: int) -> list[Event]:
    return [event for event in events if event.seq not in numbers]


def test_everything_is_the_same_and_the_log_says_that_it_was_rebuilt(url: str, lost: StoreContents) -> None:
    store = rebuilt(url, lost)
    found = contents_of(store)
    count = len(lost.events)
    assert replace(found, events=found.events[:count]) == lost
    assert store.verify_chain().is_intact
    ends = found.events[count:]
    assert [(event.kind, event.instrument) for event in ends] == [
        ("store_rebuilt", INSTRUMENT),
        ("store_rebuilt", "other"),
    ]
    assert ends[0].payload == {"sessions": 4, "runs": 3, "files": 3, "events": 8, "jobs": 0, "missing": []}
    assert (ends[0].principal, ends[0].face) == (CALLER.principal.name, CALLER.face)
    store.close()


def test_searches_and_sources_work_as_before(url: str, lost: StoreContents) -> None:
    sessions = [replace(lost.sessions[0], source="pshell:/x"), *lost.sessions[1:]]
    store = rebuilt(url, replace(lost, sessions=sessions))
    assert [session.id for session in store.sessions(SessionQuery(text="łukasz"))] == [1]
    found = store.session_from(INSTRUMENT, "pshell:/x")
    assert found is not None
    assert found.id == 1
    assert store.run_with_file(1, "/data/Łukasz 2θ.nxs") is not None
    assert store.file(1, "/data/Łukasz 2θ.txt") is not None
    store.close()


def test_no_id_comes_again(url: str, lost: StoreContents) -> None:
    store = rebuilt(url, replace(lost, last_session_id=70))
    with store.transaction(CALLER, INSTRUMENT) as tx:
        session = new_session(tx)
        run = new_run(tx, session)
        event = tx.event("session_started", session_id=session.id)
    assert (session.id, run.id, event.seq) == (71, 4, len(lost.events) + 3)
    store.close()


def test_runs_that_only_events_tell_of_get_the_ids_that_nobody_has(url: str, lost: StoreContents) -> None:
    runs = [lost.runs[0], replace(lost.runs[1], id=0), lost.runs[2]]
    store = rebuilt(url, replace(lost, runs=runs))
    assert store.run(2, 1).id == 2
    store.close()


def test_a_store_that_has_anything_is_left_alone(url: str, lost: StoreContents) -> None:
    store = Store.open(url)
    note(store)
    before = store.head()
    assert refused(url, lost).code == "STORE_NOT_EMPTY"
    assert store.head() == before
    assert store.sessions(SessionQuery()) == []
    store.close()


def test_an_event_that_was_changed_is_found_and_nothing_is_written(url: str, lost: StoreContents) -> None:
    events = [replace(event, kind="other") if event.seq == 3 else event for event in lost.events]
    error = refused(url, replace(lost, events=events))
    assert (error.code, error.value) == ("CHAIN_BROKEN", 3)
    store = Store.open(url)
    assert store.sessions(SessionQuery()) == []
    assert store.head()[0] == 0
    store.close()


def test_gaps_are_refused_with_their_numbers(lost: StoreContents) -> None:
    require_whole(lost.events)
    with pytest.raises(RefusedError, match="Events 1, 3-4, 7 are in none") as caught:
        require_whole(without(lost.events, 1, 3, 4, 7))
    assert caught.value.code == "EVENTS_MISSING"


def test_a_log_with_holes_names_them_and_the_rest_is_proven(url: str, lost: StoreContents) -> None:
    store = rebuilt(url, replace(lost, events=without(lost.events, 1, 3, 4)))
    report = store.verify_chain()
    assert (report.first_bad, report.holes, report.is_intact) == (None, ((1, 1), (3, 4)), False)
    assert report.checked == len(lost.events) - 3 + 2
    assert "1, 3-4" in report.reason
    require_whole(store.events())
    note(store)
    assert store.verify_chain().checked == report.checked + 1
    store.close()


def test_a_change_beside_a_hole_is_found(url: str, lost: StoreContents) -> None:
    events = [replace(event, role="user") if event.seq == 6 else event for event in without(lost.events, 3)]
    error = refused(url, replace(lost, events=events))
    assert (error.code, error.value) == ("CHAIN_BROKEN", 6)


def test_a_hole_that_no_rebuild_has_declared_is_a_fault(url: str, lost: StoreContents) -> None:
    store = rebuilt(url, replace(lost, events=without(lost.events, 3)))
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM events WHERE seq = 6"))
    engine.dispose()
    report = store.verify_chain()
    assert (report.checked, report.first_bad, report.holes) == (4, 6, ((3, 3),))
    store.close()


def test_logs_of_several_instruments_become_one(lost: StoreContents) -> None:
    parts = [[event for event in lost.events if event.instrument == name] for name in ("other", INSTRUMENT)]
    assert list(merged(parts)) == list(lost.events)


def test_logs_of_different_stores_do_not_become_one(lost: StoreContents) -> None:
    with pytest.raises(ConflictError) as caught:
        merged([lost.events, [replace(lost.events[0], hash="0" * 64)]])
    assert caught.value.code == "EVENTS_DIFFER"
