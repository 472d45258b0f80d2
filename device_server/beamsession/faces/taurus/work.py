"""What the panel has done by the manager, in a thread: each is one errand, and says in a sentence how it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from beamsession.faces.taurus.caller import ManagerCaller
from beamsession.faces.taurus.form import text_of
from beamsession.model.errors import ConflictError, RefusedError
from beamsession.model.metadata import is_same


@dataclass(frozen=True)
class Done:
    """A sentence about what was done, hints that go with it, and what the manager answered."""

    sentence: str
    hints: tuple[str, ...] = ()
    answer: Any = None


Work = Callable[[ManagerCaller], Done]


def start_session(arguments: Mapping[str, Any]) -> Work:
    """Start a session."""

    def work(caller: ManagerCaller) -> Done:
        number = caller.order("session_start", **arguments)
        return Done(f"Session {number} is started.", answer=number)

    return work


def simple(verb: str, sentence: str, **arguments: Any) -> Work:
    """Have a verb done whose answer tells nothing more."""

    def work(caller: ManagerCaller) -> Done:
        return Done(sentence, answer=caller.order(verb, **arguments))

    return work


def change_session(session: int, *, title: str | None, values: dict[str, Any], seen: Mapping[str, Any]) -> Work:
    """Send what was typed: a title, and keys of the metadata whose values a person `seen` before.

    Nothing is sent where one of them is another by now: ConflictError CHANGED_MEANWHILE names it.
    """

    def work(caller: ManagerCaller) -> Done:
        answer = None
        if values:
            _require_unchanged(caller.read("metadata_show", session=session), seen)
            answer = caller.order("metadata_set", values=values, session=session)
        if title is not None:
            caller.order("session_rename", title=title, session=session)
        names = [*(["title"] if title is not None else []), *values]
        return Done(f"Changed: {', '.join(names)}.", answer=answer)

    return work


def check_run(arguments: Mapping[str, Any]) -> Work:
    """Ask whether a run could be recorded."""

    def work(caller: ManagerCaller) -> Done:
        hints = _checked(caller, arguments)
        return Done("The run can be recorded." if hints else "The run can be recorded, nothing is in its way.", hints)

    return work


def start_run(arguments: Mapping[str, Any], title: str) -> Work:
    """Start a run, unless something blocks it."""

    def work(caller: ManagerCaller) -> Done:
        hints = _checked(caller, arguments)
        number = caller.order("run_start", **arguments, title=title)
        return Done(f"Run {number} is started.", hints, answer=number)

    return work


def _checked(caller: ManagerCaller, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The hints of CheckRun; RefusedError with every reason why the run cannot be recorded."""
    problems = caller.read("run_check", **arguments)
    told = [f"{item['sentence']} {item['remedy']}".strip() for item in problems]
    if blocking := [text for text, item in zip(told, problems, strict=True) if item["blocks"]]:
        code = next(item["code"] for item in problems if item["blocks"])
        raise RefusedError(" ".join(dict.fromkeys(blocking)), code=code)
    return tuple(told)


def _require_unchanged(now: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
    for name, value in seen.items():
        if not is_same(now.get(name), value):
            raise ConflictError(
                f"'{name}' was changed by somebody else meanwhile, to {text_of(now.get(name)) or 'nothing'}. "
                "Nothing was sent.",
                code="CHANGED_MEANWHILE",
                value=name,
                remedy="Take that value, or keep yours and apply again.",
            )
