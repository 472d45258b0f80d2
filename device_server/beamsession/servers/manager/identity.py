"""Who a request comes from: the configured operator, or the principal a trusted program speaks for."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from pathlib import Path

from beamsession.model.auth import OperatorConfig, TokenConfig
from beamsession.model.errors import InvalidInputError, NotPermittedError
from beamsession.model.principal import Principal, Role

_RANK = {Role.USER: 0, Role.STAFF: 1, Role.WORKER: 2}
_MAX_NAME = 80


class Identity:
    """Turns what a request says about its sender into a principal; tokens decide what is believed."""

    def __init__(
        self,
        operator: OperatorConfig,
        tokens: TokenConfig,
        worker_token_file: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._operator = operator
        self._tokens = tokens
        self._worker_token_file = worker_token_file
        self._monotonic = monotonic
        self._unlocked_until = float("-inf")

    def operator(self) -> Principal:
        """The principal of clients without an identity; staff while unlocked."""
        role = Role.STAFF if self._monotonic() < self._unlocked_until else self._operator.role
        return Principal(self._operator.name, role)

    def unlock(self, token: str) -> None:
        """Make the operator staff for the configured time; NotPermittedError BAD_TOKEN. An empty token locks again."""
        if not token:
            self._unlocked_until = float("-inf")
            return
        if not _matches(token, self._tokens.staff_file):
            raise NotPermittedError(
                "The staff token is wrong.", code="BAD_TOKEN", remedy="Give the token in tokens.staff_file."
            )
        self._unlocked_until = self._monotonic() + self._tokens.unlock_minutes * 60

    def claimed(self, claim: object, token: str) -> Principal:
        """The principal that a `Call` claims to speak for, by the JSON value `{name, role, groups}` or None.

        A name is always taken over for the log. Roles and groups are believed up to what the token is good for;
        without a token they are the operator's. Raises NotPermittedError BAD_TOKEN for a token nobody has.
        """
        operator = self.operator()
        if not claim:
            return operator if not token else Principal(operator.name, self._role_of(token))
        name, role, groups = _parse_claim(claim)
        if not token:
            if role and _RANK[role] > _RANK[operator.role]:
                raise NotPermittedError(
                    f"The role {role.value} needs a token.",
                    value=name,
                    remedy="Send the token of that role with the call.",
                )
            return Principal(name, operator.role)
        ceiling = self._role_of(token)
        wanted = role or Role.USER
        return Principal(name, wanted if _RANK[wanted] <= _RANK[ceiling] else ceiling, groups)

    def _role_of(self, token: str) -> Role:
        if _matches(token, self._worker_token_file):
            return Role.WORKER
        if _matches(token, self._tokens.staff_file):
            return Role.STAFF
        raise NotPermittedError("The token is not known here.", code="BAD_TOKEN", remedy="Read the token file again.")


def _parse_claim(claim: object) -> tuple[str, Role | None, tuple[str, ...]]:
    known = claim if isinstance(claim, dict) else {}
    name, role, groups = known.get("name"), known.get("role"), known.get("groups", [])
    good_name = isinstance(name, str) and 0 < len(name) <= _MAX_NAME and name.isprintable()
    good_groups = isinstance(groups, list) and all(isinstance(group, str) for group in groups)
    if not good_name or not good_groups or role not in (None, *(item.value for item in Role)):
        raise InvalidInputError(
            "The principal cannot be understood.",
            code="BAD_PRINCIPAL",
            value=ascii(claim)[:120],
            remedy='Give {"name": "…", "role": "user" or "staff", "groups": ["p12345"]}.',
        )
    return str(name), Role(role) if role else None, tuple(groups)


def _matches(token: str, file: Path | None) -> bool:
    if file is None:
        return False
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError:
        return False
    return bool(secret) and hmac.compare_digest(token.encode(errors="replace"), secret.encode())
