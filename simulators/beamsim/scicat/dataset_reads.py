"""Reading datasets: one, some, how many."""

from __future__ import annotations

import json

from . import dataset_tables as tables
from .answers import Answer, forbidden_resource, unauthorized_access
from .attachments import attachments_of
from .backend import Call
from .blocks import as_part
from .dataset_documents import as_v3, as_v4
from .datasets import load
from .filters import V3_PAGE, V4_PAGE, Filter, parse_filter
from .javascript_json import JsonSyntaxError, parse
from .routing import Route
from .state import Document

_BOOKKEEPING = frozenset(
    {"_id", "createdBy", "updatedBy", "createdAt", "updatedAt", "version", "history", "scientificMetadataValid"}
)


def _readable(call: Call) -> list[Document]:
    return [document for document in call.state.datasets.values() if call.rights.may_read(document)]


def _one(call: Call, *, shown: bool) -> Document:
    if not call.rights.may_use_reading:
        raise forbidden_resource()
    document = load(call, shown=shown)
    if not call.rights.may_read(document):
        raise unauthorized_access()
    return document


def _with_relations(call: Call, document: Document, include: tuple[str, ...]) -> Document:
    shown = as_v4(call, document)
    everything = "all" in include
    if everything or "origdatablocks" in include:
        shown["origdatablocks"] = [as_part(call, block) for block in call.state.blocks_of(document["pid"])]
    if everything or "attachments" in include:
        shown["attachments"] = attachments_of(call, document["pid"])
    return shown


def _included(text: str | None) -> tuple[str, ...]:
    """`include` of a single dataset is one name or a JSON list of names."""
    if not text:
        return ()
    try:
        names = parse(text)
    except JsonSyntaxError:
        names = [text]
    return tuple(names) if isinstance(names, list) else (str(names),)


def read_v4(call: Call) -> Answer:
    document = _one(call, shown=False)
    return Answer(200, _with_relations(call, document, _included(call.query.get("include"))))


def read_v3(call: Call) -> Answer:
    document = _one(call, shown=True)
    return Answer(200, as_v3(document) | {"history": document.get("history", [])})


def _filter_v4(call: Call) -> Filter:
    known = tables.dataset_v4(call.profile).names | _BOOKKEEPING
    return parse_filter(call.query.get("filter"), V4_PAGE, known)


def list_v4(call: Call) -> Answer:
    wanted = _filter_v4(call)
    found = wanted.select(_readable(call))
    return Answer(200, [wanted.chosen(_with_relations(call, document, wanted.include)) for document in found])


def find_one_v4(call: Call) -> Answer:
    """The first that fits, or an empty body."""
    wanted = _filter_v4(call)
    found = wanted.select(_readable(call))
    return Answer(200, wanted.chosen(_with_relations(call, found[0], wanted.include)) if found else None)


def count(call: Call) -> Answer:
    wanted = Filter(where=_filter_v4(call).where, limit=0)
    return Answer(200, {"count": len(wanted.select(_readable(call)))})


def list_v3(call: Call) -> Answer:
    wanted = parse_filter(call.query.get("filter"), V3_PAGE)
    return Answer(200, [wanted.chosen(as_v3(document)) for document in wanted.select(_readable(call))])


def full_query(call: Call) -> Answer:
    """The old search of the front end: `fields` are the conditions."""
    parts = {"where": call.query.get("fields"), "limits": call.query.get("limits")}
    text = json.dumps({key: parse(value) for key, value in parts.items() if value})
    return Answer(200, [as_v3(document) for document in parse_filter(text, V3_PAGE).select(_readable(call))])


ROUTES = (
    Route("GET", "/api/v4/datasets", list_v4),
    Route("GET", "/api/v4/datasets/findOne", find_one_v4),
    Route("GET", "/api/v4/datasets/count", count),
    Route("GET", "/api/v4/datasets/{pid}", read_v4),
    Route("GET", "/api/v3/datasets", list_v3),
    Route("GET", "/api/v3/datasets/fullquery", full_query),
    Route("GET", "/api/v3/datasets/{pid}", read_v3),
)
