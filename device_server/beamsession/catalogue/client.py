"""The ten requests we make of SciCat: thin, one at a time, by an account that is known to be known."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import RLock
from types import TracebackType
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx

from beamsession.catalogue.api_version import ApiChoice, DatasetApi
from beamsession.catalogue.blocks import paths_digest
from beamsession.catalogue.connection import Connection
from beamsession.catalogue.fault import CatalogueError, Nature, fault_of_answer, is_unknown, without
from beamsession.catalogue.login import Login
from beamsession.catalogue.target import CatalogueTarget
from beamsession.catalogue.v3_body import v3_body

# A file list may hold 10 000 files.
_PAGE = 4
_MOST_FOUND = 100
_Answer = TypeVar("_Answer")
_HEALTH = "/api/v3/health"
_WHOAMI = "/api/v3/auth/whoami"


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
    """A file list that the catalogue holds; `size` in bytes, `digest` that of its paths (`paths_digest`)."""

    id: str
    size: int
    digest: str


class CatalogueClient:
    """A connection to one SciCat server. Every method raises CatalogueError; safe to share between threads.

    `before_request` is called before each request, and may keep it from being sent by not returning.
    """

    def __init__(
        self,
        target: CatalogueTarget,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        before_request: Callable[[], None] = lambda: None,
    ) -> None:
        self._target = target
        self._lock = RLock()
        self._connection = Connection(target, monotonic, before_request)
        self._login = Login(target, self._connection, monotonic)
        self._api = ApiChoice(target.api, self.read)

    def close(self) -> None:
        """Give the connections back."""
        self._connection.close()

    def __enter__(self) -> CatalogueClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def health(self) -> None:
        """Return if the server is up; needs no account."""
        self._send("GET", _HEALTH, writes=False)

    def whoami(self) -> Identity:
        """Who we are logged in as: the cheapest check of account and groups."""
        body = self._json("GET", _WHOAMI)
        groups = cast("list[Any]", body.get("currentGroups") or [])
        return Identity(name=str(body.get("username") or ""), groups=tuple(str(group) for group in groups))

    def create_dataset(self, document: dict[str, Any]) -> str:
        """Store a dataset and return its pid; a second time with the same pid is a fault with status 409.

        `document` is that of the newer API, whichever is used.
        """
        return self._by_api(
            lambda api: self._created(f"/api/{api}/datasets", v3_body(document) if api is DatasetApi.V3 else document)
        )

    def is_valid(self, document: dict[str, Any]) -> bool:
        """Whether the server would take this dataset (it does not look at unknown fields)."""

        def ask(api: DatasetApi) -> dict[str, Any]:
            content = v3_body(document) if api is DatasetApi.V3 else document
            return self._json("POST", f"/api/{api}/datasets/isValid", content=content, writes=False)

        return bool(self._by_api(ask).get("valid"))

    def complaints(self, document: dict[str, Any]) -> str:
        """What the server has against this dataset, in its own words; empty: nothing. The older API tells reasons."""
        answer = self._json("POST", "/api/v3/datasets/isValid", content=v3_body(document), writes=False)
        if answer.get("valid"):
            return ""
        said = answer.get("error") or answer.get("reason") or answer.get("message") or "It does not say why."
        return said if isinstance(said, str) else json.dumps(said)

    def find(self, where: dict[str, Any]) -> list[StoredDataset]:
        """The datasets that fit, of those that we may see; 100 at most."""
        query = {
            "where": where,
            "fields": ["pid", "numberOfFiles", "size", "scientificMetadata"],
            "limits": {"limit": _MOST_FOUND, "skip": 0, "sort": {"createdAt": "asc"}},
        }
        return [_stored_dataset(item) for item in self._json_list("/api/v4/datasets", query)]

    def dataset(self, pid: str) -> StoredDataset | None:
        """What is stored under `pid`, None if nothing is; a fault with status 403 where we may not see it."""
        try:
            body = self._by_api(lambda api: self._json("GET", f"/api/{api}/datasets/{quote(pid, safe='')}"))
        except CatalogueError as fault:
            if is_unknown(fault):
                return None
            raise
        if body.get("pid") != pid:
            raise _strange(f"It is asked for {pid} and answers with {str(body.get('pid'))[:100]!r}")
        return _stored_dataset(body)

    def post_block(self, block: dict[str, Any]) -> None:
        """Store one file list; the server keeps a second copy if it is sent twice."""
        # The flat v3 path: the v4 one refuses accounts that may create for others but do not own the dataset.
        path, timeout = "/api/v3/origdatablocks", self._target.block_timeout_s
        response = self._send("POST", path, content=block, writes=True, timeout=timeout)
        # A page that says that the catalogue is being mended may come with the status of a success.
        if not _decoded(response, dict, writes=True).get("_id"):
            raise _bad_answer(response, writes=True)

    def blocks(self, pid: str, *, size: int | None = None) -> Iterator[StoredBlock]:
        """The file lists of a dataset, or those of this size in bytes, one after the other: each may be long.

        A fault with status 403 where we may not see it.
        """
        if self._api.of_datasets() is DatasetApi.V3:
            found = map(_stored_block, self.read_list(f"/api/v3/datasets/{quote(pid, safe='')}/origdatablocks"))
            yield from (block for block in found if size in (None, block.size))
            return
        where = {"datasetId": pid} if size is None else {"datasetId": pid, "size": size}
        count = 0
        while True:
            query = {
                "where": where,
                "fields": ["_id", "size", "dataFileList"],
                "limits": {"limit": _PAGE, "skip": count, "sort": {"_id": "asc"}},
            }
            page = [_stored_block(item) for item in self._json_list("/api/v4/origdatablocks", query)]
            yield from page
            count += len(page)
            if len(page) < _PAGE:
                return

    def instrument_pid(self, unique_name: str) -> str:
        """The pid of the instrument with this uniqueName, empty if the catalogue does not know it."""
        query = json.dumps({"where": {"uniqueName": unique_name}})
        body = self._json("GET", "/api/v3/instruments/findOne", params={"filter": query})
        return str(body.get("pid") or "")

    def read(self, path: str) -> dict[str, Any] | None:
        """The document at `path`; None where there is none."""
        try:
            return self._json("GET", path) or None
        except CatalogueError as fault:
            if is_unknown(fault):
                return None
            raise

    def read_list(self, path: str) -> list[Any]:
        """The list at `path`."""
        response = self._send("GET", path, writes=False)
        return cast("list[Any]", _decoded(response, list, writes=False))

    def write(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """Have `content` stored at `path`; what was stored."""
        return self._json("POST", path, content=content)

    def _by_api(self, ask: Callable[[DatasetApi], _Answer]) -> _Answer:
        """What is asked through the API of datasets that this catalogue has."""
        try:
            return ask(self._api.of_datasets())
        except CatalogueError as fault:
            if not self._api.fall_back(fault):
                raise
        return ask(DatasetApi.V3)

    def _created(self, path: str, content: dict[str, Any]) -> str:
        response = self._send("POST", path, content=content, writes=True)
        pid = str(_decoded(response, dict, writes=True).get("pid") or "")
        if not pid or pid != content.get("pid", pid):
            raise _bad_answer(response, writes=True)
        return pid

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
        with self._lock:
            found = self._listed(path, query)
            if found or self._is_known():
                return found
            # Nobody sees nothing: older catalogues show an empty list to somebody whose token has ended.
            self._login.renew()
            found = self._listed(path, query)
            if found or self._is_known():
                return found
        raise _strange("It does not know its own log-in, and shows nothing")

    def _listed(self, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
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
        request = _Request(method, path, content, params, writes, timeout)
        try:
            with self._lock:
                response = self._exchange(request, "") if path == _HEALTH else self._as_ourselves(request)
            if not response.is_success:
                raise fault_of_answer(response, writes=writes)
        except CatalogueError as fault:
            raise without(self._login.secrets, fault) from fault.__cause__
        return response

    def _as_ourselves(self, request: _Request) -> httpx.Response:
        response = self._exchange(request, self._login.token())
        if response.status_code not in (401, 403) or (response.status_code == 403 and self._is_known()):
            return response
        # We were nobody to it, so nothing was stored: log in again and repeat, once.
        self._login.renew()
        return self._exchange(request, self._login.token())

    def _is_known(self) -> bool:
        """Whether the token that was used last still names somebody."""
        response = self._exchange(_Request("GET", _WHOAMI), self._login.token())
        if response.status_code == 401:
            return False
        if not response.is_success:
            raise fault_of_answer(response, writes=False)
        return bool(response.content.strip()) and bool(_decoded(response, dict, writes=False))

    def _exchange(self, request: _Request, token: str) -> httpx.Response:
        return self._connection.exchange(
            request.method,
            request.path,
            token=token,
            content=request.content,
            params=request.params,
            writes=request.writes,
            timeout=request.timeout,
        )


@dataclass(frozen=True)
class _Request:
    """What is sent; `writes` tells whether it could change something, `timeout` is in seconds."""

    method: str
    path: str
    content: dict[str, Any] | None = None
    params: dict[str, str] | None = None
    writes: bool = False
    timeout: float | None = None


def _decoded(response: httpx.Response, kind: type[dict[Any, Any]] | type[list[Any]], *, writes: bool) -> Any:
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, kind):
        return body
    raise _bad_answer(response, writes=writes)


def _bad_answer(response: httpx.Response, *, writes: bool) -> CatalogueError:
    return CatalogueError(
        f"The catalogue's answer to {response.request.method} {response.request.url.path} is not what it should be.",
        nature=Nature.AMBIGUOUS if writes else Nature.TRANSIENT,
        status=response.status_code,
        code="CATALOGUE_BAD_ANSWER",
        value=response.text[:200],
        remedy="Look whether the address is that of a SciCat server; it is tried again.",
    )


def _strange(what: str) -> CatalogueError:
    return CatalogueError(
        f"The catalogue contradicts itself: {what}.",
        nature=Nature.TRANSIENT,
        code="CATALOGUE_BAD_ANSWER",
        remedy="Look whether the address is that of one SciCat server; it is tried again.",
    )


def _stored_dataset(body: dict[str, Any]) -> StoredDataset:
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


def _stored_block(item: dict[str, Any]) -> StoredBlock:
    files = cast("list[dict[str, Any]]", item.get("dataFileList") or [])
    return StoredBlock(
        id=str(item.get("_id", "")),
        size=int(item.get("size") or 0),
        digest=paths_digest(str(file.get("path", "")) for file in files),
    )
