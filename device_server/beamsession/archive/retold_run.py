"""What events tell of a run: how it began, and what became of it."""

from __future__ import annotations

from dataclasses import replace

from beamsession.model.event import Event
from beamsession.model.run import Run, RunOrigin
from beamsession.model.states import RunIntent, RunState

UNKNOWN_ID = 0
BEGINNINGS = frozenset(("run_started", "run_registered"))
_STATES = {f"run_{state.value.lower()}": state for state in RunState if state is not RunState.NONE}
_ASKED = {
    "run_stopping": (RunState.DRAINING, RunIntent.STOP),
    "run_aborting": (RunState.DRAINING, RunIntent.ABORT),
    "session_completing": (RunState.DRAINING, RunIntent.STOP),
    "session_paused": (RunState.PAUSED, RunIntent.PAUSE),
    "session_resumed": (RunState.RECORDING, RunIntent.RECORD),
}
_FOLLOWING = (RunState.RECORDING, RunState.PAUSED)


def begun_run(event: Event) -> Run:
    """The run that `event` says has begun, or was registered; its id is not known."""
    registered = event.kind == "run_registered"
    told = event.payload
    return _run(
        event,
        event.session_id or 0,
        event.run_number or 0,
        state=RunState.COMPLETED if registered else RunState.PREPARING,
        origin=RunOrigin.REGISTERED if registered else RunOrigin.RECORDED,
        title=str(told.get("title", "")),
        file=str(told.get("file", "")),
        frames=told.get("frames"),
        detectors=tuple(told.get("detectors", ())),
        metadata=dict(told.get("metadata", {})),
    )


def moved_run(known: Run | None, event: Event) -> Run:
    """The run as it came into the session of `event`, by what is known of it where it came from."""
    origin, number = int(event.payload["from"]), int(event.payload["number"])
    there = known or _run(event, origin, number, state=RunState.COMPLETED, origin=RunOrigin.RECORDED)
    return replace(
        there,
        id=int(event.payload["run_id"]),
        session_id=event.session_id or 0,
        number=int(event.payload["new_number"]),
        version=there.version + 1,
    )


def changed_run(run: Run, event: Event) -> Run:
    """The run after `event` that names it; the same where that says nothing of it."""
    state = _STATES.get(event.kind)
    if state is not None and state.is_verdict:
        changed = replace(
            run,
            state=state,
            intent=RunIntent.STOP,
            stop=event.time,
            reason=str(event.payload.get("reason", "")),
            file=str(event.payload.get("file", run.file)),
        )
    elif state is not None:
        changed = replace(run, state=state, reason=str(event.payload.get("reason", "")))
    elif event.kind in _ASKED:
        changed = _asked(run, *_ASKED[event.kind], event.kind)
    elif event.kind in ("run_enabled", "run_disabled"):
        changed = replace(run, enabled=event.kind == "run_enabled")
    elif event.kind == "alarm_acknowledged":
        changed = replace(run, acknowledged=True)
    else:
        return run
    return replace(changed, version=run.version + 1)


def _asked(run: Run, state: RunState, intent: RunIntent, kind: str) -> Run:
    """A run that is out of reach keeps its state: only what is asked of it changes."""
    if intent in (RunIntent.PAUSE, RunIntent.RECORD):
        if run.state is RunState.DRAINING:
            return run
        return replace(run, state=state if run.state in _FOLLOWING else run.state, intent=intent)
    if run.state is RunState.DRAINING and kind == "session_completing":
        return run
    return replace(run, state=run.state if run.state is RunState.LOST else state, intent=intent)


def _run(event: Event, session_id: int, number: int, *, state: RunState, origin: RunOrigin, **told: object) -> Run:
    ended = state.is_verdict
    facts: dict[str, object] = {
        "id": UNKNOWN_ID,
        "session_id": session_id,
        "number": number,
        "state": state,
        "intent": RunIntent.STOP if ended else RunIntent.RECORD,
        "origin": origin,
        "start": event.time,
        "stop": event.time if ended else None,
        "recorded_in": session_id,
        "recorded_as": number,
    }
    return Run(**(facts | told))  # pyright: ignore[reportArgumentType]
