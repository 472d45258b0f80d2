"""The ten requests we make of SciCat: thin, one at a time, with a log-in that renews itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock
from types import TracebackType
from typing import Any, cast
from urllib.parse import quote

import httpx

from beamsession.catalogue.credentials import read_secret
from beamsession.catalogue.fault import CatalogueError, Nature, fault_of_answer, fault_of_silence
from beamsession.catalogue.target import CatalogueTarget

_PAGE = 50
# A token is renewed when this share of its life is over.
_TOKEN_SHARE = 0.8


@dataclass(frozen=True)
class Identity:
    """Who the catalogue takes us for; an empty name means nobody."""

    name: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class StoredDataset:
    """What the catalogue holds under a pid; `size` in bytes."""

    pid: str
    fingerprint: str
    files: int
    size: int


@dataclass(frozen=True)
class StoredBlock:
    """A file list that the catalogue holds; `size` in bytes."""

    id: str
    size: int
    paths: frozenset[str]


class CatalogueClient:
    """A connection to one SciCat server. Every method raises CatalogueError; safe to share between threads."""

    def __init__(self, target: CatalogueTarget, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._target = target
        self._monotonic = monotonic
        self._lock = RLock()
        self._token = ""
        self._token_dies = 0.0
        timeout = httpx.Timeout(target.read_timeout_s, connect=target.connect_timeout_s)
        self._http = httpx.Client(base_url=target.url.rstrip("/"), timeout=timeout, follow_redirects=False)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> CatalogueClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def health(self) -> None:
        """Return if the server is up; needs no account."""
        self._send("GET", "/api/v3/health", writes=False)

    def whoami(self) -> Identity:
        """Who we are logged in as: the cheapest check of account and groups."""
        body = self._json("GET", "/api/v3/auth/whoami")
        groups = cast("list[Any]", body.get("currentGroups") or [])
        return Identity(name=str(body.get("username") or ""), groups=tuple(str(group) for group in groups))

    def create_dataset(self, document: dict[str, Any]) -> str:
        """Store a dataset and return its pid; a second time with the same pid is a fault with status 409."""
        body = self._json("POST", "/api/v4/datasets", content=document)
        return str(body.get("pid") or document.get("pid") or "")

    def is_valid(self, document: dict[str, Any]) -> bool:
        """Whether the server would take this dataset (it does not look at unknown fields)."""
        return bool(self._json("POST", "/api/v4/datasets/isValid", content=document, writes=False).get("valid"))

    def dataset(self, pid: str) -> StoredDataset | None:
        """What is stored under `pid`, None if nothing is; a fault with status 403 where we may not see it."""
        try:
            body = self._json("GET", f"/api/v4/datasets/{quote(pid, safe='')}")
        except CatalogueError as fault:
            if fault.status == 404:
                return None
            raise
        metadata = cast("dict[str, Any]", body.get("scientificMetadata") or {})
        fingerprint: Any = metadata.get("ingest_fingerprint")
        if isinstance(fingerprint, dict):
            fingerprint = cast("dict[str, Any]", fingerprint).get("value")
        return StoredDataset(
            pid=str(body.get("pid", "")),
            fingerprint=str(fingerprint or ""),
            files=int(body.get("numberOfFiles") or 0),
            size=int(body.get("size") or 0),
        )

    def post_block(self, block: dict[str, Any]) -> None:
        """Store one file list; the server keeps a second copy if it is sent twice."""
        # The flat v3 path: the v4 one refuses accounts that may create for others but do not own the dataset.
        self._send("POST", "/api/v3/origdatablocks", content=block, writes=True, timeout=self._target.block_timeout_s)

    def blocks(self, pid: str) -> list[StoredBlock]:
        """All file lists of a dataset; a fault with status 403 where we may not see it."""
        found: list[StoredBlock] = []
        while True:
            query = {
                "where": {"datasetId": pid},
                "fields": ["_id", "size", "dataFileList"],
                "limits": {"limit": _PAGE, "skip": len(found), "sort": {"_id": "asc"}},
            }
            page = self._json_list("/api/v4/origdatablocks", query)
            found += [_stored_block(item) for item in page]
            if len(page) < _PAGE:
                return found

    def instrument_pid(self, unique_name: str) -> str:
        """The pid of the instrument with this uniqueName, empty if the catalogue does not know it."""
        query = json.dumps({"where": {"uniqueName": unique_name}})
        body = self._json("GET", "/api/v3/instruments/findOne", params={"filter": query})
        return str(body.get("pid") or "")

    def _json(
        self,
        method: str,
        path: str,
        *,
        content: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        writes: bool | None = None,
    ) -> dict[str, Any]:
        writing = method != "GET" if writes is None else writes
        response = self._send(method, path, content=content, params=params, writes=writing)
        if not response.content.strip():
            return {}
        return cast("dict[str, Any]", _decoded(response, dict, writes=writing))

    def _json_list(self, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        response = self._send("GET", path, params={"filter": json.dumps(query)}, writes=False)
        return cast("list[dict[str, Any]]", _decoded(response, list, writes=False))

    def _send(
        self,
        method: str,
        path: str,
        *,
        content: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        writes: bool,
        timeout: float | None = None,
    ) -> httpx.Response:
        with self._lock:
            if path == "/api/v3/health":
                response = self._exchange(method, path, token="", writes=False)
            else:
                response = self._send_as_ourselves(method, path, content, params, writes, timeout)
        if response.is_success:
            return response
        raise fault_of_answer(response, writes=writes)

    def _send_as_ourselves(
        self,
        method: str,
        path: str,
        content: dict[str, Any] | None,
        params: dict[str, str] | None,
        writes: bool,
        timeout: float | None,
    ) -> httpx.Response:
        token = self._current_token()
        response = self._exchange(method, path, token, content=content, params=params, writes=writes, timeout=timeout)
        if response.status_code not in (401, 403):
            return response
        # An expired token shows as 401, or as 403 up to 5.1, and nothing was stored: log in again and repeat, once.
        self._token = ""
        fresh = self._current_token()
        if fresh == token:
            return response
        return self._exchange(method, path, fresh, content=content, params=params, writes=writes, timeout=timeout)

    def _exchange(
        self,
        method: str,
        path: str,
        token: str,
        *,
        content: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        writes: bool,
        timeout: float | None = None,
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Timeout(timeout or self._target.read_timeout_s, connect=self._target.connect_timeout_s)
        try:
            return self._http.request(method, path, json=content, params=params, headers=headers, timeout=limits)
        except httpx.TransportError as fault:
            raise fault_of_silence(fault, url=self._target.url, writes=writes) from fault

    def _current_token(self) -> str:
        if self._target.token_file is not None:
            self._token = read_secret(self._target.token_file)
            return self._token
        if not self._token or self._monotonic() >= self._token_dies:
            self._log_in()
        return self._token

    def _log_in(self) -> None:
        if self._target.password_file is None:
            raise AssertionError("the target was validated: a password file or a token file")
        account = {"username": self._target.username, "password": read_secret(self._target.password_file)}
        response = self._exchange("POST", "/api/v3/auth/login", "", content=account, writes=False)
        if not response.is_success:
            raise fault_of_answer(response, writes=False)
        body = cast("dict[str, Any]", _decoded(response, dict, writes=False))
        self._token = str(body.get("access_token") or body.get("id") or "")
        life = float(body.get("expires_in") or body.get("ttl") or 3600)
        self._token_dies = self._monotonic() + _TOKEN_SHARE * life


def _decoded(response: httpx.Response, kind: type[dict[Any, Any]] | type[list[Any]], *, writes: bool) -> Any:
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, kind):
        return body
    raise CatalogueError(
        f"The catalogue's answer to {response.request.method} {response.request.url.path} is not what it should be.",
        nature=Nature.AMBIGUOUS if writes else Nature.TRANSIENT,
        status=response.status_code,
        code="CATALOGUE_BAD_ANSWER",
        value=response.text[:200],
        remedy="Look whether the address is that of a SciCat server; it is tried again.",
    )


def _stored_block(item: dict[str, Any]) -> StoredBlock:
    files = cast("list[dict[str, Any]]", item.get("dataFileList") or [])
    return StoredBlock(
        id=str(item.get("_id", "")),
        size=int(item.get("size") or 0),
        paths=frozenset(str(file.get("path", "")) for file in files),
    )
