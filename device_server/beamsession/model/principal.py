"""Who asks: a name, a role and groups; Tango and Channel Access carry none, so theirs is the configured operator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What kind of principal somebody is; `worker` is our own background programs."""

    USER = "user"
    STAFF = "staff"
    WORKER = "worker"


@dataclass(frozen=True)
class Principal:
    """One who asks for a verb."""

    name: str
    role: Role = Role.USER
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Caller:
    """A principal at a face, with the request id that makes a retry harmless (empty: none given).

    `client` says which of the face's clients asks, where it knows (`user@host` of Channel Access); events keep it.
    """

    principal: Principal
    face: str
    request_id: str = ""
    client: str = ""
