"""Datasets as they are stored, and as the two generations of the interface show them."""

from __future__ import annotations

from typing import Any

from .backend import Call
from .clock import parse_time, stamp
from .dataset_tables import LIFECYCLE_FIELDS
from .dto import Table
from .state import Document, new_object_id, new_uuid
from .units import decode_keys, encode_keys, with_si

CLASSIFICATION = "IN=medium,AV=low,CO=low"
SINGLE = {"proposalId": "proposalIds", "sampleId": "sampleIds", "instrumentId": "instrumentIds"}
_TIMES = ("creationTime", "startTime", "endTime")
_EMPTY_LISTS = (
    "accessGroups",
    "keywords",
    "sharedWith",
    "principalInvestigators",
    "proposalIds",
    "sampleIds",
    "instrumentIds",
    "inputDatasets",
    "usedSoftware",
    "techniques",
    "relationships",
)
_COUNTS = ("size", "packedSize", "numberOfFiles", "numberOfFilesArchived")
_PARTS = ("techniques", "relationships")


def fresh_lifecycle(call: Call, given: Any) -> Document:
    """The lifecycle of a new dataset; keys that are not known are dropped without a word."""
    start, day = call.backend.started, call.backend.now()[:10]
    known = {key: value for key, value in given.items() if key in LIFECYCLE_FIELDS} if isinstance(given, dict) else {}
    return {
        "archivable": True,
        "retrievable": False,
        "publishable": False,
        "dateOfDiskPurging": start,
        "publishedOn": start,
        "isOnCentralDisk": True,
        "archiveStatusMessage": "datasetCreated",
        "retrieveStatusMessage": "",
        "retrieveIntegrityCheck": False,
        "_id": new_object_id(),
        "archiveRetentionTime": f"{day}T00:00:00.000Z",
        "dateOfPublishing": f"{day}T00:00:00.000Z",
    } | known


def normalised(body: Document) -> Document:
    """The sent values as they are stored: times in UTC, lists made, keys encoded, SI values added."""
    fields = dict(body)
    for name in _TIMES:
        moment = parse_time(fields.get(name))
        if moment is not None:
            fields[name] = stamp(moment)
    if isinstance(fields.get("sourceFolder"), str):
        fields["sourceFolder"] = without_slash(fields["sourceFolder"])
    if isinstance(fields.get("keywords"), str):
        fields["keywords"] = [fields["keywords"]]
    if isinstance(fields.get("scientificMetadata"), list):
        fields["scientificMetadata"] = {str(i): item for i, item in enumerate(fields["scientificMetadata"])}
    if isinstance(fields.get("scientificMetadata"), dict):
        fields["scientificMetadata"] = with_si(encode_keys(fields["scientificMetadata"]))
    for name in _PARTS:
        if isinstance(fields.get(name), list):
            fields[name] = [with_id(part) for part in fields[name]]
    return fields


def with_id(part: Document) -> Document:
    identifier = new_object_id()
    return part | {"_id": identifier, "id": identifier}


def without_slash(folder: str) -> str:
    return folder[:-1] if len(folder) > 1 and folder.endswith("/") else folder


def contents(call: Call, body: Document) -> Document:
    """Everything of a dataset that a body decides, with the defaults of what it leaves out."""
    defaults: Document = {name: [] for name in _EMPTY_LISTS} | dict.fromkeys(_COUNTS, 0)
    defaults |= {"isPublished": False, "scientificMetadata": {}}
    sent = {key: value for key, value in body.items() if key != "datasetlifecycle"}
    document = defaults | normalised(sent)
    document["datasetlifecycle"] = fresh_lifecycle(call, body.get("datasetlifecycle"))
    if document.get("scientificMetadataSchema"):
        document["scientificMetadataValid"] = False  # no schema can be fetched from here
    return document


def new_dataset(call: Call, body: Document, version: str) -> Document:
    pid = body.get("pid") or f"{call.backend.site.pid_prefix}/{new_uuid()}"
    own = {"pid": pid, "_id": pid, "version": version, "classification": CLASSIFICATION, "__v": 0}
    return contents(call, body) | call.signed() | own


def from_v3(body: Document, table: Table) -> Document:
    """A v3 body with its single values put into the lists of the model.

    Identifiers the table knows but the body leaves out become a list of one null, as on the real server.
    """
    fields = {
        key: value for key, value in body.items() if key not in (*SINGLE, "principalInvestigator", "investigator")
    }
    person = body.get("principalInvestigator") or body.get("investigator")
    fields["principalInvestigators"] = [person] if person else []
    for single, plural in SINGLE.items():
        if single in table.names:
            fields[plural] = [body.get(single)]
    if not fields.get("datasetName"):
        fields["datasetName"] = "/".join(without_slash(fields["sourceFolder"]).split("/")[-2:])
    fields.pop("version", None)
    return fields


def patch_from_v3(body: Document) -> Document:
    """The same for a patch: only what is sent is changed."""
    plural = {**SINGLE, "principalInvestigator": "principalInvestigators", "investigator": "principalInvestigators"}
    return {plural.get(key, key): [value] if key in plural else value for key, value in body.items()}


def _buffer(identifier: str) -> Document:
    """How newer backends let an identifier slip out of an aggregation: as its bytes."""
    return {"buffer": {"type": "Buffer", "data": list(bytes.fromhex(identifier))}}


def raw_identifiers(call: Call, part: Document) -> Document:
    """A part of a document as an aggregation shows it."""
    shown = {key: value for key, value in part.items() if key != "id"}
    if call.backend.modern and isinstance(part.get("_id"), str):
        shown["_id"] = _buffer(part["_id"])
    return shown


def as_stored(call: Call, document: Document) -> Document:
    """A dataset without its history; metadata keys stay encoded in v4 of the old generation."""
    shown = {key: value for key, value in document.items() if key != "history"}
    if call.backend.modern:
        shown["scientificMetadata"] = decode_keys(shown["scientificMetadata"])
    return shown


def as_v4(call: Call, document: Document) -> Document:
    """A dataset as v4 reads give it."""
    shown = as_stored(call, document)
    shown["datasetlifecycle"] = raw_identifiers(call, shown["datasetlifecycle"])
    for name in _PARTS:
        shown[name] = [raw_identifiers(call, part) for part in shown[name]]
    return shown


def as_saved(call: Call, document: Document) -> Document:
    """A dataset as the old generation answers a write: with `id` beside `_id`."""
    shown = as_stored(call, document)
    return shown if call.backend.modern else shown | {"id": document["_id"]}


def written_v4(call: Call, document: Document) -> Document:
    """A dataset as v4 creations and patches answer it."""
    return as_v4(call, document) if call.backend.modern else as_saved(call, document)


def as_v3(document: Document) -> Document:
    """A dataset with single-valued identifiers beside the lists, and readable metadata keys."""
    shown = {key: value for key, value in document.items() if key != "history"}
    shown["scientificMetadata"] = decode_keys(shown["scientificMetadata"])
    for single, plural in SINGLE.items():
        if shown[plural]:
            shown[single] = shown[plural][0]
    if shown["principalInvestigators"]:
        shown["principalInvestigator"] = shown["principalInvestigators"][0]
    return shown


def created_v3(document: Document) -> Document:
    """The answer to a v3 creation does not mention identifiers that were not sent."""
    absent = {single for single in SINGLE if document[SINGLE[single]] == [None]}
    return {key: value for key, value in as_v3(document).items() if key not in absent}


def remember(call: Call, document: Document, changes: Document) -> None:
    """Apply changes; the old generation keeps what the values were in a history."""
    changed = {
        key: {"previousValue": document.get(key), "currentValue": value}
        for key, value in changes.items()
        if document.get(key) != value
    }
    document |= changes
    call.touch(document)
    if changed and not call.backend.modern:
        entry = {"updatedAt": document["updatedAt"], "updatedBy": call.username, "_id": ""}
        document.setdefault("history", []).append(entry | changed)
