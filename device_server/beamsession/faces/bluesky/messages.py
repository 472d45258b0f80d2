"""How a plan waits for a coroutine: by a message that may be repeated after a pause."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bluesky.utils import Msg, MsgGenerator

from beamsession.faces.bluesky.manager_calls import ManagerCalls, new_request_id


def awaited(make: Callable[[], Awaitable[Any]]) -> MsgGenerator[Any]:
    """The result of the coroutine that `make` makes, or its exception.

    A RunEngine that is paused meanwhile repeats the message when it resumes, and then answers None here: so `make` must
    be harmless when done twice, and its last outcome counts.
    """
    outcomes: list[tuple[Any, BaseException | None]] = []

    async def run() -> None:
        try:
            outcomes.append((await make(), None))
        except Exception as error:
            outcomes.append((None, error))

    while not outcomes:
        yield Msg("wait_for", None, [run])
    result, error = outcomes[-1]
    if error is not None:
        raise error
    return result


def asked(calls: ManagerCalls, verb: str, **arguments: Any) -> MsgGenerator[Any]:
    """The manager's answer to a verb; however often the message is repeated, it is done once."""
    request_id = new_request_id()
    return (yield from awaited(lambda: calls.ask(verb, arguments, request_id)))
