"""The session that is to be sent, as the store has it now."""

from __future__ import annotations

from beamsession.model.errors import WrongStateError
from beamsession.model.session import Session
from beamsession.model.states import SessionState
from beamsession.store import Store


def completed_session(store: Store, session_id: int) -> Session:
    """The session. Raises WrongStateError unless it is completed."""
    session = store.session(session_id)
    if session.state is SessionState.COMPLETED:
        return session
    raise WrongStateError(
        f"Session {session_id} is {session.state.value}, not completed.",
        value=session.state.value,
        remedy="Complete it, then ask for the ingest.",
    )
