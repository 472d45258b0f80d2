"""What a handler gives back, and the error bodies of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

BARE_FAILURE = "Internal server error"


@dataclass(frozen=True)
class Answer:
    """Status and body of a response; `body` None is an empty body.

    `text` is sent as it is in place of a body, as HTML if `headers` do not say otherwise. Status 0 is no answer at
    all: the connection is cut. `fatal` marks an answer after which the real server's process is dead.
    """

    status: int = 200
    body: Any = None
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    fatal: bool = False


class ApiError(Exception):
    """A request that is refused with `answer`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body)
        self.answer = answer


def refusal(status: int, message: str | list[str]) -> ApiError:
    """The usual error body: message, the phrase of the status, the status."""
    return ApiError(Answer(status, {"message": message, "error": HTTPStatus(status).phrase, "statusCode": status}))


def forbidden_resource() -> ApiError:
    """The account may not use the endpoint at all."""
    return refusal(403, "Forbidden resource")


def unauthorized_access() -> ApiError:
    """The account may use the endpoint, but not on this document."""
    return refusal(403, "Unauthorized access")


def something_went_wrong() -> ApiError:
    """An error the backend did not foresee."""
    return ApiError(Answer(500, {"message": "Something went wrong. Please try again later.", "statusCode": 500}))


def bare_failure() -> ApiError:
    """What is answered when the failure lies below the controllers: a JSON string."""
    return ApiError(Answer(500, BARE_FAILURE))


def not_found(kind: str, identifier: str | None) -> ApiError:
    return refusal(404, f"{kind}: {'null' if identifier is None else identifier} not found")
