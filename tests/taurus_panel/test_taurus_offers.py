"""What the panel offers is what the model's table allows."""

from __future__ import annotations

from itertools import product

import pytest

from beamsession.faces.taurus.offers import ACKNOWLEDGE, offer, question
from beamsession.faces.taurus.scene import Scene
from beamsession.model.situation import Allowed, Command, entry, situation
from beamsession.model.states import RunState, SessionState

SESSIONS = list(SessionState)[:4]


def scene(session: SessionState, run: RunState, **more: object) -> Scene:
    values = {"SessionState": list(SessionState).index(session), "RunState": list(RunState).index(run), "SessionId": 7}
    return Scene(connected=True, fault="", values={**values, **more}, session={"id": 7, "name": "align"})


@pytest.mark.parametrize("command", Command)
def test_a_command_is_offered_exactly_where_the_table_allows_it(command: Command) -> None:
    for session, run in product(SESSIONS, RunState):
        live = run if run.is_live else RunState.NONE
        wanted = isinstance(entry(command, situation(session, live)), Allowed)

        assert offer(command, scene(session, run)).enabled is wanted, (session, run)


def test_what_is_not_offered_says_why_and_what_to_do() -> None:
    found = offer(Command.START_RUN, scene(SessionState.PAUSED, RunState.NONE))

    assert (found.enabled, found.why) == (False, "The session is paused. Resume it with Resume.")


def test_a_session_that_had_runs_is_not_cancelled() -> None:
    found = scene(SessionState.STARTED, RunState.COMPLETED)
    object.__setattr__(found, "session", {"id": 7, "name": "align", "last_run_number": 2})

    assert offer(Command.CANCEL, found).why == "The session has had 2 runs. Complete it with Complete."


def test_nothing_is_offered_while_something_is_done_or_nobody_answers() -> None:
    standing = scene(SessionState.STARTED, RunState.NONE)

    assert offer(Command.PAUSE, standing, busy="Starting the run").why == "Starting the run …"
    assert not any(offer(command, Scene(fault="It does not answer.")).enabled for command in Command)


def test_only_alarms_that_wait_for_a_person_can_be_acknowledged() -> None:
    run = '[{"code": "RUN_ABORTED", "severity": "MAJOR", "sentence": "Run 1 …", "blocks": true}]'
    disk = '[{"code": "DISK_LOW", "severity": "MINOR", "sentence": "Only …", "blocks": false}]'

    assert offer(ACKNOWLEDGE, scene(SessionState.NONE, RunState.ABORTED, AlarmDetails=run)).enabled
    assert not offer(ACKNOWLEDGE, scene(SessionState.NONE, RunState.NONE, AlarmDetails=disk)).enabled


def test_what_takes_something_away_is_asked_for() -> None:
    standing = scene(SessionState.STARTED, RunState.RECORDING, RunNumber=3)
    asked = {command for command in Command if question(command, standing)}

    assert asked == {Command.START, Command.COMPLETE, Command.CANCEL, Command.ABORT_RUN}
    assert question(Command.START, scene(SessionState.NONE, RunState.NONE)) == ""
