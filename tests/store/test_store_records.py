"""What is put into the store comes out of it unchanged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from beamsession.model.errors import ConflictError, InvalidInputError, NotFoundError
from beamsession.model.run import RunOrigin
from beamsession.model.session import AddedFile, Ingest
from beamsession.model.session_query import SessionQuery
from beamsession.model.states import IngestState, RunIntent, RunState, SessionState
from beamsession.store import Store
from store_samples import CALLER, INSTRUMENT, new_run, new_session, note, start_session

WARSAW = timezone(timedelta(hours=2))
METADATA = {
    "sample": "Łukasz 2θ",
    "nul and surrogate": "\x00\ud800",
    "big": 2**80,
    "tiny": 5e-324,
    "third": 1 / 3,
    "list": [None, True, {"deep": []}],
}


def test_a_session_comes_back_as_it_went_in(store: Store) -> None:
    start = datetime(2026, 7, 1, 12, 0, 0, 123457, tzinfo=WARSAW)
    begun = start_session(store, "Łukasz 2θ", title="τ", user="Łukasz", proposal="p7", metadata=METADATA, start=start)
    found = store.session(begun.id)
    assert found == begun
    assert found.metadata == METADATA
    assert found.start == start
    assert found.start.tzinfo is UTC
    assert found.folder == "2026/000001"
    assert (found.name, found.title, found.user, found.proposal) == ("Łukasz 2θ", "τ", "Łukasz", "p7")
    assert (found.state, found.version, found.stop) == (SessionState.STARTED, 1, None)


def test_a_run_comes_back_as_it_went_in(store: Store) -> None:
    session = start_session(store)
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        run = new_run(transaction, session, title="θ-2θ", frames=3, detectors=("a", "b"), metadata=METADATA)
        transaction.event("run_started", session_id=session.id, run_number=run.number)
    stop = run.start + timedelta(microseconds=1)
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        changed = transaction.change_run(
            run,
            state=RunState.INCOMPLETE,
            intent=RunIntent.STOP,
            stop=stop,
            file="/data/run_0001.nxs",
            report={"missing": 1},
            reason="camera: 1 frames missing",
            acknowledged=True,
        )
        transaction.event("run_ended", session_id=session.id, run_number=run.number)
    assert store.run(session.id, 1) == changed
    assert changed.stop == stop
    assert (changed.version, changed.detectors, changed.metadata) == (2, ("a", "b"), METADATA)
    assert (changed.origin, changed.report, changed.acknowledged) == (RunOrigin.RECORDED, {"missing": 1}, True)


def test_runs_are_numbered_in_their_session_and_live_until_their_verdict(store: Store) -> None:
    session = start_session(store)
    other = start_session(store, instrument="other")
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        first = new_run(transaction, session)
        second = new_run(transaction, session)
        elsewhere = new_run(transaction, other)
        ended = transaction.change_run(first, state=RunState.COMPLETED)
        lost = transaction.change_run(second, state=RunState.LOST)
        assert transaction.live_runs(INSTRUMENT) == [lost]
        transaction.event("runs")
    assert [run.number for run in store.runs(session.id)] == [1, 2]
    assert elsewhere.number == 1
    assert len({first.id, second.id, elsewhere.id}) == 3
    assert store.session(session.id).run_count == 2
    assert store.live_runs(INSTRUMENT) == [lost]
    assert store.last_run(INSTRUMENT) == lost
    assert store.runs(session.id)[0] == ended
    assert store.last_run("nowhere") is None


def test_what_does_not_exist_is_told_with_a_remedy(store: Store) -> None:
    with pytest.raises(NotFoundError) as no_session:
        store.session(7)
    with pytest.raises(NotFoundError) as no_run:
        store.run(start_session(store).id, 3)
    assert (no_session.value.code, no_session.value.value) == ("SESSION_NOT_FOUND", 7)
    assert (no_run.value.code, no_run.value.value) == ("RUN_NOT_FOUND", 3)
    assert no_session.value.remedy
    assert no_run.value.remedy


def test_an_instrument_has_one_open_session_at_most(store: Store) -> None:
    session = start_session(store)
    with pytest.raises(ConflictError):
        start_session(store)
    assert store.open_session(INSTRUMENT) == session
    assert start_session(store, instrument="other").id == 2
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        draining = transaction.change_session(session, state=SessionState.COMPLETING)
        transaction.event("session_completing", session_id=session.id)
    assert store.open_session(INSTRUMENT) is None
    assert store.completing_sessions(INSTRUMENT) == [draining]
    start_session(store)
    with pytest.raises(ConflictError), store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.change_session(draining, state=SessionState.STARTED)


def test_the_last_completed_session_is_the_one_with_the_newest_stop(store: Store) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    ends = {SessionState.COMPLETED: 2, SessionState.ARCHIVED: 3, SessionState.CANCELLED: 4}
    for state, hours in ends.items():
        session = start_session(store)
        with store.transaction(CALLER, INSTRUMENT) as transaction:
            transaction.change_session(session, state=state, stop=noon + timedelta(hours=hours))
            transaction.event("session_closed", session_id=session.id)
    newest = store.last_completed(INSTRUMENT)
    assert newest is not None
    assert newest.state is SessionState.ARCHIVED
    assert store.last_completed("other") is None


def test_a_file_is_noted_once_for_each_session(store: Store) -> None:
    session = start_session(store)
    now = datetime.now(UTC)
    file = AddedFile(session.id, f"/data/{'Ł' * 2000}/2θ.txt", added=now, size=2**40, modified=now)
    folder = AddedFile(session.id, "/data/more", added=now, size=0, modified=now, is_folder=True)
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        assert transaction.add_file(file)
        assert not transaction.add_file(file)
        assert transaction.add_file(folder)
        transaction.event("files_added", session_id=session.id)
    assert sorted(store.files(session.id), key=lambda item: item.size) == [folder, file]
    with pytest.raises(NotFoundError), store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.add_file(AddedFile(99, "/data/x", added=now, size=0, modified=now))


def test_ingests_are_counted_by_state(store: Store) -> None:
    session = start_session(store)
    other = start_session(store, instrument="other")
    now = datetime.now(UTC)
    parked = Ingest(session.id, IngestState.PARKED, now, step="dataset", detail="Łukasz", attempts=3)
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.set_ingest(Ingest(session.id, IngestState.PENDING, now))
        transaction.set_ingest(parked)
        transaction.set_ingest(Ingest(other.id, IngestState.DONE, now, pid="20.500/1"))
        transaction.event("ingest")
    assert store.ingest(session.id) == parked
    assert store.ingest(99) is None
    assert store.ingests(instrument=INSTRUMENT) == [parked]
    assert [found.session_id for found in store.ingests(states={IngestState.DONE})] == [other.id]
    assert len(store.ingests()) == 2
    counts = store.ingest_counts(INSTRUMENT)
    assert counts == dict.fromkeys(IngestState, 0) | {IngestState.PARKED: 1}


def test_events_are_read_in_order_from_anywhere(store: Store) -> None:
    session = start_session(store)
    for number in range(5):
        note(store, instrument="other" if number % 2 else INSTRUMENT, number=number, text="Łukasz 2θ")
    events = store.events()
    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
    assert store.events(after=2, limit=2) == events[2:4]
    assert [event.payload["number"] for event in store.events(instrument="other")] == [1, 3]
    assert store.events(session_id=session.id) == events[:1]
    assert store.head() == (6, events[-1].hash)
    assert store.last_event("other") == events[4]
    assert store.last_event("nowhere") is None
    assert (events[0].principal, events[0].role, events[0].face) == ("Łukasz", "staff", "cli")


@pytest.mark.parametrize("request_id", ["", "x" * 201])
def test_a_request_id_has_a_sensible_length(store: Store, request_id: str) -> None:
    with pytest.raises(InvalidInputError) as refused, store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.remember(request_id, "start", "hash", None)
    assert refused.value.code == "BAD_REQUEST_ID"


def test_a_name_cannot_change(store: Store) -> None:
    session = start_session(store)
    with pytest.raises(TypeError), store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.change_session(session, name="other")  # pyright: ignore[reportCallIssue]


def test_a_title_with_its_old_name_is_found_after_a_change(store: Store) -> None:
    session = start_session(store, "First")
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        transaction.change_session(session, title="Łódź")
        transaction.event("session_renamed", session_id=session.id)
    for text in ("łÓDź", "FIRST"):
        assert [found.id for found in store.sessions(SessionQuery(text=text))] == [session.id]


def test_metadata_that_json_cannot_carry_change_nothing(store: Store) -> None:
    with pytest.raises(ValueError, match="JSON"), store.transaction(CALLER, INSTRUMENT) as transaction:
        new_session(transaction, metadata={"bad": float("nan")})
    assert store.head()[0] == 0
