"""Who may do what to which session: the whole matrix."""

from __future__ import annotations

import pytest

from beamsession.model.clock import utc_now
from beamsession.model.errors import NotPermittedError
from beamsession.model.permissions import Action, permit
from beamsession.model.principal import Principal, Role
from beamsession.model.session import Session
from beamsession.model.states import SessionState

EVERYBODY = {Role.USER, Role.STAFF, Role.WORKER}
BY_ROLE = {
    Action.READ: EVERYBODY,
    Action.OPERATE: EVERYBODY,
    Action.EDIT: EVERYBODY,
    Action.MANAGE: {Role.STAFF, Role.WORKER},
    Action.REPORT: {Role.WORKER},
}


def is_permitted(principal: Principal, action: Action, session: Session | None = None) -> bool:
    try:
        permit(principal, action, session)
    except NotPermittedError as error:
        refusal = error
    else:
        return True
    assert (refusal.code, refusal.value) == ("NOT_PERMITTED", principal.name)
    assert refusal.remedy
    return False


def session_of(user: str, state: SessionState, proposal: str = "p1") -> Session:
    return Session(1, "beamline", "scan", "", state, user, proposal, "1", utc_now())


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_roles_decide_what_is_permitted_at_all(action: Action, role: Role) -> None:
    assert is_permitted(Principal("ana", role), action) == (role in BY_ROLE[action])


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_another_users_closed_session_is_edited_by_staff_only(role: Role, action: Action, state: SessionState) -> None:
    guarded = role is Role.USER and action is Action.EDIT and not state.is_open
    expected = role in BY_ROLE[action] and not guarded
    assert is_permitted(Principal("eve", role), action, session_of("ana", state)) == expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (Principal("ana"), True),
        (Principal("eve", groups=("p1",)), True),
        (Principal("eve", groups=("p2",)), False),
        (Principal("eve"), False),
    ],
)
def test_owner_and_proposal_members_edit_a_closed_session(principal: Principal, expected: bool) -> None:
    assert is_permitted(principal, Action.EDIT, session_of("ana", SessionState.COMPLETED)) == expected


def test_a_session_of_nobody_belongs_to_everybody_and_no_group_is_called_nothing() -> None:
    assert is_permitted(Principal("eve"), Action.EDIT, session_of("", SessionState.COMPLETED))
    assert not is_permitted(Principal("eve", groups=()), Action.EDIT, session_of("ana", SessionState.COMPLETED, ""))
    assert not is_permitted(Principal("eve", groups=("",)), Action.EDIT, session_of("ana", SessionState.COMPLETED, ""))
