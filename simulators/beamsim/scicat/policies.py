"""The policy a group gets with its first dataset."""

from __future__ import annotations

from .answers import Answer, forbidden_resource
from .backend import Call
from .filters import V3_PAGE, parse_filter
from .routing import Route
from .state import Document, new_uuid


def ensure_policy(call: Call, dataset: Document) -> None:
    """Give the dataset's group the default policy if it has none."""
    group = dataset["ownerGroup"]
    if any(policy["ownerGroup"] == group for policy in call.state.policies.values()):
        return
    identifier = new_uuid()
    call.state.policies[identifier] = call.signed() | {
        "ownerGroup": group,
        "accessGroups": list(dataset["accessGroups"]),
        "isPublished": False,
        "manager": [dataset.get("ownerEmail") or ""],
        "tapeRedundancy": "low",
        "autoArchive": False,
        "autoArchiveDelay": 7,
        "archiveEmailNotification": True,
        "archiveEmailsToBeNotified": [],
        "retrieveEmailNotification": True,
        "retrieveEmailsToBeNotified": [],
        "embargoPeriod": 3,
        "_id": identifier,
        "__v": 0,
        "id": identifier,
    }


def list_policies(call: Call) -> Answer:
    if not call.rights.admin:
        raise forbidden_resource()
    wanted = parse_filter(call.query.get("filter"), V3_PAGE)
    return Answer(200, [wanted.chosen(policy) for policy in wanted.select(call.state.policies.values())])


ROUTES = (Route("GET", "/api/v3/policies", list_policies),)
