"""What the catalogue's refusals and silences mean: try again, look first, or give up."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import httpx

from beamsession.catalogue.complaints import Said, said_by
from beamsession.model.errors import BeamsessionError
from beamsession.model.names import shortened

_BUSY = {408, 425, 429, 503}
_GATEWAY = {502, 504}
_NOBODY_BEHIND = {*_GATEWAY, 503}
_BODY_LIMIT = 2000
_MOST_MESSAGES = 50
_PAGE_LIMIT = 20_000
_LONGEST_WAIT_S = 86_400.0
# What stays at its new place for good; other redirections may be gone tomorrow.
_MOVED = {301, 308}


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

    `status` is the HTTP status, 0 where there was no answer; `retry_after_s` is what the server asked for. `said` is
    what it said, 2 kB at most; `messages` are the same one by one, where it told what it does not like.
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
        said: str = "",
        messages: tuple[Said, ...] = (),
    ) -> None:
        super().__init__(sentence, code=code, value=value, remedy=remedy)
        self.nature = nature
        self.status = status
        self.retry_after_s = retry_after_s
        self.said = said
        self.messages = messages


def fault_of_silence(fault: httpx.TransportError | httpx.DecodingError, *, url: str, writes: bool) -> CatalogueError:
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
            said=said,
        )
    if status in _GATEWAY or status >= 500:
        return CatalogueError(
            f"The catalogue failed ({status} on {what}): {said}",
            nature=Nature.AMBIGUOUS if writes else Nature.TRANSIENT,
            status=status,
            code="CATALOGUE_FAILED",
            remedy="It is tried again; if it stays, look into the catalogue's log.",
            retry_after_s=_retry_after(response),
            said=said,
        )
    if status < 400:
        return _elsewhere(response, what)
    # A backend that is just being installed anew is not there for its proxy.
    is_the_proxys = status == 404 and not _is_json(response)
    return CatalogueError(
        f"The catalogue refused {what} ({status}): {said}",
        nature=Nature.TRANSIENT if is_the_proxys else Nature.PERMANENT,
        status=status,
        code=_CODES.get(status, CatalogueError.default_code),
        value=said,
        remedy=_REMEDIES.get(status, "Correct what the catalogue complains about, then ask for the ingest again."),
        said=said,
        messages=_said(response),
    )


_CODES = {401: "CATALOGUE_LOGIN", 403: "CATALOGUE_FORBIDDEN", 409: "CATALOGUE_CONFLICT", 413: "CATALOGUE_TOO_LARGE"}
_REMEDIES = {
    401: "Check the account or the token of the [catalogue] table, then ask for the ingest again.",
    403: "Check that the account may create data for this owner group, then ask for the ingest again.",
    413: "Lower catalogue.blocks.json_bytes below the limit of the proxy, then ask for the ingest again.",
}


def without(secrets: tuple[str, ...], fault: CatalogueError) -> CatalogueError:
    """The same fault without these words, which a server may have repeated to us."""

    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    told = f"{fault.sentence} {fault.value} {fault.said} {fault.messages}"
    if not any(secret in told for secret in secrets):
        return fault
    return CatalogueError(
        clean(fault.sentence),
        nature=fault.nature,
        status=fault.status,
        code=fault.code,
        value=clean(str(fault.value)),
        remedy=fault.remedy,
        retry_after_s=fault.retry_after_s,
        said=clean(fault.said),
        messages=tuple(Said(item.field, clean(item.text)) for item in fault.messages),
    )


def is_down(fault: CatalogueError) -> bool:
    """Whether this is about the catalogue as a whole: no answer, or a proxy's word that there is nobody behind it."""
    return fault.status in _NOBODY_BEHIND or (fault.status == 0 and fault.code == "CATALOGUE_UNREACHABLE")


def is_unknown(fault: CatalogueError) -> bool:
    """Whether it was the catalogue itself that said it does not have what was asked for."""
    return fault.status == 404 and fault.nature is Nature.PERMANENT and not str(fault.value).startswith("Cannot ")


def _elsewhere(response: httpx.Response, what: str) -> CatalogueError:
    status = response.status_code
    place = shortened(response.headers.get("location", ""), 200)
    if not place:
        return CatalogueError(
            f"The catalogue's answer to {what} is not what it should be ({status}).",
            nature=Nature.AMBIGUOUS,
            status=status,
            code="CATALOGUE_BAD_ANSWER",
            remedy="Look whether the address is that of a SciCat server; it is tried again.",
        )
    return CatalogueError(
        f"The catalogue's address sends us elsewhere ({status} on {what}): {place}",
        nature=Nature.PERMANENT if status in _MOVED else Nature.TRANSIENT,
        status=status,
        code="CATALOGUE_MOVED",
        value=place,
        remedy="Set catalogue.url to where the catalogue is now, then ask for the ingest again.",
    )


def _is_json(response: httpx.Response) -> bool:
    return "json" in response.headers.get("content-type", "")


def server_message(response: httpx.Response) -> str:
    """What the server said, in one line: the messages of a JSON error body, else the beginning of its text."""
    try:
        body: Any = response.json()
    except ValueError:
        kind = response.headers.get("content-type", "no type")
        return shortened(f"({kind}) {_plain_text(response.text[:_PAGE_LIMIT])}", 300)
    if not isinstance(body, dict):
        return shortened(str(body), _BODY_LIMIT)
    return shortened("; ".join(item.text for item in said_by(body)), _BODY_LIMIT)


def _said(response: httpx.Response) -> tuple[Said, ...]:
    try:
        return tuple(said_by(response.json())[:_MOST_MESSAGES])
    except ValueError:
        return ()


def _plain_text(page: str) -> str:
    """What a person reads of a page of HTML: its title, or all text that is shown."""
    title = re.search(r"<title[^>]*>(.*?)</title>", page, re.DOTALL | re.IGNORECASE)
    text = title.group(1) if title and title.group(1).strip() else re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", page)
    return " ".join(text.split())


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds; a moment is counted from the server's own time, if it tells that."""
    said = response.headers.get("retry-after", "").strip()
    if not said:
        return None
    if said.isdecimal():
        return min(float(said), _LONGEST_WAIT_S)
    moment = _moment(said)
    if moment is None:
        return None
    now = _moment(response.headers.get("date", "")) or datetime.now(UTC)
    return min(max((moment - now).total_seconds(), 0.0), _LONGEST_WAIT_S)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
