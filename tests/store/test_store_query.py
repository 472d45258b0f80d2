"""The one query answers as a filter over all sessions would."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from beamsession.model.errors import InvalidInputError, NotFoundError
from beamsession.model.session import Session
from beamsession.model.session_query import SessionQuery
from beamsession.model.states import SessionState
from beamsession.store import Store
from beamsession.store.query import Place, select_sessions
from store_samples import CALLER, new_session

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
INSTRUMENTS = ("beamline", "other")
USERS = ("ana", "Łukasz", "")
PROPOSALS = ("p1", "p%", "")
NAMES = ("scan", "Scan 2θ", "ŁÓDŹ 100%", "under_score", "a/b", "straße")
CLOSED = (SessionState.COMPLETING, SessionState.COMPLETED, SessionState.ARCHIVED, SessionState.CANCELLED)
STATES = [state for state in SessionState if state is not SessionState.NONE]

queries = st.builds(
    SessionQuery,
    instrument=st.none() | st.sampled_from(INSTRUMENTS),
    states=st.frozensets(st.sampled_from(STATES)),
    user=st.none() | st.sampled_from(USERS),
    proposal=st.none() | st.sampled_from(PROPOSALS),
    text=st.sampled_from(["", "", "SCAN", "łódź", "%", "_", "2Θ", "STRASSE", "/", "nothing like it"]),
    since=st.none() | st.integers(0, 12).map(lambda hours: NOON + timedelta(hours=hours)),
    until=st.none() | st.integers(0, 12).map(lambda hours: NOON + timedelta(hours=hours)),
    limit=st.integers(1, 100),
    offset=st.integers(0, 5),
    before_id=st.none() | st.integers(1, 80),
)


@pytest.fixture
def filled(store: Store) -> tuple[Store, list[Session]]:
    """Eighty sessions, many of which share their start."""
    dice = random.Random(1)
    made: list[Session] = []
    for _ in range(80):
        instrument = dice.choice(INSTRUMENTS)
        with store.transaction(CALLER, instrument) as transaction:
            session = new_session(
                transaction,
                dice.choice(NAMES),
                title=dice.choice(NAMES),
                user=dice.choice(USERS),
                proposal=dice.choice(PROPOSALS),
                start=NOON + timedelta(hours=dice.randrange(12)),
            )
            is_last_of_all = len(made) == 79
            state = SessionState.PAUSED if is_last_of_all else dice.choice(CLOSED)
            made.append(transaction.change_session(session, state=state))
            transaction.event("made", session_id=session.id)
    return store, made


def filtered(made: list[Session], query: SessionQuery) -> list[int]:
    """The same question, asked of a list."""

    def fits(session: Session) -> bool:
        return (
            query.instrument in (None, session.instrument)
            and (not query.states or session.state in query.states)
            and query.user in (None, session.user)
            and query.proposal in (None, session.proposal)
            and query.text.casefold() in f"{session.name}\n{session.title}".casefold()
            and (query.since is None or session.start >= query.since)
            and (query.until is None or session.start < query.until)
        )

    ordered = sorted(made, key=lambda session: (session.start, session.id), reverse=True)
    if query.before_id is not None:
        place = [session.id for session in ordered].index(query.before_id)
        ordered = ordered[place + 1 :]
    found = [session.id for session in ordered if fits(session)]
    return found[query.offset :][: query.limit]


def test_any_query_answers_as_a_filter_would(filled: tuple[Store, list[Session]]) -> None:
    store, made = filled

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(queries)
    def check(query: SessionQuery) -> None:
        assert [session.id for session in store.sessions(query)] == filtered(made, query)

    check()


def test_pages_joined_are_the_whole_list(filled: tuple[Store, list[Session]]) -> None:
    store, made = filled
    query = SessionQuery(states=CLOSED, limit=7)
    pages: list[int] = []
    while page := store.sessions(query):
        pages += [session.id for session in page]
        query = replace(query, before_id=page[-1].id)
    assert pages == filtered(made, SessionQuery(states=CLOSED, limit=100))


@pytest.mark.parametrize("query", [SessionQuery(limit=0), SessionQuery(limit=10_001), SessionQuery(offset=-1)])
def test_an_impossible_page_is_refused(store: Store, query: SessionQuery) -> None:
    with pytest.raises(InvalidInputError) as refused:
        store.sessions(query)
    assert refused.value.code == "BAD_PAGE"


def test_a_page_after_an_unknown_session_is_refused(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.sessions(SessionQuery(before_id=5))


def test_a_strange_text_finds_nothing_and_does_no_harm(filled: tuple[Store, list[Session]]) -> None:
    store, _ = filled
    assert store.sessions(SessionQuery(text="\x00\ud800'; DROP TABLE sessions --")) == []


LISTS = {
    "all": SessionQuery(),
    "of an instrument": SessionQuery(instrument="beamline"),
    "of a user": SessionQuery(user="ana"),
    "of a user at an instrument": SessionQuery(instrument="beamline", user="ana"),
    "of a proposal in a state": SessionQuery(proposal="p1", states={SessionState.COMPLETED}),
    "of a user in a state": SessionQuery(instrument="beamline", user="ana", states={SessionState.COMPLETED}),
    "of a user in states": SessionQuery(instrument="beamline", user="ana", states=CLOSED),
    "of a user's proposal": SessionQuery(instrument="beamline", user="ana", proposal="p1"),
    "in a state": SessionQuery(states={SessionState.COMPLETED}),
    "in states of an instrument": SessionQuery(instrument="beamline", states=CLOSED),
    "of a year": SessionQuery(instrument="beamline", since=NOON, until=NOON + timedelta(days=365)),
    "a later page": SessionQuery(instrument="beamline", before_id=40),
}


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", LISTS)
def test_a_list_walks_an_index_in_order(url: str, filled: tuple[Store, list[Session]], name: str) -> None:
    """No list sorts or scans the table: a page takes the same time among a million sessions."""
    plan = plan_of(url, LISTS[name])
    walks = [line for line in plan if "sessions" in line]
    assert walks
    assert all("INDEX" in line for line in walks)
    if len(walks) == 1:
        assert not any("TEMP B-TREE" in line for line in plan)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("noun", ["user", "proposal"])
def test_a_state_is_not_looked_for_in_all_sessions_of_a_user_or_proposal(
    url: str, filled: tuple[Store, list[Session]], noun: str
) -> None:
    query = replace(SessionQuery(instrument="beamline", states={SessionState.PAUSED}), **{noun: "p1"})
    (walk,) = plan_of(url, query)
    assert f"(instrument=? AND {noun}=? AND state=?)" in walk


def plan_of(url: str, query: SessionQuery) -> list[str]:
    """How SQLite will answer, line by line."""
    after = Place(NOON, 40) if query.before_id else None
    engine = create_engine(url)
    statement = select_sessions(query, after).compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        plan = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
    engine.dispose()
    return plan
