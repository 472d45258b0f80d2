"""Our own strict look at what will be sent: the server accepts much that harms it, and says little about the rest."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from typing import Any, cast

from beamsession.catalogue.fields import TEXT_FIELDS, TEXT_LIST_FIELDS
from beamsession.model.report import Problem

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_EMAIL = re.compile(r"[^@\s;]+@[^@\s;]+\.[^@\s;]+")
_HOST = re.compile(r"(https?://)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d+)?(/\S*)?")
_MAX_SAFE_INTEGER = 2**53
_MAX_DEPTH = 10
_MAX_DOCUMENT_BYTES = 15_000_000

_TEXT_REQUIRED = ("pid", "type", "owner", "contactEmail", "ownerGroup", "sourceFolder", "creationTime", "datasetName")
_TEXT = {*_TEXT_REQUIRED, *TEXT_FIELDS, "sourceFolderHost"}
_KNOWN = {*_TEXT, *TEXT_LIST_FIELDS, "techniques", "isPublished", "scientificMetadata"}


def dataset_problems(document: dict[str, Any]) -> list[Problem]:
    """Everything in a dataset document that the catalogue would refuse, fail on, or store wrongly; empty: send it."""
    problems = [_problem(key, "is not a field of a dataset") for key in document if key not in _KNOWN]
    problems += [_problem(key, "is missing or empty") for key in _TEXT_REQUIRED if not document.get(key)]
    problems += [_problem(key, "is not text") for key in _TEXT & document.keys() if not isinstance(document[key], str)]
    for key in sorted(TEXT_LIST_FIELDS & document.keys()):
        if not isinstance(document[key], list) or not all(isinstance(item, str) for item in document[key]):
            problems.append(_problem(key, "is not a list of texts"))
    if problems:
        return problems
    problems += _email_problems(document) + _time_problems(document)
    host = document.get("sourceFolderHost")
    if host is not None and not _HOST.fullmatch(host):
        problems.append(_problem("sourceFolderHost", f"is not a DNS name: {host!r}"))
    if document.get("isPublished") is not False:
        problems.append(_problem("isPublished", "must be false: publishing is a decision of its own"))
    problems += metadata_problems(document.get("scientificMetadata", {}))
    if not problems and len(json.dumps(document)) > _MAX_DOCUMENT_BYTES:
        problems.append(_problem("scientificMetadata", f"makes the request larger than {_MAX_DOCUMENT_BYTES} bytes"))
    return problems


def block_problems(block: dict[str, Any]) -> list[Problem]:
    """What is wrong with a block; the server checks neither sums nor paths."""
    problems: list[Problem] = []
    files = cast("list[dict[str, Any]]", block.get("dataFileList") or [])
    if not files:
        problems.append(_problem("dataFileList", "is empty"))
    if block.get("size") != sum(int(file["size"]) for file in files):
        problems.append(_problem("size", "is not the sum of the files' sizes"))
    seen: set[str] = set()
    for file in files:
        path = str(file["path"])
        if path in seen:
            problems.append(_problem("dataFileList.path", f"is there twice: {path}"))
        seen.add(path)
        if path.startswith("/") or ".." in path.split("/"):
            problems.append(_problem("dataFileList.path", f"leaves the data folder: {path}"))
        try:
            path.encode()
        except UnicodeEncodeError:
            problems.append(_problem("dataFileList.path", f"is not UTF-8: {path!a}"))
        if int(file["size"]) < 0:
            problems.append(_problem("dataFileList.size", f"is negative: {path}"))
    return problems


def metadata_problems(metadata: Any, where: str = "scientificMetadata", depth: int = 0) -> list[Problem]:
    """What the server would choke on: null, empty or odd keys, numbers it cannot hold, too deep nesting."""
    match metadata:
        case None:
            return [_problem(where, "is null")]
        case bool() | str():
            return []
        case int():
            return [] if abs(metadata) < _MAX_SAFE_INTEGER else [_problem(where, "is beyond 2^53")]
        case float():
            return [] if math.isfinite(metadata) else [_problem(where, "is not a finite number")]
        case list():
            items = cast("list[Any]", metadata)
            return [found for item in items for found in metadata_problems(item, f"{where}[]", depth)]
        case dict():
            if depth > _MAX_DEPTH:
                return [_problem(where, f"is nested deeper than {_MAX_DEPTH}")]
            problems: list[Problem] = []
            for key, value in cast("dict[Any, Any]", metadata).items():
                if not isinstance(key, str) or not _KEY.fullmatch(key):
                    problems.append(_problem(where, f"has the key {key!a}: only letters, digits and '_'"))
                problems += metadata_problems(value, f"{where}.{key}", depth + 1)
            return problems
        case _:
            return [_problem(where, f"has the type {type(metadata).__name__}")]


def _email_problems(document: dict[str, Any]) -> list[Problem]:
    fields = [field for field in ("contactEmail", "ownerEmail") if field in document]
    addresses = [(field, address.strip()) for field in fields for address in str(document[field]).split(";")]
    wrong = [(field, address) for field, address in addresses if not _EMAIL.fullmatch(address)]
    return [_problem(field, f"is not an e-mail address: {address!r}") for field, address in wrong]


def _time_problems(document: dict[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    for key in ("creationTime", "startTime", "endTime"):
        if key not in document:
            continue
        try:
            aware = datetime.fromisoformat(document[key]).tzinfo is not None
        except ValueError:
            aware = False
        if not aware:
            problems.append(_problem(key, f"is not a time with a zone: {document[key]!r}"))
    return problems


def _problem(field: str, what: str) -> Problem:
    return Problem(
        code="BAD_DATASET",
        sentence=f"{field} {what}.",
        remedy="Correct the session's metadata or the [catalogue] table, then ask for the ingest again.",
    )
