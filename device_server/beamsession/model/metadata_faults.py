"""What is wrong with metadata that were given, told key by key in one error."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from beamsession.model.errors import InvalidInputError
from beamsession.model.metadata_type import as_text
from beamsession.model.names import shortened

_MAX_TOLD = 20
_MAX_SHOWN = 60


class Fault(StrEnum):
    """A kind of fault, the gravest first: the code of the error."""

    BAD_VALUE = "BAD_METADATA_VALUE"
    UNDEFINED = "UNDEFINED_METADATA"
    MANDATORY = "MANDATORY_METADATA"

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return _REMEDIES[self]


_REMEDIES = {
    Fault.BAD_VALUE: "Give each key a value of its type; a key that has no value is left out or set to null.",
    Fault.UNDEFINED: "Correct the spelling, or have the key added to the definition.",
    Fault.MANDATORY: "Give a value for each mandatory key.",
}


class MetadataFaults:
    """Collects one fault for each key."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Fault, Any, str]] = {}

    def add(self, name: str, value: Any, fault: Fault, sentence: str) -> None:
        """The key `name`, given as `value`, is faulty; `sentence` says it all and has no full stop."""
        self._found[name] = (fault, value, sentence)

    def pardon(self, *faults: Fault) -> list[str]:
        """Drop the faults of these kinds; their sentences."""
        pardoned = {name: sentence for name, (fault, _, sentence) in self._found.items() if fault in faults}
        self._found = {name: found for name, found in self._found.items() if name not in pardoned}
        return list(pardoned.values())

    def refuse(self) -> None:
        """Raise one InvalidInputError for all faults; its code is that of the gravest."""
        if not self._found:
            return
        told = dict(list(self._found.items())[:_MAX_TOLD])
        untold = len(self._found) - len(told)
        sentences = [sentence for *_, sentence in told.values()] + ([f"and {untold} more"] if untold else [])
        kinds = [kind for kind in Fault if any(kind is fault for fault, *_ in self._found.values())]
        raise InvalidInputError(
            f"Metadata: {'; '.join(sentences)}.",
            code=kinds[0].value,
            value={name: None if value is None else shown(value) for name, (_, value, _) in told.items()},
            remedy=" ".join(kind.remedy for kind in kinds),
        )


def shown(value: Any) -> str:
    """`value` in an error message: text in quotes, all else as JSON, and not too long."""
    if isinstance(value, bool | int | float | list | dict):
        return shortened(as_text(value), _MAX_SHOWN)
    return repr(shortened(str(value), _MAX_SHOWN))
