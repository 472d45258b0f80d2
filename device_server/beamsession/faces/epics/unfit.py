"""Why a value that was put does not fit its PV: a sentence that stands in CommandMessage."""

from __future__ import annotations

import math
from typing import Any

from beamsession.faces.epics.pv import Kind, Pv
from beamsession.model.errors import InvalidInputError
from beamsession.model.names import shortened

_STAYS = "it stays as it was."


def out_of_bounds(pv: Pv, value: Any) -> InvalidInputError | None:
    """The error for a number beyond the limits and for a text that is too long; None for a value that fits."""
    if pv.low is not None and isinstance(value, int) and not pv.low <= value <= (pv.high or math.inf):
        return InvalidInputError(
            f"{pv.name} cannot be {value}.",
            code="BAD_VALUE",
            value=value,
            remedy=f"Give {pv.low:.0f} to {pv.high:.0f}; {_STAYS}" if pv.high else "",
        )
    if pv.length and isinstance(value, str) and len(value.encode()) >= pv.length:
        return InvalidInputError(
            f"The text for {pv.name} is too long.",
            code="BAD_VALUE",
            value=len(value),
            remedy=f"Give less than {pv.length} bytes of UTF-8; {_STAYS}",
        )
    return None


def not_understood(pv: Pv, offered: str) -> InvalidInputError:
    """The error for what cannot be turned into the PV's kind of value."""
    if pv.kind is Kind.COMMAND:
        remedy = "Put 1 to give the command; nothing was done."
    elif pv.kind is Kind.ENUM:
        remedy = f"Give one of {', '.join(pv.choices)}; {_STAYS}"
    else:
        remedy = f"Give a number; {_STAYS}"
    return InvalidInputError(
        f"{pv.name} cannot be {shortened(offered)}.", code="BAD_VALUE", value=shortened(offered), remedy=remedy
    )
