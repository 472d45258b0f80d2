"""The catalogue behind the routes: its state, its site, and the request being answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .answers import Answer, refusal
from .clock import Clock, stamp
from .dto import Problem, Table, messages, validate
from .rights import Rights
from .site import Account, Profile, Site
from .state import Document, State
from .tokens import TokenOffice


@dataclass
class Backend:
    """One catalogue.

    `nested_gap` is the time in seconds between reading and writing a dataset's totals on the v3 nested block
    route, where the old generation loses updates.
    """

    profile: Profile
    site: Site
    state: State
    clock: Clock = field(default_factory=Clock)
    nested_gap: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = TokenOffice(self.site, self.state, self.clock)
        self.started = stamp(self.clock.now())

    @property
    def modern(self) -> bool:
        return self.profile is Profile.V5_2

    def now(self) -> str:
        return stamp(self.clock.now())


@dataclass(frozen=True)
class Call:
    """One request, with what the path, the body and the token said."""

    backend: Backend
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    account: Account | None

    @property
    def state(self) -> State:
        return self.backend.state

    @property
    def profile(self) -> Profile:
        return self.backend.profile

    @property
    def rights(self) -> Rights:
        return Rights(self.backend.site, self.backend.profile, self.account)

    @property
    def username(self) -> str:
        return self.account.username if self.account else "anonymous"

    def problems(self, table: Table) -> list[Problem]:
        return validate(table, self.body)

    def require(self, table: Table) -> None:
        """400 with all messages unless the body fits the table."""
        problems = self.problems(table)
        if problems:
            raise refusal(400, messages(problems))

    def signed(self) -> Document:
        """The members every new document gets: who made it, and when."""
        now = self.backend.now()
        return {"createdBy": self.username, "updatedBy": self.username, "createdAt": now, "updatedAt": now}

    def touch(self, document: Document) -> None:
        document |= {"updatedBy": self.username, "updatedAt": self.backend.now()}

    async def pause(self) -> None:
        """Let other requests in between, as the real server does while it waits for its database."""
        if self.backend.nested_gap:
            await asyncio.sleep(self.backend.nested_gap)


Handler = Callable[[Call], Answer | Awaitable[Answer]]
