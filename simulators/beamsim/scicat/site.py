"""What a SciCat installation decides for itself: its accounts, its groups' rights, its PIDs and limits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

EVERYBODY = "#all"


class Profile(StrEnum):
    """The generation of the backend whose behaviour is imitated."""

    V4_27 = "4.27"
    V5_2 = "5.2"


@dataclass(frozen=True)
class Account:
    """A functional account: a name, a password and the groups its rights come from."""

    username: str
    password: str
    groups: tuple[str, ...]
    email: str = ""
    id: str = ""

    @property
    def identifier(self) -> str:
        """The 24 hexadecimal digits by which the catalogue's users are addressed."""
        return self.id or hashlib.sha256(self.username.encode()).hexdigest()[:24]

    @property
    def address(self) -> str:
        return self.email or f"{self.username}@your.site"

    def belongs_to(self, groups: frozenset[str]) -> bool:
        """Whether membership in `groups` gives this account a right; `#all` means every account."""
        return EVERYBODY in groups or not groups.isdisjoint(self.groups)


def _groups(*names: str) -> frozenset[str]:
    return frozenset(names)


@dataclass(frozen=True)
class Site:
    """The environment of the server, one field for each of its lists of groups.

    `pid_pattern` is the expression a client-made PID must match entirely; None accepts any.
    Limits are bytes: of a request's body, and of a stored document. `absent` are shell patterns of the names of
    routes that an older backend does not have, or that were switched off: `* /api/v4/*`, `GET /explorer-json`.
    """

    accounts: tuple[Account, ...]
    create: frozenset[str] = _groups(EVERYBODY)
    create_with_pid: frozenset[str] = frozenset()
    create_privileged: frozenset[str] = frozenset()
    admin: frozenset[str] = _groups("admin")
    delete: frozenset[str] = frozenset()
    lifecycle: frozenset[str] = frozenset()
    attachment: frozenset[str] = _groups(EVERYBODY)
    attachment_privileged: frozenset[str] = frozenset()
    proposal: frozenset[str] = frozenset()
    sample: frozenset[str] = _groups(EVERYBODY)
    sample_privileged: frozenset[str] = frozenset()
    pid_prefix: str = "beamsim"
    pid_pattern: str | None = None
    token_lifetime: float = 3600
    body_limit: int = 16 * 1024 * 1024
    document_limit: int = 16 * 1024 * 1024
    job_types: tuple[str, ...] = ("archive", "retrieve", "public")
    job_configuration: str = "beamsim"
    absent: tuple[str, ...] = ()

    def has(self, route: str) -> bool:
        """Whether there is a route of this name."""
        return not any(fnmatchcase(route, pattern) for pattern in self.absent)

    def account(self, username: str) -> Account | None:
        return next((account for account in self.accounts if account.username == username), None)

    def account_by_id(self, identifier: str) -> Account | None:
        return next((account for account in self.accounts if account.identifier == identifier), None)


def demo_site() -> Site:
    """A site for tests and demonstrations; the passwords equal the names because nothing here is real."""
    return Site(
        accounts=(
            Account("ingestor", "ingestor", ("ingestor",)),
            Account("user", "user", ("visitors",)),
            Account("admin", "admin", ("admin",)),
            Account("archiver", "archiver", ("archivemanager",)),
        ),
        create_privileged=_groups("ingestor"),
        attachment_privileged=_groups("ingestor"),
        sample_privileged=_groups("ingestor"),
        proposal=_groups("admin"),
        delete=_groups("archivemanager"),
        lifecycle=_groups("archivemanager"),
    )
