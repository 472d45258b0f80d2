"""One request and its whole answer over HTTP: bounded in time and size, and never sent a second time by itself."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx

from beamsession.catalogue.fault import fault_of_silence
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.errors import InvalidInputError

# A block of the longest kind, as the catalogue gives it back, has about half of it.
_LONGEST_ANSWER = 64 * 1024 * 1024
# Shorter than the catalogue's own five seconds: a connection that it is about to close is not used again.
_IDLE_S = 2.0


class Connection:
    """To one server. Not for two threads at a time: one request is on its way at most.

    `before_request` is called before each one, and may keep it from being sent by not returning.
    """

    def __init__(
        self,
        target: CatalogueTarget,
        monotonic: Callable[[], float] = time.monotonic,
        before_request: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = target.url.rstrip("/")
        self._read_s = target.read_timeout_s
        self._connect_s = target.connect_timeout_s
        self._monotonic = monotonic
        # Whose shell the worker was started from must not decide where the data go: no proxies of the environment.
        self._http = httpx.Client(
            base_url=self._url,
            verify=_trust(target),
            proxy=target.proxy or None,
            trust_env=False,
            follow_redirects=False,
            event_hooks={"request": [lambda _request: before_request()]},
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE_S),
        )

    def close(self) -> None:
        """Give it back."""
        self._http.close()

    def exchange(
        self,
        method: str,
        path: str,
        *,
        token: str,
        content: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        writes: bool,
        timeout: float | None = None,
    ) -> httpx.Response:
        """The answer, read to its end, with any status. Raises CatalogueError where there is none."""
        seconds = timeout or self._read_s
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Timeout(seconds, connect=self._connect_s)
        try:
            with self._http.stream(
                method, path, json=content, params=params, headers=headers, timeout=limits
            ) as response:
                body = self._read(response, self._monotonic() + seconds)
        except (httpx.TransportError, httpx.DecodingError) as fault:
            raise fault_of_silence(fault, url=self._url, writes=writes) from fault
        kept = [(name, value) for name, value in response.headers.multi_items() if name not in _OF_THE_STREAM]
        return httpx.Response(response.status_code, headers=kept, content=body, request=response.request)

    def _read(self, response: httpx.Response, end: float) -> bytes:
        """The body; one that never ends, by its length or its pace, is no answer."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _LONGEST_ANSWER:
                raise httpx.ReadError(f"its answer is longer than {_LONGEST_ANSWER} bytes", request=response.request)
            if self._monotonic() > end:
                raise httpx.ReadTimeout("its answer does not come to an end", request=response.request)
        return bytes(body)


_OF_THE_STREAM = {"content-encoding", "content-length", "transfer-encoding"}


def _trust(target: CatalogueTarget) -> ssl.SSLContext:
    """The authorities that the host and our libraries trust, and the site's own."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    if target.ca_file is not None:
        try:
            context.load_verify_locations(cafile=target.ca_file)
        except (OSError, ssl.SSLError) as fault:
            raise InvalidInputError(
                f"The certificates in {target.ca_file} cannot be used: {fault.strerror or fault}.",
                code="BAD_CONFIG",
                value=str(target.ca_file),
                remedy="Name a PEM file with the authority's certificate in catalogue.ca_file, or leave it out.",
            ) from fault
    return context
