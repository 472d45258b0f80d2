"""Asking: a retry is harmless, a refusal is logged, a fault of ours is not hidden, the log can be verified."""

from __future__ import annotations

import re
from typing import Any

import pytest

from beamsession.model.permissions import Action
from beamsession.model.situation import Command
from beamsession.model.verb import Place
from beamsession.verbs import REGISTRY
from verb_desk import OTHER, WORKER, Desk


def test_a_request_asked_again_is_answered_again_and_done_once(desk: Desk) -> None:
    first = desk.ask("session_start", name="once", request_id="r1")
    head = desk.store.head()
    assert desk.ask("session_start", name="once", request_id="r1") == first
    assert desk.store.head() == head
    assert desk.ask("session_start", name="once", request_id="r2") == first + 1


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("session_pause", {}),
        ("session_complete", {}),
        ("session_cancel", {}),
        ("comment_add", {"text": "x"}),
        ("metadata_set", {"values": {"a": 1}}),
        ("run_start", {}),
    ],
)
def test_every_change_can_be_asked_again(desk: Desk, verb: str, arguments: dict[str, Any]) -> None:
    desk.ask("session_start")
    answer = desk.ask(verb, request_id="same", **arguments)
    head = desk.store.head()
    assert desk.ask(verb, request_id="same", **arguments) == answer
    assert desk.store.head() == head


def test_a_request_id_used_for_something_else_is_refused(desk: Desk) -> None:
    desk.ask("session_start", name="a", request_id="r1")
    assert desk.refused("session_start", name="b", request_id="r1").code == "REQUEST_ID_REUSED"
    assert desk.refused("session_pause", request_id="r1").code == "REQUEST_ID_REUSED"


def test_a_refused_request_is_not_remembered(desk: Desk) -> None:
    desk.refused("session_pause", request_id="r1")
    desk.ask("session_start")
    desk.ask("session_pause", request_id="r1")
    assert desk.session.state.value == "PAUSED"


def test_an_endless_request_id_undoes_the_change(desk: Desk) -> None:
    assert desk.refused("session_start", request_id="x" * 1000).code == "BAD_REQUEST_ID"
    assert desk.ask("session_list") == []


def test_refusals_tell_who_asked_for_what(desk: Desk) -> None:
    desk.refused("session_start", by=OTHER, name="a/b")
    desk.refused("no_such_verb")
    newest, older = desk.ask("refusal_list")
    assert (newest["verb"], newest["code"], newest["principal"]) == ("no_such_verb", "UNKNOWN_VERB", "ana")
    assert (older["principal"], older["face"], older["arguments"]) == ("eve", "tango", '{"name": "a/b"}')
    assert len(desk.ask("refusal_list", limit=1)) == 1


def test_who_may_not_is_refused_before_arguments_are_looked_at(desk: Desk) -> None:
    assert desk.refused("session_archive", nonsense=1).code == "NOT_PERMITTED"


def test_events_are_paged_and_their_chain_verifies(desk: Desk) -> None:
    for _ in range(3):
        desk.ask("session_start")
    first = desk.ask("event_list", limit=2)
    rest = desk.ask("event_list", after=first[-1]["seq"])
    assert [event["seq"] for event in first + rest] == [1, 2, 3, 4, 5]
    assert [event["kind"] for event in desk.ask("event_list", session=1)] == ["session_started", "session_cancelled"]
    report = desk.ask("event_verify")
    assert (report["checked"], report["first_bad"]) == (5, None)


def test_every_verb_is_declared_as_faces_expect(desk: Desk) -> None:
    for verb in REGISTRY:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", verb.name)
        assert verb.tango.isidentifier()
        assert verb.summary.endswith(".")
        if verb.place is Place.STORE:
            assert verb.action is Action.READ
    assert {command.value for command in Command} <= {verb.name for verb in REGISTRY}


def test_reading_changes_nothing(desk: Desk) -> None:
    session_id = desk.ask("session_start")
    desk.ask("session_complete")
    desk.ask("ingest_request", session=session_id)
    known = {"session": session_id, "job": desk.ask("session_import", path=str(desk.instrument.data_root))}
    head = desk.store.head()
    for verb in REGISTRY:
        if verb.place is Place.STORE and verb.name not in ("run_show", "run_quick_look_show"):
            takes = verb.arguments.model_fields
            desk.ask(verb.name, by=WORKER, **{key: value for key, value in known.items() if key in takes})
    assert desk.store.head() == head
