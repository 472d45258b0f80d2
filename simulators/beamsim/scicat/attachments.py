"""Thumbnails and other pictures of datasets."""

from __future__ import annotations

from functools import cache

from .answers import Answer, bare_failure, forbidden_resource, not_found, unauthorized_access
from .backend import Call
from .datasets import load, require_creation
from .dto import ARRAY, BOOLEAN, Field, Table, one_of
from .dto_fields import ownable, required, strings
from .filters import V4_PAGE, parse_filter
from .routing import Route
from .site import Profile
from .state import Document, new_uuid

_RELATION = "is attached to"
_TARGETS = ("dataset", "proposal", "sample", "published_data")


@cache
def _table_v3(profile: Profile) -> Table:
    return Table(
        (
            *ownable(profile),
            *strings("id", "datasetId", "proposalId", "sampleId", "thumbnail"),
            required("caption"),
        )
    )


@cache
def _table_v4(profile: Profile) -> Table:
    target = Table((required("targetId"), required("targetType", one_of(*_TARGETS)), *strings("relationType")))
    return Table(
        (
            *ownable(profile),
            *strings("aid", "thumbnail"),
            required("caption"),
            Field("relationships", (ARRAY,), table=target),
            required("isPublished", BOOLEAN),
        )
    )


def _store(call: Call, body: Document, identifier: str) -> Document:
    own = {"aid": identifier, "_id": identifier, "__v": 0}
    attachment = {"accessGroups": [], "isPublished": False, "relationships": []} | body | call.signed() | own
    call.state.attachments[identifier] = attachment
    return attachment


def _as_v3(attachment: Document, pid: str) -> Document:
    """An attachment as a part of one dataset, though it may belong to several."""
    shown = {key: value for key, value in attachment.items() if key not in ("aid", "relationships")}
    return shown | {"datasetId": pid, "id": attachment["_id"]}


def attachments_of(call: Call, pid: str) -> list[Document]:
    """The attachments of a dataset, the newest first."""
    found = [
        attachment
        for attachment in call.state.attachments.values()
        if any(target["targetId"] == pid for target in attachment["relationships"])
    ]
    return found[::-1]


def create_nested(call: Call) -> Answer:
    """An identifier that is sent is ignored, so repeats make copies."""
    require_creation(call)
    call.require(_table_v3(call.profile))
    dataset = load(call)
    if not call.rights.may_add_parts(dataset):
        raise unauthorized_access()
    relation = {"targetId": dataset["pid"], "targetType": "dataset", "relationType": _RELATION}
    ignored = ("id", "datasetId", "proposalId", "sampleId")
    sent = {key: value for key, value in call.body.items() if key not in ignored}
    return Answer(201, _as_v3(_store(call, sent | {"relationships": [relation]}, new_uuid()), dataset["pid"]))


def list_nested(call: Call) -> Answer:
    dataset = load(call)
    if not call.rights.may_read(dataset):
        raise unauthorized_access()
    return Answer(200, [_as_v3(attachment, dataset["pid"]) for attachment in attachments_of(call, dataset["pid"])])


def thumbnail(call: Call) -> Answer:
    dataset = load(call)
    if not call.rights.may_read(dataset):
        raise unauthorized_access()
    pictures = [item["thumbnail"] for item in attachments_of(call, dataset["pid"])[::-1] if item.get("thumbnail")]
    return Answer(200, {"thumbnail": pictures[0]} if pictures else {})


def create_v4(call: Call) -> Answer:
    if not call.rights.may_use_attachments:
        raise forbidden_resource()
    call.require(_table_v4(call.profile))
    if not call.rights.may_attach(call.body):
        raise unauthorized_access()
    identifier = call.body.get("aid") or new_uuid()
    if identifier in call.state.attachments:
        raise bare_failure()
    relations = [{"relationType": _RELATION} | relation for relation in call.body.get("relationships") or []]
    attachment = _store(call, call.body | {"relationships": relations}, identifier)
    return Answer(201, attachment | {"id": identifier})


def list_v4(call: Call) -> Answer:
    wanted = parse_filter(call.query.get("filter"), V4_PAGE)
    newest_first = reversed(call.state.attachments.values())
    return Answer(200, [wanted.chosen(item) for item in wanted.select(newest_first) if call.rights.may_read(item)])


def read(call: Call) -> Answer:
    attachment = call.state.attachments.get(call.params["aid"])
    if attachment is None:
        raise not_found("Attachment", call.params["aid"])
    if not call.rights.may_read(attachment):
        raise unauthorized_access()
    return Answer(200, attachment)


ROUTES = (
    Route("POST", "/api/v3/datasets/{pid}/attachments", create_nested),
    Route("GET", "/api/v3/datasets/{pid}/attachments", list_nested),
    Route("GET", "/api/v3/datasets/{pid}/thumbnail", thumbnail),
    Route("POST", "/api/v4/attachments", create_v4),
    Route("GET", "/api/v4/attachments", list_v4),
    Route("GET", "/api/v4/attachments/{aid}", read),
)
