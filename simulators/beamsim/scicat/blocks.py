"""Lists of files: the original data blocks of a dataset."""

from __future__ import annotations

import json

from . import block_tables as tables
from .answers import Answer, bare_failure, forbidden_resource, not_found, unauthorized_access
from .backend import Call
from .clock import parse_time, stamp
from .dataset_documents import raw_identifiers, remember, with_id
from .datasets import load, require_creation
from .dto import validate
from .filters import V4_PAGE, parse_filter
from .routing import Route
from .state import Document, new_uuid

_KNOWN = frozenset({"_id", "createdBy", "updatedBy", "createdAt", "updatedAt"})


def _new_block(call: Call, dataset: Document) -> Document:
    """A block takes its groups from the dataset, whatever was sent."""
    identifier = new_uuid()
    files = [with_id(file | {"time": _utc(file["time"])}) for file in call.body["dataFileList"]]
    owned = {
        "ownerGroup": dataset["ownerGroup"],
        "accessGroups": list(dataset["accessGroups"]),
        "datasetId": dataset["pid"],
        "dataFileList": files,
    }
    block = {"isPublished": False} | call.body | owned | call.signed()
    return block | {"_id": identifier, "__v": 0, "id": identifier}


def _utc(text: str) -> str:
    moment = parse_time(text)
    return stamp(moment) if moment else text


def _store(call: Call, dataset: Document) -> Document:
    block = _new_block(call, dataset)
    if len(json.dumps(as_part(call, block), separators=(",", ":"))) > call.backend.site.document_limit:
        raise bare_failure()
    call.state.blocks[block["_id"]] = block
    return block


def _recount(call: Call, dataset: Document) -> None:
    blocks = call.state.blocks_of(dataset["pid"])
    total = sum(block["size"] for block in blocks)
    remember(call, dataset, {"size": total, "numberOfFiles": sum(len(block["dataFileList"]) for block in blocks)})


def create_v4(call: Call) -> Answer:
    """Asks for the right to update the dataset; an unknown one is as good as a foreign one."""
    require_creation(call)
    call.require(tables.block(call.profile))
    dataset = call.state.datasets.get(call.body["datasetId"])
    if dataset is None or not call.rights.may_update(dataset):
        raise unauthorized_access()
    block = _store(call, dataset)
    _recount(call, dataset)
    return Answer(201, block)


def create_v3(call: Call) -> Answer:
    require_creation(call)
    call.require(tables.block(call.profile))
    dataset = call.state.datasets.get(call.body["datasetId"])
    if dataset is None:
        raise not_found("dataset", call.body["datasetId"])
    if not call.rights.may_add_parts(dataset):
        raise unauthorized_access()
    block = _store(call, dataset)
    _recount(call, dataset)
    return Answer(201, block)


async def create_nested(call: Call) -> Answer:
    """The old generation reads the totals, waits, and writes them back: parallel calls lose updates."""
    require_creation(call)
    call.require(tables.nested_block(call.profile))
    dataset = load(call)
    if not call.rights.may_add_parts(dataset):
        raise unauthorized_access()
    size, files = dataset["size"], dataset["numberOfFiles"]
    block = _store(call, dataset)
    await call.pause()
    if call.backend.modern:
        size, files = dataset["size"], dataset["numberOfFiles"]
    changes = {"size": size + block["size"], "numberOfFiles": files + len(block["dataFileList"])}
    remember(call, dataset, changes)
    return Answer(201, block)


def _require_own_group(call: Call) -> None:
    """A dry run is judged by the group in the body, not by the dataset."""
    require_creation(call)
    body = call.body if isinstance(call.body, dict) else {}
    if not (call.rights.owns(body) or call.rights.admin):
        raise unauthorized_access()


def is_valid_v4(call: Call) -> Answer:
    _require_own_group(call)
    table = tables.block(call.profile)
    body = table.only_known(call.body)
    reasons = [
        {"target": body, "value": body.get(problem.property)} | problem.as_json() for problem in validate(table, body)
    ]
    return Answer(200, {"valid": not reasons, "reason": reasons})


def is_valid_v3(call: Call) -> Answer:
    _require_own_group(call)
    table = tables.block(call.profile)
    problems = validate(table, table.only_known(call.body))
    if not problems:
        return Answer(200, {"valid": True})
    return Answer(200, {"valid": False, "errors": [problem.as_json() for problem in problems]})


def _plain(block: Document) -> Document:
    """A block as reads give it: without the `id` that stands beside `_id` after a write."""
    files = [{key: value for key, value in file.items() if key != "id"} for file in block["dataFileList"]]
    return {key: value for key, value in block.items() if key != "id"} | {"dataFileList": files}


def as_part(call: Call, block: Document) -> Document:
    """A block as it is shown inside its dataset."""
    shown = _plain(block)
    return shown | {"dataFileList": [raw_identifiers(call, file) for file in shown["dataFileList"]]}


def list_v4(call: Call) -> Answer:
    wanted = parse_filter(call.query.get("filter"), V4_PAGE, tables.block(call.profile).names | _KNOWN)
    readable = (block for block in call.state.blocks.values() if call.rights.may_read(block))
    return Answer(200, [wanted.chosen(_plain(block)) for block in wanted.select(readable)])


def list_nested(call: Call) -> Answer:
    dataset = load(call)
    if not call.rights.may_read(dataset):
        raise unauthorized_access()
    return Answer(200, call.state.blocks_of(dataset["pid"]))


def _load_block(call: Call) -> Document:
    block = call.state.blocks.get(call.params["id"])
    if block is None:
        raise not_found("OrigDatablock", call.params["id"])
    return block


def read(call: Call) -> Answer:
    block = _load_block(call)
    if not call.rights.may_read(block):
        raise unauthorized_access()
    return Answer(200, _plain(block))


def patch(call: Call) -> Answer:
    require_creation(call)
    call.require(tables.block(call.profile).partial("datasetId"))
    block = _load_block(call)
    if not call.rights.may_update(block):
        raise unauthorized_access()
    block |= call.body
    call.touch(block)
    return Answer(200, block)


def delete(call: Call) -> Answer:
    if not call.rights.may_delete:
        raise forbidden_resource()
    return Answer(200, call.state.blocks.pop(_load_block(call)["_id"]))


ROUTES = (
    Route("POST", "/api/v4/origdatablocks", create_v4),
    Route("POST", "/api/v3/origdatablocks", create_v3),
    Route("POST", "/api/v3/datasets/{pid}/origdatablocks", create_nested),
    Route("POST", "/api/v4/origdatablocks/isValid", is_valid_v4),
    Route("POST", "/api/v3/origdatablocks/isValid", is_valid_v3),
    Route("GET", "/api/v4/origdatablocks", list_v4),
    Route("GET", "/api/v4/origdatablocks/{id}", read),
    Route("PATCH", "/api/v4/origdatablocks/{id}", patch),
    Route("DELETE", "/api/v4/origdatablocks/{id}", delete),
    Route("GET", "/api/v3/datasets/{pid}/origdatablocks", list_nested),
)
