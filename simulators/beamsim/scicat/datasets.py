"""Creating datasets, with a dry run, and deleting them."""

from __future__ import annotations

import json
import re

from . import dataset_tables as tables
from .answers import (
    Answer,
    ApiError,
    forbidden_resource,
    not_found,
    refusal,
    something_went_wrong,
    unauthorized_access,
)
from .backend import Call
from .dataset_documents import (
    as_saved,
    created_v3,
    from_v3,
    new_dataset,
    written_v4,
)
from .dto import Problem, Table, messages, validate
from .policies import ensure_policy
from .routing import Route
from .state import Document


def load(call: Call, *, shown: bool = True) -> Document:
    """The dataset of the path; 404 if there is none, without its name where the backend forgets it."""
    pid = call.params["pid"]
    document = call.state.datasets.get(pid)
    if document is None:
        raise not_found("dataset", pid if shown else None)
    return document


def require_creation(call: Call) -> None:
    if not call.rights.may_use_creation:
        raise forbidden_resource()


def _require_pid_form(call: Call, body: Document) -> None:
    pid, pattern = body.get("pid"), call.backend.site.pid_pattern
    if pid and pattern is not None and not re.fullmatch(pattern, pid):
        raise refusal(400, "PID is not following required standards")


def _store(call: Call, body: Document, version: str) -> tuple[Document, bool]:
    """Store a new dataset; also says whether its metadata kill the server."""
    if body.get("owner") is None or body.get("pid") == "":
        raise something_went_wrong()
    document = new_dataset(call, body, version)
    if document["pid"] in call.state.datasets:
        raise refusal(409, f"A dataset with pid {document['pid']} already exists!")
    call.state.datasets[document["pid"]] = document
    ensure_policy(call, document)
    metadata = document["scientificMetadata"]
    deadly = isinstance(metadata, dict) and (None in metadata.values() or "" in metadata)
    if deadly and call.backend.modern and None in metadata.values():
        raise something_went_wrong()
    return document, deadly and not call.backend.modern


def create_v4(call: Call) -> Answer:
    require_creation(call)
    call.require(tables.dataset_v4(call.profile))
    _require_pid_form(call, call.body)
    if not call.rights.may_create(call.body):
        raise unauthorized_access()
    document, fatal = _store(call, call.body, "4")
    return Answer(201, written_v4(call, document), fatal=fatal)


def v3_error(message: str) -> ApiError:
    return ApiError(Answer(400, {"status": 400, "message": message}))


def _v3_table(call: Call) -> Table:
    """The table that judges a v3 body is chosen by its type."""
    kind = call.body.get("type") if isinstance(call.body, dict) else None
    if kind == "raw":
        return tables.raw_v3(call.profile)
    if kind == "derived":
        return tables.derived_v3(call.profile)
    if call.backend.modern:
        raise v3_error("Invalid dataset type!")
    return tables.dataset_v4(call.profile)


def as_text(problems: list[Problem]) -> str:
    return json.dumps([problem.as_json() for problem in problems], separators=(",", ":"), ensure_ascii=False)


def create_v3(call: Call) -> Answer:
    require_creation(call)
    table = _v3_table(call)
    problems = call.problems(table)
    if problems:
        raise v3_error(as_text(problems))
    if not call.rights.may_create(call.body):
        raise refusal(403, "Unauthorized to create this dataset")
    _require_pid_form(call, call.body)
    document, fatal = _store(call, from_v3(call.body, table), "3")
    return Answer(201, created_v3(document), fatal=fatal)


def _judged(call: Call, table: Table) -> list[Problem]:
    """The problems a dry run reports: it looks at the right to create, and not at unknown properties."""
    require_creation(call)
    body = table.only_known(call.body)
    if not call.rights.may_create(body):
        raise unauthorized_access()
    return validate(table, body)


def is_valid_v4(call: Call) -> Answer:
    return Answer(200, {"valid": not _judged(call, tables.dataset_v4(call.profile))})


def is_valid_v3(call: Call) -> Answer:
    problems = _judged(call, _v3_table(call))
    return Answer(200, {"valid": False, "error": ", ".join(messages(problems))} if problems else {"valid": True})


def delete(call: Call) -> Answer:
    """Only the delete groups may; the blocks stay behind."""
    if not call.rights.may_delete:
        raise forbidden_resource()
    document = load(call)
    del call.state.datasets[document["pid"]]
    return Answer(200, as_saved(call, document))


ROUTES = (
    Route("POST", "/api/v4/datasets", create_v4),
    Route("POST", "/api/v3/datasets", create_v3),
    Route("POST", "/api/v4/datasets/isValid", is_valid_v4),
    Route("POST", "/api/v3/datasets/isValid", is_valid_v3),
    Route("DELETE", "/api/v4/datasets/{pid}", delete),
    Route("DELETE", "/api/v3/datasets/{pid}", delete),
)
