"""The queue of verbs of one instrument, and the view that its readers are answered from."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from beamsession.model.catalogue_standing import CatalogueState
from beamsession.model.errors import BeamsessionError, UnavailableError, WrongStateError
from beamsession.model.principal import Caller, Principal
from beamsession.model.states import DeviceState, SessionState
from beamsession.model.view import View
from beamsession.servers.manager.service import InstrumentService
from beamsession.store.instrument_lock import InstrumentLock
from service_rig import USER, WORKER, Rig, beamline, wait_until


def test_verbs_of_many_threads_are_done_one_after_the_other_in_order(rig: Rig) -> None:
    rig.ask("session_start")

    def write(author: int) -> list[int]:
        caller = Caller(Principal(f"author {author}"), "cli")
        waiting = [rig.service.submit("comment_add", {"text": str(number)}, caller) for number in range(10)]
        return [future.result(60) for future in waiting]

    with ThreadPoolExecutor(6) as threads:
        sequences = list(threads.map(write, range(6)))
    events = {event["seq"]: event for event in rig.ask("event_list", limit=1000)}
    assert sorted(seq for sequence in sequences for seq in sequence) == list(range(2, 62))
    for author, sequence in enumerate(sequences):
        assert sequence == sorted(sequence)
        assert [events[seq]["payload"]["text"] for seq in sequence] == [str(number) for number in range(10)]
        assert {events[seq]["principal"] for seq in sequence} == {f"author {author}"}
    assert rig.ask("event_verify")["first_bad"] is None


def test_the_view_shows_a_change_before_its_caller_hears_of_it(rig: Rig) -> None:
    seen: list[bool] = []
    session_id = rig.ask("session_start", name="seen")
    assert rig.service.view.session is not None
    assert (rig.service.view.session.id, rig.service.view.event_count) == (session_id, 1)
    future = rig.service.submit("session_pause", {}, USER)
    future.add_done_callback(lambda _: seen.append(rig.service.view.session_state is SessionState.PAUSED))
    future.result(60)
    wait_until("the caller has heard", lambda: seen)
    assert seen == [True]
    rig.ask("session_complete")
    assert (rig.service.view.session, rig.service.view.metadata) == (None, {})
    assert rig.service.view.last_completed is not None
    assert rig.service.view.session_ids == (session_id,)


def test_listeners_see_every_view_once_in_order(rig: Rig) -> None:
    wait_until("it has started", lambda: rig.service.view.state is DeviceState.STANDBY)
    pairs: list[tuple[View, View]] = []

    def fails(old: View, new: View) -> None:
        raise RuntimeError("a listener of this test")

    before = rig.service.view
    rig.service.subscribe(fails)
    rig.service.subscribe(lambda old, new: pairs.append((old, new)))
    for _ in range(3):
        rig.ask("session_start")
        rig.ask("session_pause")
    assert pairs[0][0].event_count == before.event_count
    assert all(first[1] is second[0] for first, second in pairwise(pairs))
    counts = [new.event_count for _, new in pairs]
    assert counts == sorted(counts)
    assert pairs[-1][1] is rig.service.view


def test_a_refused_verb_is_shown_and_the_queue_goes_on(rig: Rig) -> None:
    with pytest.raises(WrongStateError) as refusal:
        rig.ask("session_pause")
    assert rig.service.view.last_error == refusal.value.text
    rig.service.refuse("call", "{", USER, BeamsessionError("Not understood.", code="BAD_CALL"))
    assert rig.ask("session_start") == 1
    assert [item["code"] for item in rig.ask("refusal_list")] == ["BAD_CALL", "WRONG_STATE"]
    assert rig.service.view.last_error == "Not understood."


def test_stop_finishes_the_verbs_that_wait(rig: Rig) -> None:
    rig.ask("session_start")
    service = rig.service
    waiting: list[Future[Any]] = [service.submit("comment_add", {"text": "x"}, USER) for _ in range(20)]
    rig.stop()
    assert [future.result(0) for future in waiting] == list(range(2, 22))
    rig.start()
    assert rig.service.view.event_count == 21


def test_a_restarted_service_shows_what_stood(rig: Rig) -> None:
    rig.ask("session_start", name="stands", metadata={"a": 1})
    before = rig.service.view
    rig.start()
    view = rig.service.view
    assert (view.session, view.metadata, view.event_count) == (before.session, {"a": 1}, 1)
    wait_until("it is ready", lambda: rig.service.view.state is DeviceState.ON)
    assert rig.service.view.status == "Session 1 'stands' is STARTED."


def test_only_one_service_has_the_instrument(rig: Rig) -> None:
    rig.stop()
    config = beamline(rig.folder)
    service = InstrumentService(config, rig.recorder)
    service.start()
    with pytest.raises(UnavailableError) as locked:
        InstrumentLock(config.state, "beamline")
    service.stop()
    assert (locked.value.code, locked.value.value) == ("INSTRUMENT_LOCKED", str(os.getpid()))
    with InstrumentLock(config.state, "beamline"):
        pass


def test_completed_sessions_are_counted_until_the_catalogue_has_them(rig: Rig) -> None:
    rig.start(catalogue={"url": "http://127.0.0.1:1", "token_file": "/nowhere", "contact_email": "a@b.c"})
    session_id = rig.ask("session_start")
    rig.ask("session_complete")
    assert (rig.service.view.ingest_pending, rig.service.view.ingest_parked) == (1, 0)
    rig.ask("ingest_report", WORKER, session=session_id, state="parked", detail="Why.")
    assert (rig.service.view.ingest_pending, rig.service.view.ingest_parked) == (0, 1)
    assert [alarm.code for alarm in rig.service.view.alarms] == ["INGEST_PARKED"]
    assert f"Session {session_id} waits" in rig.service.view.alarms[0].sentence
    assert rig.service.view.last_ingest is not None
    assert rig.service.view.last_ingest.detail == "Why."
    assert rig.service.view.catalogue_state is CatalogueState.UNKNOWN
    rig.ask("catalogue_report", WORKER, target="http://127.0.0.1:1", state="UNREACHABLE", reason="It is down.")
    assert rig.service.view.catalogue_state is CatalogueState.UNREACHABLE
    assert rig.service.view.state is not DeviceState.ALARM
    rig.ask("session_archive", WORKER, session=session_id, pid="pid/1")
    assert rig.service.view.ingest_parked == 0
    assert rig.service.view.last_completed is not None
    assert rig.service.view.last_completed.dataset_pid == "pid/1"
