"""The token that says who we are: got by password and renewed in time, or read from a file that somebody renews."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from beamsession.catalogue.connection import Connection
from beamsession.catalogue.credentials import life_of, read_secret, refused_token
from beamsession.catalogue.fault import CatalogueError, Nature, fault_of_answer
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.clock import Clock, utc_now

# A token is renewed when this share of its life is over.
_SHARE = 0.8
_USUAL_LIFE_S = 3600.0
_PATH = "/api/v3/auth/login"
# Shorter words are part of others: to blank them out would spoil every sentence.
_SHORTEST_SECRET = 4


class Login:
    """Not for two threads at a time."""

    def __init__(
        self,
        target: CatalogueTarget,
        connection: Connection,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock = utc_now,
    ) -> None:
        self._target = target
        self._connection = connection
        self._monotonic = monotonic
        self._clock = clock
        self._token = ""
        self._renew_at = 0.0
        self._password = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be seen outside, as far as it is known by now."""
        return tuple(secret for secret in (self._password, self._token) if len(secret) >= _SHORTEST_SECRET)

    def token(self) -> str:
        """The one to use now. Raises CatalogueError where there is none to be had."""
        if self._target.token_file is not None:
            self._token = read_secret(self._target.token_file)
        elif not self._token or self._monotonic() >= self._renew_at:
            self._log_in()
        return self._token

    def renew(self) -> None:
        """Get another, for the last one makes us nobody. Raises CatalogueError where there is none."""
        if self._target.token_file is None:
            self._log_in()
        elif read_secret(self._target.token_file) == self._token:
            raise refused_token(self._target.token_file, self._token, self._clock())

    def _log_in(self) -> None:
        if self._target.password_file is None:
            raise AssertionError("the target was validated: a password file or a token file")
        self._password = read_secret(self._target.password_file)
        account = {"username": self._target.username, "password": self._password}
        response = self._connection.exchange("POST", _PATH, token="", content=account, writes=False)
        if not response.is_success:
            raise fault_of_answer(response, writes=False)
        try:
            body: Any = response.json()
        except ValueError:
            body = None
        found = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
        token = str(found.get("access_token") or found.get("id") or "")
        if not token:
            raise CatalogueError(
                f"The catalogue {self._target.url} takes our password and gives no token.",
                nature=Nature.TRANSIENT,
                status=response.status_code,
                code="CATALOGUE_BAD_ANSWER",
                remedy="Look whether the address is that of a SciCat server; it is tried again.",
            )
        self._token = token
        self._renew_at = self._monotonic() + _SHARE * (life_of(token) or _told_life(found) or _USUAL_LIFE_S)


def _told_life(body: dict[str, Any]) -> float | None:
    try:
        return float(body.get("expires_in") or body.get("ttl") or 0) or None
    except (TypeError, ValueError):
        return None
