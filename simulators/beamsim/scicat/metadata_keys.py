"""The index of the keys that scientific metadata have: what the front end offers to search for."""

from __future__ import annotations

from typing import Any

from .answers import Answer, forbidden_resource
from .backend import Call
from .filters import parse_filter
from .routing import Route
from .state import Document

_PAGE = 100
# The name of the kind of document, not of its route: a filter for `dataset` finds nothing.
_SOURCE = "Dataset"
_NAMES = frozenset(
    {"_id", "key", "sourceType", "humanReadableName", "userGroups", "isPublished", "usageCount", "createdAt"}
)


def _index(call: Call) -> list[Document]:
    """One entry for each key and name for people, with the groups of the datasets that have it."""
    found: dict[tuple[str, str], Document] = {}
    for dataset in call.state.datasets.values():
        metadata: dict[str, Any] = dataset["scientificMetadata"]
        for key, value in metadata.items():
            name = str(value.get("human_name", "")) if isinstance(value, dict) else ""
            entry = found.setdefault((key, name), _entry(key, name, dataset))
            groups = {*entry["userGroups"], dataset["ownerGroup"], *dataset["accessGroups"]}
            entry["userGroups"] = sorted(groups)
            entry["usageCount"] += 1
            entry["isPublished"] |= bool(dataset.get("isPublished"))
    return list(found.values())


def _entry(key: str, name: str, dataset: Document) -> Document:
    return {
        "_id": f"{_SOURCE}_{key}_{name}",
        "key": key,
        "sourceType": _SOURCE,
        "humanReadableName": name,
        "userGroups": [],
        "isPublished": False,
        "usageCount": 0,
        "createdAt": dataset["createdAt"],
    }


def list_keys(call: Call) -> Answer:
    if call.account is None:
        raise forbidden_resource()
    wanted = parse_filter(call.query.get("filter"), _PAGE, _NAMES)
    groups = set(call.account.groups)
    seen = [
        entry
        for entry in _index(call)
        if call.rights.admin or entry["isPublished"] or not groups.isdisjoint(entry["userGroups"])
    ]
    return Answer(200, [wanted.chosen(entry) for entry in wanted.select(seen)])


ROUTES = (Route("GET", "/api/v4/metadatakeys", list_keys),)
