"""Tokens that look and expire like the catalogue's JSON Web Tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from enum import Enum, auto

from .clock import Clock
from .site import Account, Site
from .state import State

_LIFETIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w|y)?\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}
NEVER = 100 * _SECONDS["y"]


class Standing(Enum):
    """What a request's token says about its sender."""

    ANONYMOUS = auto()
    KNOWN = auto()
    EXPIRED = auto()


@dataclass(frozen=True)
class Identity:
    standing: Standing
    account: Account | None = None


ANONYMOUS = Identity(Standing.ANONYMOUS)


def lifetime(text: object, default: float) -> float:
    """Seconds meant by `2d`, `1s`, a number of seconds, or `never`; `default` for nothing."""
    if text in (None, ""):
        return default
    if text == "never":
        return NEVER
    match = _LIFETIME.match(str(text))
    if match is None:
        raise ValueError(f"not a lifetime: {text!r}")
    return float(match.group(1)) * _SECONDS[match.group(2) or "s"]


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class TokenOffice:
    """Issues tokens and says whom a token stands for."""

    def __init__(self, site: Site, state: State, clock: Clock) -> None:
        self._site = site
        self._state = state
        self._clock = clock

    def issue(self, account: Account, seconds: float) -> str:
        self._state.token_serial += 1
        issued = self._clock.now().timestamp()
        claims = {
            "_id": account.identifier,
            "username": account.username,
            "email": account.address,
            "authStrategy": "local",
            "serial": self._state.token_serial,
            "iat": int(issued),
            "exp": int(issued + seconds),
        }
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{signed}.{self._signature(signed)}"

    def expire_all(self) -> None:
        """Declare every token issued so far expired."""
        self._state.expired_serial = self._state.token_serial

    def forget_all(self) -> None:
        """Sign with another key from now on: whoever holds an older token is nobody, as after a new installation."""
        self._state.token_key = secrets.token_hex(32)

    def identify(self, token: str | None) -> Identity:
        """Whom the token stands for; none, or one this office did not issue, is anonymous."""
        signed, _, signature = (token or "").rpartition(".")
        if not signed or not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return ANONYMOUS
        claims = json.loads(_decoded(signed.partition(".")[2]))
        account = self._site.account_by_id(claims["_id"])
        if account is None:
            return ANONYMOUS
        late = claims["exp"] <= self._clock.now().timestamp()
        if late or claims["serial"] <= self._state.expired_serial:
            return Identity(Standing.EXPIRED)
        return Identity(Standing.KNOWN, account)

    def _signature(self, signed: str) -> str:
        return _encoded(hmac.digest(self._state.token_key.encode(), signed.encode(), hashlib.sha256))
