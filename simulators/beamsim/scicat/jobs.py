"""Jobs such as archive and retrieve; they are accepted and never run."""

from __future__ import annotations

from functools import cache

from .answers import Answer, forbidden_resource, refusal
from .backend import Call
from .dto import EMAIL, OBJECT, Field, Table
from .dto_fields import required, strings
from .routing import Route
from .state import Document, new_uuid


@cache
def _table() -> Table:
    return Table(
        (
            required("type"),
            Field("jobParams", (OBJECT,), required=True),
            *strings("ownerUser", "ownerGroup"),
            Field("contactEmail", (EMAIL,)),
        )
    )


def _require_type(call: Call, body: Document) -> None:
    if body.get("type") not in call.backend.site.job_types:
        raise refusal(400, f"Invalid job type: {body.get('type')}")


def create_v4(call: Call) -> Answer:
    if call.account is None:
        raise forbidden_resource()
    call.require(_table())
    _require_type(call, call.body)
    identifier = new_uuid()
    job = {"accessGroups": [], "isPublished": False} | call.body | call.signed()
    job |= {
        "_id": identifier,
        "id": identifier,
        "statusCode": "jobSubmitted",
        "statusMessage": "Job submitted.",
        "configVersion": call.backend.site.job_configuration,
        "jobResultObject": {},
        "__v": 0,
    }
    call.state.jobs[identifier] = job
    return Answer(201, job)


def create_v3(call: Call) -> Answer:
    if call.account is None:
        raise forbidden_resource()
    body = call.body if isinstance(call.body, dict) else {}
    _require_type(call, body)
    identifier = new_uuid()
    job = {
        "_id": identifier,
        "id": identifier,
        "emailJobInitiator": body.get("emailJobInitiator"),
        "type": body["type"],
        "creationTime": call.backend.now(),
        "jobParams": (body.get("jobParams") or {}) | {"username": call.username},
        "jobStatusMessage": "jobSubmitted",
        "datasetList": body.get("datasetList") or [],
        "jobResultObject": {},
    }
    call.state.jobs[identifier] = job
    return Answer(201, job)


ROUTES = (Route("POST", "/api/v4/jobs", create_v4), Route("POST", "/api/v3/jobs", create_v3))
