"""Changing datasets and their lifecycle."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

from . import dataset_tables as tables
from .answers import Answer, forbidden_resource, refusal, unauthorized_access
from .backend import Call
from .clock import parse_time
from .dataset_documents import as_saved, as_v3, contents, normalised, patch_from_v3, remember, written_v4
from .datasets import as_text, load, require_creation, v3_error
from .routing import Route
from .state import Document

_MERGE_PATCH = "application/merge-patch+json"
_TOTALS = ("size", "packedSize", "numberOfFiles")


def _updatable(call: Call, *, shown: bool = True) -> Document:
    document = load(call, shown=shown)
    if not call.rights.may_update(document):
        raise unauthorized_access()
    return document


def _require_unmodified(call: Call, document: Document) -> None:
    header = call.headers.get("if-unmodified-since")
    if header is None:
        return
    try:
        since = parsedate_to_datetime(header)
    except ValueError:
        return
    updated = parse_time(document["updatedAt"])
    if updated is None or updated.replace(microsecond=0) <= since:
        return
    if call.backend.modern:
        raise refusal(412, f"Dataset #{document['pid']} has been modified on the server since {header}.")
    raise refusal(412, "Resource has been modified on server")


def _merged(old: Any, new: Any) -> Any:
    """RFC 7396: members are merged, null removes."""
    if not isinstance(new, dict):
        return new
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _require_whole_pairs(document: Document, body: Document) -> None:
    """A value may not be changed without its unit, nor a unit without its value."""
    for key, entry in (body.get("scientificMetadata") or {}).items():
        old = document["scientificMetadata"].get(key)
        if isinstance(old, dict) and {"value", "unit"} <= old.keys() and isinstance(entry, dict):
            given = {"value", "unit"} & entry.keys()
            if len(given) == 1:
                raise refusal(400, f"scientificMetadata.{key} must be sent with both value and unit")


def _changes(call: Call, document: Document, body: Document) -> Document:
    changes = {key: value for key, value in body.items() if key != "datasetlifecycle"}
    if isinstance(body.get("datasetlifecycle"), dict):
        changes["datasetlifecycle"] = document["datasetlifecycle"] | _known_lifecycle(body["datasetlifecycle"])
    if isinstance(body.get("scientificMetadata"), dict):
        _require_whole_pairs(document, body)
        if _MERGE_PATCH in call.headers.get("content-type", ""):
            changes["scientificMetadata"] = _merged(document["scientificMetadata"], body["scientificMetadata"])
    return normalised(changes)


def patch_v4(call: Call) -> Answer:
    require_creation(call)
    call.require(tables.dataset_patch_v4(call.profile))
    document = _updatable(call, shown=False)
    _require_unmodified(call, document)
    changes = _changes(call, document, call.body)
    if not call.backend.modern:
        changes = dict.fromkeys(_TOTALS, 0) | changes
    remember(call, document, changes)
    return Answer(200, written_v4(call, document))


def patch_v3(call: Call) -> Answer:
    require_creation(call)
    problems = call.problems(tables.dataset_patch_v3(call.profile))
    if problems:
        raise v3_error(as_text(problems))
    document = _updatable(call)
    _require_unmodified(call, document)
    remember(call, document, _changes(call, document, patch_from_v3(call.body)))
    return Answer(200, as_v3(document))


def replace_v4(call: Call) -> Answer:
    """PUT: the type and what belongs to the model's own bookkeeping get lost."""
    require_creation(call)
    call.require(tables.dataset_replacement(call.profile))
    document = _updatable(call, shown=False)
    kept = {key: document[key] for key in ("pid", "_id", "createdBy", "createdAt")}
    replaced = contents(call, call.body) | kept
    call.touch(replaced)
    call.state.datasets[document["pid"]] = replaced
    return Answer(200, as_saved(call, replaced))


def _known_lifecycle(body: Any) -> Document:
    if not isinstance(body, dict):
        return {}
    return {key: value for key, value in body.items() if key in tables.LIFECYCLE_FIELDS}


def read_lifecycle(call: Call) -> Answer:
    document = load(call)
    if not call.rights.may_read(document):
        raise unauthorized_access()
    return Answer(200, document["datasetlifecycle"])


def patch_lifecycle(call: Call) -> Answer:
    if not (call.rights.may_use_creation or call.rights.manages_lifecycle):
        raise forbidden_resource()
    document = load(call)
    if not (call.rights.may_update(document) or call.rights.manages_lifecycle):
        raise unauthorized_access()
    remember(call, document, {"datasetlifecycle": document["datasetlifecycle"] | _known_lifecycle(call.body)})
    return Answer(200, document["datasetlifecycle"])


ROUTES = (
    Route("PATCH", "/api/v4/datasets/{pid}", patch_v4),
    Route("PATCH", "/api/v3/datasets/{pid}", patch_v3),
    Route("PUT", "/api/v4/datasets/{pid}", replace_v4),
    *(Route("GET", f"/api/{version}/datasets/{{pid}}/datasetlifecycle", read_lifecycle) for version in ("v3", "v4")),
    *(Route("PATCH", f"/api/{version}/datasets/{{pid}}/datasetlifecycle", patch_lifecycle) for version in ("v3", "v4")),
)
