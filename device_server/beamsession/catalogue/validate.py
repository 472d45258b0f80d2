"""Our own strict look at what will be sent: the server accepts much that harms it, and says little about the rest."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from beamsession.catalogue.fields import TEXT_FIELDS, TEXT_LIST_FIELDS
from beamsession.catalogue.metadata_rules import KEY
from beamsession.catalogue.problem import DatasetProblem, Severity
from beamsession.catalogue.settings import setting_of
from beamsession.catalogue.typed_value import MAX_SAFE_INTEGER

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")
_HOST = re.compile(r"(https?://)?([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}(:\d{1,5})?(/\S*)?")
_ORCID = re.compile(r"(https?://orcid\.org/)?\d{4}-\d{4}-\d{4}-\d{3}[\dX]")
_MAX_DEPTH = 10
_MAX_DOCUMENT_BYTES = 15_000_000

_TEXT_REQUIRED = ("type", "owner", "contactEmail", "ownerGroup", "sourceFolder", "creationTime", "datasetName")
_TEXT = {*_TEXT_REQUIRED, *TEXT_FIELDS, "pid", "sourceFolderHost"}
_OBJECTS = ("scientificMetadata", "datasetlifecycle")
_KNOWN = {*_TEXT, *_OBJECTS, *TEXT_LIST_FIELDS, "techniques", "isPublished"}
_TIMES = ("creationTime", "startTime", "endTime")


def dataset_problems(document: dict[str, Any], *, templated: Collection[str] = ()) -> list[DatasetProblem]:
    """Everything in a dataset document that the catalogue would refuse, fail on, or store wrongly; empty: send it.

    `templated` are the fields that [catalogue.fields] makes: what is wrong with them is to be changed there.
    """
    judge = _Judge(templated)
    judge.form(document)
    if not judge.problems:
        judge.content(document)
    if not judge.has_errors:
        judge.bytes(document)
    return judge.problems


class _Judge:
    def __init__(self, templated: Collection[str]) -> None:
        self._templated = templated
        self.problems: list[DatasetProblem] = []

    @property
    def has_errors(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.problems)

    def add(self, field: str, what: str, severity: Severity = Severity.ERROR) -> None:
        self.problems.append(_problem(field, what, severity, self._templated))

    def form(self, document: dict[str, Any]) -> None:
        """Which fields there are, and of which type."""
        for key in document:
            if key not in _KNOWN:
                self.add(key, "is not a field of a dataset")
        for key in _TEXT_REQUIRED:
            if not str(document.get(key) or "").strip():
                self.add(key, "is missing or empty")
        if document.get("pid", "any") in ("", None):
            self.add("pid", "is missing or empty")  # Left out, it is the server that makes one.
        for key in sorted(_TEXT & document.keys()):
            if not isinstance(document[key], str):
                self.add(key, "is not text")
        for key in sorted(TEXT_LIST_FIELDS & document.keys()):
            items = document[key]
            if not isinstance(items, list) or not all(isinstance(item, str) for item in cast("list[Any]", items)):
                self.add(key, "is not a list of texts")
        for key in _OBJECTS:
            if key in document and not isinstance(document[key], dict):
                self.add(key, "is not an object")

    def content(self, document: dict[str, Any]) -> None:
        """What the fields hold."""
        for field in ("contactEmail", "ownerEmail"):
            self._emails(field, document.get(field), is_list=field == "contactEmail")
        for field in _TIMES:
            self._time(field, document.get(field))
        host = document.get("sourceFolderHost")
        if host is not None and not _HOST.fullmatch(host):
            self.add("sourceFolderHost", f"is not a DNS name: {host!r}")
        orcid = document.get("orcidOfOwner")
        if orcid is not None and not _ORCID.fullmatch(orcid):
            self.add("orcidOfOwner", f"is not an ORCID: {orcid!r}", Severity.WARNING)
        if document.get("isPublished") is not False:
            self.add("isPublished", "must be false: publishing is a decision of its own")
        for number, technique in enumerate(cast("list[Any]", document.get("techniques") or [])):
            whole = isinstance(technique, dict) and all(
                isinstance(cast("dict[str, Any]", technique).get(key), str) for key in ("pid", "name")
            )
            if not whole:
                self.add(f"techniques.{number}", "has no pid or no name")
        for field in sorted(TEXT_LIST_FIELDS & document.keys()):
            if any(not item.strip() for item in document[field]):
                self.add(field, "has an empty item")
        self._texts(document)
        for field, value in cast("dict[str, Any]", document.get("datasetlifecycle") or {}).items():
            if not isinstance(value, str | bool):
                self.add(f"datasetlifecycle.{field}", "is neither text nor true or false")
        self.problems += metadata_problems(document.get("scientificMetadata", {}))

    def bytes(self, document: dict[str, Any]) -> None:
        """Whether the server's limit holds it."""
        if len(json.dumps(document, ensure_ascii=False).encode()) > _MAX_DOCUMENT_BYTES:
            self.add("scientificMetadata", f"makes the request larger than {_MAX_DOCUMENT_BYTES} bytes")

    def _texts(self, document: dict[str, Any]) -> None:
        """UTF-8 has no form for half a surrogate pair."""
        for field, value in document.items():
            texts = cast("list[Any]", value) if isinstance(value, list) else [value]
            for text in texts:
                if isinstance(text, str) and not _is_unicode(text):
                    self.add(field, f"holds signs that are no Unicode: {text[:60]!a}")

    def _emails(self, field: str, value: str | None, *, is_list: bool) -> None:
        if value is None:
            return
        addresses = value.split(";") if is_list else [value]
        for address in addresses:
            if not _EMAIL.fullmatch(address.strip() if is_list else address):
                self.add(field, f"is not an e-mail address: {address.strip()!r}")

    def _time(self, field: str, value: str | None) -> None:
        if value is None:
            return
        try:
            is_aware = datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            is_aware = False
        if not is_aware:
            self.add(field, f"is not a time with a zone: {value!r}")


def block_problems(block: dict[str, Any]) -> list[DatasetProblem]:
    """What is wrong with a block; the server checks neither sums nor paths."""
    problems: list[DatasetProblem] = []
    files = cast("list[dict[str, Any]]", block.get("dataFileList") or [])
    if not files:
        problems.append(_problem("dataFileList", "is empty"))
    if block.get("size") != sum(int(file["size"]) for file in files):
        problems.append(_problem("size", "is not the sum of the files' sizes"))
    seen: set[str] = set()
    for file in files:  # There may be ten thousand, and a block as often as it is sent.
        path: str = file["path"]
        if path in seen:
            problems.append(_problem("dataFileList.path", f"is there twice: {path}"))
        seen.add(path)
        if path.startswith("/") or (".." in path and ".." in path.split("/")):
            problems.append(_problem("dataFileList.path", f"leaves the data folder: {path}"))
        if not path.isascii() and not _is_utf8(path):
            problems.append(_problem("dataFileList.path", f"is not UTF-8: {path!a}"))
        if file["size"] < 0:
            problems.append(_problem("dataFileList.size", f"is negative: {path}"))
    return problems


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def metadata_problems(metadata: Any, where: str = "scientificMetadata", depth: int = 0) -> list[DatasetProblem]:
    """What the server would choke on: null, empty or odd keys, numbers it cannot hold, too deep nesting."""
    match metadata:
        case None:
            return [_problem(where, "is null")]
        case bool() | str():
            return [] if not isinstance(metadata, str) or _is_unicode(metadata) else [_problem(where, "is no Unicode")]
        case int():
            return [] if abs(metadata) < MAX_SAFE_INTEGER else [_problem(where, "is beyond 2^53")]
        case float():
            return [] if math.isfinite(metadata) else [_problem(where, "is not a finite number")]
        case list():
            items = cast("list[Any]", metadata)
            return [found for item in items for found in metadata_problems(item, f"{where}[]", depth)]
        case dict():
            if depth > _MAX_DEPTH:
                return [_problem(where, f"is nested deeper than {_MAX_DEPTH}")]
            problems: list[DatasetProblem] = []
            for key, value in cast("dict[Any, Any]", metadata).items():
                if not isinstance(key, str) or not KEY.fullmatch(key):
                    problems.append(_problem(where, f"has the key {key!a}: only letters, digits and '_'"))
                problems += metadata_problems(value, f"{where}.{key}", depth + 1)
            return problems
        case _:
            return [_problem(where, f"has the type {type(metadata).__name__}")]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _problem(
    field: str, what: str, severity: Severity = Severity.ERROR, templated: Collection[str] = ()
) -> DatasetProblem:
    setting = setting_of(field, templated)
    return DatasetProblem(
        severity=severity,
        field=field,
        setting=setting,
        sentence=f"{field} {what}.",
        remedy=f"Correct {setting}, then ask for the ingest again.",
    )
