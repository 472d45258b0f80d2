"""The one family of errors: each has a stable code, a sentence for a person, the offending value, and a remedy."""

from __future__ import annotations

from typing import Any


class BeamsessionError(Exception):
    """An error that a face can show as it is.

    `code` never changes between versions and may be tested by programs; `sentence` says what is wrong,
    `remedy` what to do next, and `value` is what was offered (None where there is nothing to show).
    """

    default_code = "INTERNAL_ERROR"

    def __init__(self, sentence: str, *, code: str | None = None, value: Any = None, remedy: str = "") -> None:
        self.code = code or self.default_code
        self.sentence = sentence
        self.value = value
        self.remedy = remedy
        super().__init__(self.text)

    @property
    def text(self) -> str:
        """Sentence and remedy in one line: what every face shows first."""
        return f"{self.sentence} {self.remedy}".strip()

    def as_json(self) -> dict[str, Any]:
        """The exact error for faces that speak JSON."""
        return {
            "code": self.code,
            "kind": self.default_code,
            "sentence": self.sentence,
            "value": self.value,
            "remedy": self.remedy,
        }


class InvalidInputError(BeamsessionError):
    """What was given cannot be understood or is out of bounds."""

    default_code = "INVALID_INPUT"


class NotFoundError(BeamsessionError):
    """An id, a verb or a path that does not exist."""

    default_code = "NOT_FOUND"


class WrongStateError(BeamsessionError):
    """The command is not allowed in the present state."""

    default_code = "WRONG_STATE"


class NotPermittedError(BeamsessionError):
    """This principal may not do that."""

    default_code = "NOT_PERMITTED"


class ConflictError(BeamsessionError):
    """Somebody else changed the same thing first."""

    default_code = "CONFLICT"


class RefusedError(BeamsessionError):
    """The surroundings do not allow it now: a full disk, a PV that does not answer, a folder without permission."""

    default_code = "REFUSED"


class UnavailableError(BeamsessionError):
    """A part of the system that is needed does not answer."""

    default_code = "UNAVAILABLE"


_KINDS: dict[str, type[BeamsessionError]] = {
    kind.default_code: kind
    for kind in (
        BeamsessionError,
        InvalidInputError,
        NotFoundError,
        WrongStateError,
        NotPermittedError,
        ConflictError,
        RefusedError,
        UnavailableError,
    )
}


def error_from_json(data: dict[str, Any]) -> BeamsessionError:
    """The error that `as_json` described, of the same kind, for clients on the other side of a wire."""
    kind = _KINDS.get(str(data.get("kind")), BeamsessionError)
    code, sentence = str(data.get("code", BeamsessionError.default_code)), str(data.get("sentence", ""))
    return kind(sentence, code=code, value=data.get("value"), remedy=str(data.get("remedy", "")))
