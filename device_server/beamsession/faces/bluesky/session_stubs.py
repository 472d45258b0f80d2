"""Plan stubs and a wrapper for the life of a session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from bluesky.utils import MsgGenerator, make_decorator

from beamsession.faces.bluesky.messages import asked, awaited
from beamsession.faces.bluesky.registrar import tell_all
from beamsession.faces.scripting.values import plain_object
from beamsession.model.states import SessionState

if TYPE_CHECKING:
    from beamsession.faces.bluesky.device import SessionManagerDevice

_log = logging.getLogger(__name__)
_LOOK_S = 0.2
_TELL_S = 60.0


def open_session(
    session: SessionManagerDevice,
    name: str,
    *,
    title: str = "",
    metadata: Mapping[str, Any] | None = None,
    proposal: str = "",
) -> MsgGenerator[int]:
    """Start a session and return its id; one that is open is completed first, as the command Start does."""
    values = None if metadata is None else plain_object(metadata)
    yield from _everything_told()
    return (
        yield from asked(session.calls, "session_start", name=name, title=title, metadata=values, proposal=proposal)
    )


def close_session(session: SessionManagerDevice) -> MsgGenerator[int]:
    """Complete the open session, wait until its last run is written, and return its id."""
    number = (yield from asked(session.calls, "session_show", contents=False))["id"]
    yield from _everything_told()
    yield from asked(session.calls, "session_complete")
    yield from _await_end(session, number)
    return number


def _close_own(session: SessionManagerDevice, number: int) -> MsgGenerator[None]:
    """Complete this session, unless somebody else has ended it already: the open one is not ours then."""
    found = yield from asked(session.calls, "session_show", session=number, contents=False)
    if SessionState(found["state"]).is_open:
        yield from close_session(session)
        return
    _log.info("Session %s was ended by somebody else: it is %s.", number, found["state"])
    yield from _await_end(session, number)


def _await_end(session: SessionManagerDevice, number: int) -> MsgGenerator[None]:
    """Wait until its last run is written."""

    async def completed() -> None:
        while True:
            found = await session.calls.ask("session_show", {"session": number, "contents": False})
            if found["state"] != SessionState.COMPLETING:
                return
            await asyncio.sleep(_LOOK_S)

    yield from awaited(completed)


def _everything_told() -> MsgGenerator[None]:
    """What registrars have to tell belongs to the session that is open now."""
    if not (yield from awaited(lambda: asyncio.to_thread(tell_all, _TELL_S))):
        _log.warning("What is not told yet of earlier Bluesky runs will not be in the session that ends now.")


def pause_session(session: SessionManagerDevice) -> MsgGenerator[None]:
    """Pause the session; the frames of an open run are not recorded until it is resumed."""
    yield from asked(session.calls, "session_pause")


def resume_session(session: SessionManagerDevice) -> MsgGenerator[None]:
    """Resume the paused session."""
    yield from asked(session.calls, "session_resume")


def comment(session: SessionManagerDevice, text: str) -> MsgGenerator[None]:
    """Keep a comment with the open session and its open run."""
    yield from asked(session.calls, "comment_add", text=text)


def session_wrapper(
    plan: MsgGenerator[Any],
    session: SessionManagerDevice,
    name: str,
    *,
    title: str = "",
    metadata: Mapping[str, Any] | None = None,
    proposal: str = "",
    on_failure: Literal["complete", "keep_open"] = "complete",
) -> MsgGenerator[Any]:
    """Do `plan` in a session of its own, which is completed at the end.

    If the plan fails or is aborted, the session is completed too, or stays open with `keep_open`. If the plan is
    halted, nothing more can be asked for, and the session stays open. One that somebody else has ended meanwhile is
    left as it is, and so is the next one.
    """
    number = yield from open_session(session, name, title=title, metadata=metadata, proposal=proposal)
    try:
        result = yield from plan
    except GeneratorExit:
        raise
    except BaseException:
        if on_failure == "complete":
            yield from _close_own(session, number)
        raise
    yield from _close_own(session, number)
    return result


session_decorator = make_decorator(session_wrapper)
"""`session_wrapper` as a decorator: `@session_decorator(session, "alignment")`."""
