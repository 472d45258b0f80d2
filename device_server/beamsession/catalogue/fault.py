"""What the catalogue's refusals and silences mean: try again, look first, or give up."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, cast

import httpx

from beamsession.model.errors import BeamsessionError
from beamsession.model.names import shortened

_BUSY = {408, 425, 429, 503}
_GATEWAY = {502, 504}
_BODY_LIMIT = 2000


class Nature(StrEnum):
    """What may be done after a fault.

    TRANSIENT: nothing was stored, the same request may be sent again. AMBIGUOUS: it may have been stored, so look
    before sending it again. PERMANENT: the same request will fail again.
    """

    TRANSIENT = "transient"
    AMBIGUOUS = "ambiguous"
    PERMANENT = "permanent"


class CatalogueError(BeamsessionError):
    """The catalogue did not do what was asked.

    `status` is the HTTP status, 0 where there was no answer; `retry_after_s` is what the server asked for.
    """

    default_code = "CATALOGUE_REFUSED"

    def __init__(
        self,
        sentence: str,
        *,
        nature: Nature,
        status: int = 0,
        code: str | None = None,
        value: Any = None,
        remedy: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(sentence, code=code, value=value, remedy=remedy)
        self.nature = nature
        self.status = status
        self.retry_after_s = retry_after_s


def fault_of_silence(fault: httpx.TransportError, *, url: str, writes: bool) -> CatalogueError:
    """The meaning of a request that got no answer; `writes` tells whether it could have changed something."""
    never_sent = isinstance(fault, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    ambiguous = writes and not never_sent
    detail = str(fault) or type(fault).__name__
    return CatalogueError(
        f"The catalogue {url} does not answer: {detail}.",
        nature=Nature.AMBIGUOUS if ambiguous else Nature.TRANSIENT,
        code="CATALOGUE_UNREACHABLE",
        value=url,
        remedy="It is tried again; look whether the catalogue is up.",
    )


def fault_of_answer(response: httpx.Response, *, writes: bool) -> CatalogueError:
    """The meaning of an answer with an error status."""
    status = response.status_code
    said = server_message(response)
    what = f"{response.request.method} {response.request.url.path}"
    if status in _BUSY:
        # A 503 may come from a proxy whose backend had begun: only a look can tell.
        maybe_stored = writes and status == 503
        return CatalogueError(
            f"The catalogue is busy ({status} on {what}): {said}",
            nature=Nature.AMBIGUOUS if maybe_stored else Nature.TRANSIENT,
            status=status,
            code="CATALOGUE_BUSY",
            remedy="It is tried again.",
            retry_after_s=_retry_after(response),
        )
    if status in _GATEWAY or status >= 500:
        return CatalogueError(
            f"The catalogue failed ({status} on {what}): {said}",
            nature=Nature.AMBIGUOUS if writes else Nature.TRANSIENT,
            status=status,
            code="CATALOGUE_FAILED",
            remedy="It is tried again; if it stays, look into the catalogue's log.",
            retry_after_s=_retry_after(response),
        )
    return CatalogueError(
        f"The catalogue refused {what} ({status}): {said}",
        nature=Nature.PERMANENT,
        status=status,
        code=_CODES.get(status, CatalogueError.default_code),
        value=said,
        remedy=_REMEDIES.get(status, "Correct what the catalogue complains about, then ask for the ingest again."),
    )


_CODES = {401: "CATALOGUE_LOGIN", 403: "CATALOGUE_FORBIDDEN", 409: "CATALOGUE_CONFLICT", 413: "CATALOGUE_TOO_LARGE"}
_REMEDIES = {
    401: "Check the account or the token of the [catalogue] table, then ask for the ingest again.",
    403: "Check that the account may create data for this owner group, then ask for the ingest again.",
    413: "Lower catalogue.blocks.json_bytes below the limit of the proxy, then ask for the ingest again.",
}


def server_message(response: httpx.Response) -> str:
    """What the server said, in one line: the messages of a JSON error body, else the beginning of its text."""
    try:
        body: Any = response.json()
    except ValueError:
        kind = response.headers.get("content-type", "no type")
        return shortened(f"({kind}) {' '.join(response.text.split())}", 300)
    if not isinstance(body, dict):
        return shortened(str(body), _BODY_LIMIT)
    message = cast("dict[str, Any]", body).get("message", body)
    return shortened("; ".join(_messages(message)), _BODY_LIMIT)


def _messages(message: Any) -> list[str]:
    if isinstance(message, list):
        return [str(item) for item in cast("list[Any]", message)]
    text = message if isinstance(message, str) else json.dumps(message)
    try:
        nested = json.loads(text)
    except ValueError:
        return [text]
    if not isinstance(nested, list):
        return [text]
    found: list[str] = []
    for item in cast("list[Any]", nested):
        constraints = item.get("constraints") if isinstance(item, dict) else None
        found += [str(line) for line in constraints.values()] if isinstance(constraints, dict) else [str(item)]
    return found


def _retry_after(response: httpx.Response) -> float | None:
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= 86_400 else None
