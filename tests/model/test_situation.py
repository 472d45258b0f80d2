"""The table of commands and situations: complete, and as the design says."""

from __future__ import annotations

import pytest

from beamsession.model.errors import WrongStateError
from beamsession.model.situation import Allowed, Command, Refused, Situation, entry, require, situation
from beamsession.model.states import RunState, SessionState

PAUSED = {item for item in Situation if item.startswith("paused")}
OPEN = PAUSED | {item for item in Situation if item.startswith("started")}
WITH_RUN = {item for item in OPEN if "run" in item}
LOST = {Situation.RUN_LOST, Situation.PAUSED_RUN_LOST}
DRAINING = {Situation.DRAINING, Situation.PAUSED_DRAINING}


def allowed(command: Command) -> set[Situation]:
    return {item for item in Situation if isinstance(entry(command, item), Allowed)}


@pytest.mark.parametrize("command", Command)
@pytest.mark.parametrize("place", Situation)
def test_every_command_acts_or_says_why_not_and_what_to_do(command: Command, place: Situation) -> None:
    answer = entry(command, place)
    if isinstance(answer, Allowed):
        assert answer.effect
        require(command, place)
        return
    for sentence in (answer.sentence, answer.remedy):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
    with pytest.raises(WrongStateError) as refusal:
        require(command, place)
    assert refusal.value.text == f"{answer.sentence} {answer.remedy}"
    assert (refusal.value.code, refusal.value.value) == ("WRONG_STATE", place.value)


@pytest.mark.parametrize(
    ("command", "where"),
    [
        (Command.START, set(Situation)),
        (Command.PAUSE, OPEN - PAUSED),
        (Command.RESUME, PAUSED),
        (Command.COMPLETE, OPEN),
        (Command.CANCEL, OPEN - WITH_RUN),
        (Command.ADD_FILE, OPEN),
        (Command.COMMENT, OPEN),
        (Command.SET_METADATA, OPEN),
        (Command.START_RUN, {Situation.STARTED}),
        (Command.REGISTER_RUN, OPEN - PAUSED),
        (Command.STOP_RUN, WITH_RUN - DRAINING),
        (Command.ABORT_RUN, WITH_RUN | {Situation.COMPLETING}),
    ],
)
def test_commands_act_exactly_where_the_design_lets_them(command: Command, where: set[Situation]) -> None:
    assert allowed(command) == where


def test_a_lost_run_can_only_be_given_up_or_waited_for() -> None:
    for place in LOST:
        refusal = entry(Command.CANCEL, place)
        assert isinstance(refusal, Refused)
        assert isinstance(entry(Command.ABORT_RUN, place), Allowed)
    refusal = entry(Command.START_RUN, Situation.RUN_LOST)
    assert isinstance(refusal, Refused)
    assert "AbortRun" in refusal.remedy


@pytest.mark.parametrize("run", RunState)
@pytest.mark.parametrize("session", SessionState)
def test_the_situation_follows_from_session_and_run(session: SessionState, run: RunState) -> None:
    found = situation(session, run)
    assert (found in OPEN) == session.is_open
    assert (found in PAUSED) == (session is SessionState.PAUSED)
    assert (found is Situation.COMPLETING) == (session is SessionState.COMPLETING)
    if session.is_open:
        assert (found in WITH_RUN) == run.is_live
        assert (found in LOST) == (run is RunState.LOST)
        assert (found in DRAINING) == (run is RunState.DRAINING)


def test_every_situation_can_come_about() -> None:
    assert {situation(session, run) for session in SessionState for run in RunState} == set(Situation)


def test_a_run_is_live_or_over_or_none() -> None:
    for state in RunState:
        assert [state is RunState.NONE, state.is_live, state.is_verdict].count(True) == 1


def test_only_what_the_catalogue_does_not_have_can_be_edited() -> None:
    final = {SessionState.NONE, SessionState.ARCHIVED, SessionState.CANCELLED}
    assert {state for state in SessionState if not state.is_editable} == final
