"""Instruments, looked up by their unique name; their PIDs are opaque."""

from __future__ import annotations

from functools import cache

from .answers import Answer, forbidden_resource, refusal
from .backend import Call
from .dto import OBJECT, Field, Table
from .dto_fields import required, strings
from .filters import V3_PAGE, parse_filter
from .routing import Route
from .state import new_uuid


@cache
def _table() -> Table:
    return Table((*strings("pid"), required("uniqueName"), required("name"), Field("customMetadata", (OBJECT,))))


def create(call: Call) -> Answer:
    if not call.rights.admin:
        raise forbidden_resource()
    call.require(_table())
    name = call.body["uniqueName"]
    if any(instrument["uniqueName"] == name for instrument in call.state.instruments.values()):
        also = " or PID" if call.backend.modern else ""
        raise refusal(409, f"Instrument with the same unique name{also} already exists")
    pid = call.body.get("pid") or f"{call.backend.site.pid_prefix}{new_uuid()}"
    own = {"pid": pid, "_id": pid, "__v": 0, "id": pid}
    instrument = {"customMetadata": {}} | call.body | call.signed() | own
    call.state.instruments[pid] = instrument
    return Answer(201, instrument)


def find_one(call: Call) -> Answer:
    wanted = parse_filter(call.query.get("filter"), V3_PAGE)
    found = wanted.select(call.state.instruments.values())
    return Answer(200, wanted.chosen(found[0]) if found else None)


def list_instruments(call: Call) -> Answer:
    wanted = parse_filter(call.query.get("filter"), V3_PAGE)
    return Answer(200, [wanted.chosen(item) for item in wanted.select(call.state.instruments.values())])


ROUTES = (
    Route("POST", "/api/v3/instruments", create),
    Route("GET", "/api/v3/instruments/findOne", find_one),
    Route("GET", "/api/v3/instruments", list_instruments),
)
