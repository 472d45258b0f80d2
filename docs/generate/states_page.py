"""The page of states and commands, from the one table in `beamsession.model.situation`."""

from __future__ import annotations

import inspect
from enum import Enum

from docs.generate.markdown import cell, code, page, table

from beamsession.model.alarms import device_state
from beamsession.model.situation import Allowed, Command, Situation, entry
from beamsession.model.states import DeviceState, IngestState, RunState, SessionState
from beamsession.verbs import REGISTRY

_STARTED = (Situation.NO_SESSION, Situation.COMPLETING, *(item for item in Situation if item.startswith("started")))
_PAUSED = tuple(item for item in Situation if item not in _STARTED)


_INTRODUCTION = """
What is allowed depends on where the session and its run stand. A command that is not allowed fails with the code
`WRONG_STATE`, the sentence given below and what to do next; nothing is changed by it.
"""


def states_page() -> str:
    """The whole page."""
    return page(
        "States and commands",
        _INTRODUCTION,
        "## Which command when",
        "✓ acts, – is refused. Paused sessions have their own table.",
        _overview(_STARTED),
        _overview(_PAUSED),
        "## What a command does, and why it is refused",
        *(_command(command) for command in Command),
        "## The states",
        *(
            _states(title, kind, shown)
            for title, kind, shown in (
                ("SessionState", SessionState, "Tango: DevEnum in this order."),
                (
                    "RunState",
                    RunState,
                    "Tango: DevEnum in this order. COMPLETED, INCOMPLETE, ABORTED and FAILED are verdicts.",
                ),
                ("Ingest", IngestState, "Shown by `ShowIngest` and `ListIngests`."),
                ("The device's State", DeviceState, f"{inspect.getdoc(device_state)}"),
            )
        ),
    )


def _overview(situations: tuple[Situation, ...]) -> str:
    rows = [
        [code(REGISTRY[command.value].tango), *(_mark(command, situation) for situation in situations)]
        for command in Command
    ]
    return table(["command", *(situation.value for situation in situations)], rows)


def _mark(command: Command, situation: Situation) -> str:
    return "✓" if isinstance(entry(command, situation), Allowed) else "–"


def _command(command: Command) -> str:
    verb = REGISTRY[command.value]
    answers: dict[str, list[str]] = {}
    for situation in Situation:
        answers.setdefault(_answer(command, situation), []).append(situation.value)
    lines = [f"- {cell(answer)}\n  *{'; '.join(situations)}*" for answer, situations in answers.items()]
    return f"### {verb.tango}\n\n{verb.summary}\n\n" + "\n".join(lines)


def _answer(command: Command, situation: Situation) -> str:
    answer = entry(command, situation)
    if isinstance(answer, Allowed):
        return f"✓ {answer.effect}"
    return f"– {answer.sentence} {answer.remedy}"


def _states(title: str, kind: type[Enum], shown: str) -> str:
    names = ", ".join(code(str(item.value)) for item in kind)
    return f"### {title}\n\n{inspect.getdoc(kind)} {shown}\n\n{names}"
