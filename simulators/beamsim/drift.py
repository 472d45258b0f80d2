"""How readings change with time: slowly and a little, as they do at a beamline."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wander:
    """A slow swing about a centre, with noise on it."""

    centre: float
    swing: float
    period: float
    """Seconds of one swing."""
    noise: float

    def value(self, seconds: float) -> float:
        """The reading at this time."""
        swing = self.swing * math.sin(2 * math.pi * seconds / self.period)
        return self.centre + swing + random.gauss(0, self.noise)


@dataclass(frozen=True, slots=True)
class TopUp:
    """The current of a storage ring: it decays, and is filled up again at regular times."""

    full: float
    loss: float
    """How much is lost before each filling."""
    period: float
    """Seconds between fillings."""

    def value(self, seconds: float) -> float:
        """The reading at this time."""
        return self.full - self.loss * ((seconds / self.period) % 1)
