"""Proposals, from which ingestors learn groups and people."""

from __future__ import annotations

from functools import cache

from .answers import Answer, forbidden_resource, not_found, refusal, unauthorized_access
from .backend import Call
from .clock import parse_time, stamp
from .dto import ARRAY, DATE, EMAIL, OBJECT, Field, Table
from .dto_fields import lists, ownable, required, strings
from .routing import Route
from .site import Profile


@cache
def _table(profile: Profile) -> Table:
    return Table(
        (
            *ownable(profile),
            required("proposalId"),
            Field("pi_email", (EMAIL,)),
            *strings("pi_firstname", "pi_lastname"),
            required("email", EMAIL),
            *strings("firstname", "lastname"),
            required("title"),
            *strings("abstract"),
            Field("startTime", (DATE,)),
            Field("endTime", (DATE,)),
            Field("MeasurementPeriodList", (ARRAY,)),
            Field("metadata", (OBJECT,)),
            *strings("parentProposalId", "type"),
            *lists("instrumentIds"),
        )
    )


def create(call: Call) -> Answer:
    if not call.rights.may_use_proposals:
        raise forbidden_resource()
    call.require(_table(call.profile))
    identifier = call.body["proposalId"]
    if identifier in call.state.proposals:
        raise refusal(409, f"Proposal with {identifier} already exists")
    times = {name: stamp(moment) for name in ("startTime", "endTime") if (moment := parse_time(call.body.get(name)))}
    defaults = {
        "accessGroups": [],
        "isPublished": False,
        "MeasurementPeriodList": [],
        "metadata": {},
        "parentProposalId": None,
        "type": "Default Proposal",
        "instrumentIds": [],
        "numberOfDatasets": 0,
    }
    own = {"_id": identifier, "__v": 0, "id": identifier}
    proposal = defaults | call.body | times | call.signed() | own
    call.state.proposals[identifier] = proposal
    return Answer(201, proposal)


def read(call: Call) -> Answer:
    proposal = call.state.proposals.get(call.params["id"])
    if proposal is None:
        raise not_found("Proposal", call.params["id"])
    if not call.rights.may_read_proposal(proposal):
        raise unauthorized_access()
    return Answer(200, proposal)


ROUTES = (Route("POST", "/api/v3/proposals", create), Route("GET", "/api/v3/proposals/{id}", read))
