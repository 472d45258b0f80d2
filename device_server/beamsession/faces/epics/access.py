"""Who may write: `user@host` rules against the name a client gives and the address it connects from."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass

_log = logging.getLogger(__name__)
_ANY = "*"
_LOCAL = "localhost"
_MOST_CLAIMED = 60


@dataclass(frozen=True)
class Client:
    """One Channel Access client.

    `user` and `host` are what it says of itself, which nobody can check; `address` is where its connection comes
    from, and `local` tells whether that is this host.
    """

    user: str
    host: str
    address: str
    local: bool

    @property
    def text(self) -> str:
        """`user@host (address)`, for people and the event log: what it claims, on one line, and what is known."""
        claimed = f"{self.user or 'unknown'}@{self.host or 'unknown'}"
        return f"{''.join(sign for sign in claimed if sign.isprintable())[:_MOST_CLAIMED]} ({self.address})"


class WriteAccess:
    """Decides by rules such as `*@localhost`, `bl1@10.1.0.0/16`, `*@console1`.

    The host of a rule is compared with the connection's address, never with the name that a client claims. A host's
    name is looked up once, here; one that is not found is logged and lets nobody in.
    """

    def __init__(self, rules: Sequence[str]) -> None:
        self._rules = [self._rule(text) for text in rules]

    def allows(self, client: Client) -> bool:
        """Whether one of the rules lets `client` write."""
        return any(user in (_ANY, client.user) and _is_at(host, client) for user, host in self._rules)

    def _rule(self, text: str) -> tuple[str, str | list[ipaddress.IPv4Network | ipaddress.IPv6Network]]:
        user, _, host = text.rpartition("@")
        return user, host if host in (_ANY, _LOCAL) else _networks(host)


def _is_at(host: str | list[ipaddress.IPv4Network | ipaddress.IPv6Network], client: Client) -> bool:
    if isinstance(host, str):
        return host == _ANY or client.local
    address = ipaddress.ip_address(client.address)
    return any(address in network for network in host)


def _networks(host: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(host, strict=False)]
    except ValueError:
        pass
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, socket.AF_INET)}
    except OSError as fault:
        _log.warning("the host %s in epics.write is not found (%s): it lets nobody write", host, fault)
        return []
    return [ipaddress.ip_network(address) for address in found]
