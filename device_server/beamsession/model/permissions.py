"""The one permission function: who may do what to which session."""

from __future__ import annotations

from enum import StrEnum

from beamsession.model.errors import NotPermittedError
from beamsession.model.principal import Principal, Role
from beamsession.model.session import Session


class Action(StrEnum):
    """What a verb does, seen by the one who guards it."""

    READ = "read"
    """look at sessions, runs, files, events"""
    OPERATE = "operate"
    """drive the present session: start, pause, record, complete"""
    EDIT = "edit"
    """change what a session says: metadata, comments, files"""
    MANAGE = "manage"
    """staff's work: acknowledge for others, retry ingests, change other people's sessions"""
    REPORT = "report"
    """our own programs report what they have done"""


_ROLES: dict[Action, frozenset[Role]] = {
    Action.READ: frozenset(Role),
    Action.OPERATE: frozenset({Role.USER, Role.STAFF, Role.WORKER}),
    Action.EDIT: frozenset({Role.USER, Role.STAFF, Role.WORKER}),
    Action.MANAGE: frozenset({Role.STAFF, Role.WORKER}),
    Action.REPORT: frozenset({Role.WORKER}),
}


def permit(principal: Principal, action: Action, session: Session | None = None, *, operator: str = "") -> None:
    """Let `principal` do `action` (to `session`, where it is about one), or raise NotPermittedError.

    Roles decide first. A closed session of somebody else may then be edited by staff, by the worker, and by a
    member of a group named like its proposal; the open session belongs to whoever is at the beamline, and so does one
    of `operator`, as which everybody acts who brings no identity.
    """
    if principal.role not in _ROLES[action]:
        raise NotPermittedError(
            f"'{principal.name}' has the role {principal.role.value} and may not {action.value} here.",
            value=principal.name,
            remedy="Ask the beamline staff, or unlock with a staff token.",
        )
    if session is None or principal.role is not Role.USER or action is not Action.EDIT or session.state.is_open:
        return
    is_member = bool(session.proposal) and session.proposal in principal.groups
    if session.user not in ("", operator, principal.name) and not is_member:
        raise NotPermittedError(
            f"Session {session.id} belongs to '{session.user}' and is closed.",
            value=principal.name,
            remedy="Its owner, a member of its proposal or the staff can change it.",
        )
