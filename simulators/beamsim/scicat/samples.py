"""Samples: the material that was measured."""

from __future__ import annotations

from functools import cache

from .answers import Answer, bare_failure, forbidden_resource, not_found, unauthorized_access
from .backend import Call
from .dto import BOOLEAN, OBJECT, Field, Table
from .dto_fields import ownable, strings
from .routing import Route
from .site import Profile
from .state import new_uuid
from .units import with_si


@cache
def _table(profile: Profile) -> Table:
    name = strings("sampleName") if profile is Profile.V5_2 else ()
    return Table(
        (
            *ownable(profile),
            *strings("sampleId"),
            *name,
            *strings("owner", "description", "type", "proposalId", "parentSampleId"),
            Field("sampleCharacteristics", (OBJECT,)),
            Field("isPublished", (BOOLEAN,)),
        )
    )


def create(call: Call) -> Answer:
    """A repeated identifier, and on newer backends a missing name, is an error nobody foresaw."""
    if not call.rights.may_use_samples:
        raise forbidden_resource()
    call.require(_table(call.profile))
    if not call.rights.may_create_sample(call.body):
        raise unauthorized_access()
    identifier = call.body.get("sampleId") or new_uuid()
    nameless = call.backend.modern and not call.body.get("sampleName")
    if nameless or identifier in call.state.samples:
        raise bare_failure()
    described = {"sampleCharacteristics": with_si(call.body.get("sampleCharacteristics") or {})}
    own = {"sampleId": identifier, "_id": identifier, "__v": 0}
    sample = {"accessGroups": [], "isPublished": False} | call.body | described | call.signed() | own
    call.state.samples[identifier] = sample
    return Answer(201, sample)


def read(call: Call) -> Answer:
    sample = call.state.samples.get(call.params["id"])
    if sample is None:
        raise not_found("Sample", call.params["id"])
    if not call.rights.may_read(sample):
        raise unauthorized_access()
    return Answer(200, sample)


ROUTES = (Route("POST", "/api/v3/samples", create), Route("GET", "/api/v3/samples/{id}", read))
