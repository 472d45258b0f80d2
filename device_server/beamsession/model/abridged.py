"""A run plan with thousands of readings, made short: both ends know them from their configuration.

Ten thousand readings are a megabyte of JSON. On its way to the recorder and in the recorder's journal a plan names them
by their digest instead; a digest that is not known is refused, so nobody records other readings than were asked for.
"""

from __future__ import annotations

import hashlib
import threading

from pydantic import TypeAdapter

from beamsession.model.errors import RefusedError
from beamsession.model.plan import RunPlan
from beamsession.model.reading import ReadingConfig

Readings = tuple[ReadingConfig, ...]
_READINGS = TypeAdapter(Readings)


class _LastDigest:
    """Of the readings asked for last: throughout a process they are those of one configuration, and the same objects,
    which are compared in no time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[Readings, str] | None = None

    def of(self, readings: Readings) -> str:
        with self._lock:
            if self._known is None or self._known[0] != readings:
                self._known = readings, hashlib.sha256(readings_json(readings)).hexdigest()[:32]
            return self._known[1]


_digests = _LastDigest()


def digest_of(readings: Readings) -> str:
    """What tells these readings from all others: 32 hexadecimal digits. Quick where they were asked for last."""
    return _digests.of(readings)


def abridged(plan: RunPlan) -> RunPlan:
    """`plan` with the digest of its readings in their place; one without readings stays as it is."""
    if not plan.readings:
        return plan
    return plan.model_copy(update={"readings": (), "readings_digest": digest_of(plan.readings)})


def readings_json(readings: Readings) -> bytes:
    """The readings as JSON."""
    return _READINGS.dump_json(readings)


def readings_from_json(data: bytes) -> Readings:
    """What `readings_json` wrote. Raises ValidationError."""
    return _READINGS.validate_json(data)


class Completer:
    """Puts the readings that a recorder was configured with back into plans that name them."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._digest = digest_of(readings)

    def whole(self, plan: RunPlan) -> RunPlan:
        """`plan` with its readings. Raises RefusedError (READINGS_DIFFER)."""
        if not plan.readings_digest:
            return plan
        if plan.readings_digest != self._digest:
            raise RefusedError(
                "The recorder was started with other readings than the run asks for.",
                code="READINGS_DIFFER",
                value=plan.readings_digest,
                remedy="The configuration has changed: restart the recorder and the manager, with the same file.",
            )
        return plan.model_copy(update={"readings": self._readings, "readings_digest": ""})
