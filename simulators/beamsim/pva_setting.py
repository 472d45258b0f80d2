"""A PV over pvAccess whose put is checked first: a refused one fails at the client, with the reason."""

from __future__ import annotations

import time
from collections.abc import Callable

from p4p.nt import NTEnum, NTScalar
from p4p.server import ServerOperation
from p4p.server.thread import SharedPV

_LARGEST_SIDE = 8192


def scalar(code: str, value: float, put: Callable[..., None] | None = None, units: str = "") -> SharedPV:
    """An NTScalar of this p4p type code; read-only without ``put``, which may raise ValueError."""
    nt = NTScalar(code, display=True)
    initial = nt.wrap(value, timestamp=time.time())
    initial["display.units"] = units
    return SharedPV(nt=nt, initial=initial, handler=put and _ApplyThenShow(put))


def choice(choices: tuple[str, ...], index: int, put: Callable[[int], None] | None = None) -> SharedPV:
    """An NTEnum; read-only without ``put``, which is given the index and may raise ValueError."""
    initial = {"index": index, "choices": list(choices)}
    return SharedPV(nt=NTEnum(), initial=initial, handler=put and _ApplyThenShow(put))


def command(choices: tuple[str, str], put: Callable[[int], None]) -> SharedPV:
    """An NTEnum that whoever carries the command out posts to, not the put itself."""
    initial = {"index": 0, "choices": list(choices)}
    return SharedPV(nt=NTEnum(), initial=initial, handler=_ApplyOnly(put))


def not_negative(name: str, value: float) -> float:
    """The value; ValueError if it is below 0."""
    if value < 0:
        raise ValueError(f"{name} is {value}; it must be 0 or more")
    return value


def side(name: str, value: int) -> int:
    """The number of pixels along one side; ValueError if no frame can have it."""
    if not 1 <= value <= _LARGEST_SIDE:
        raise ValueError(f"{name} is {value}; it must be 1 to {_LARGEST_SIDE}")
    return int(value)


class _ApplyOnly:
    def __init__(self, apply: Callable[..., None]) -> None:
        self._apply = apply

    def put(self, pv: SharedPV, op: ServerOperation) -> None:
        try:
            self._take(pv, op.value())
        except (ValueError, IndexError) as problem:
            op.done(error=str(problem))
        else:
            op.done()

    def _take(self, pv: SharedPV, value: object) -> None:
        self._apply(value)


class _ApplyThenShow(_ApplyOnly):
    def _take(self, pv: SharedPV, value: object) -> None:
        super()._take(pv, value)
        pv.post(value, timestamp=time.time())
