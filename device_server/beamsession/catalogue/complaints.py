"""What the catalogue's refusals complain about, in terms of what can be changed here."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, cast

from beamsession.catalogue.problem import DatasetProblem
from beamsession.catalogue.settings import setting_of
from beamsession.model.complaint import Complaint, Weight


class Said(NamedTuple):
    """One message of the server; `field` is empty where it does not name one apart from its words."""

    field: str
    text: str


_NAMED = (
    re.compile(r"^property (?P<field>[\w.]+) should not exist"),
    re.compile(r"^each value in (?:nested property )?(?P<field>[\w.]+) "),
    re.compile(r"^nested property (?P<field>[\w.]+) "),
    re.compile(r"^(?P<field>[A-Za-z_]\w*(?:\.\w+)*) (?:must|should|is|has|cannot|may) "),
)
_BY_WORDS = (
    (re.compile(r"\bPID\b|\bpid\b.* already exists"), "pid"),
    (re.compile(r"semicolon separated emails"), "contactEmail"),
    (re.compile(r"value/unit|unitSI|valueSI"), "scientificMetadata"),
)
_UNKNOWN_FIELD = re.compile(r"should not exist")
_FILES = "dataFileList"
_RIGHTS = re.compile(r"^(Forbidden resource|Unauthorized access|Unauthorized to create this dataset)")
_REMEDIES = {
    "contactEmail": "Set catalogue.contact_email to an e-mail address, several separated by ';'.",
    "ownerEmail": "Set catalogue.fields.ownerEmail to an e-mail address, or leave it out.",
    "ownerGroup": "Give the session a proposal, or set catalogue.owner_group.",
    "pid": "Set catalogue.pid_prefix and catalogue.pid_uppercase as the catalogue wants them, or "
    'catalogue.pid_mode = "server" to let it make the pid.',
    "sourceFolderHost": "Set catalogue.source_folder_host to the host's whole DNS name.",
    "techniques": "Give each of catalogue.techniques a pid and a name.",
}


def said_by(body: Any) -> list[Said]:
    """The messages of an error body: the list of the newer API, the older one's JSON inside a string, or one text."""
    message = cast("dict[str, Any]", body).get("message", body) if isinstance(body, dict) else body
    if isinstance(message, str):
        try:
            message = json.loads(message)
        except ValueError:
            return [Said("", message)]
    if not isinstance(message, list):
        return [Said("", message if isinstance(message, str) else json.dumps(message))]
    return [said for item in cast("list[Any]", message) for said in _said(item)]


def complaints_about(messages: Iterable[Said], status: int, templated: Collection[str] = ()) -> tuple[Complaint, ...]:
    """Each message with the field it is about, where that comes from with us, and what to do; none twice.

    `templated` are the fields that the configuration makes by templates of its own.
    """
    found = [_complaint(said, status, templated) for said in messages if said.text.strip()]
    return tuple(dict.fromkeys(found))


def complaints_of(problems: Sequence[DatasetProblem]) -> tuple[Complaint, ...]:
    """What our own look at a dataset found, in the same form."""
    return tuple(
        Complaint(
            field=problem.field,
            said=problem.sentence,
            setting=problem.setting or (setting_of(problem.field) if problem.field else ""),
            remedy=problem.remedy,
            severity=Weight(problem.severity.value),
        )
        for problem in problems
    )


def _said(item: Any) -> list[Said]:
    if not isinstance(item, dict):
        return [Said("", str(item))]
    entry = cast("dict[str, Any]", item)
    field, constraints = str(entry.get("property", "")), entry.get("constraints")
    own = [Said(field, str(text)) for text in constraints.values()] if isinstance(constraints, dict) else []
    inner = [
        Said(f"{field}.{said.field}" if said.field else field, said.text)
        for child in cast("list[Any]", entry.get("children") or [])
        for said in _said(child)
    ]
    return own + inner or [Said(field, json.dumps(entry))]


def _complaint(said: Said, status: int, templated: Collection[str]) -> Complaint:
    field = said.field or _field_of(said.text)
    if not field:
        return _about_rights(said) if status in (401, 403) else Complaint("", said.text, remedy="")
    if field.partition(".")[0] == _FILES:
        return Complaint(
            field,
            said.text,
            "the list of the session's files",
            "Look at the file with this number in the block; rename or repair it, then try again.",
        )
    setting = setting_of(field, templated)
    if _UNKNOWN_FIELD.search(said.text):
        remedy = f"The catalogue's version does not know this field: leave out {setting}, or set catalogue.api."
    else:
        remedy = _REMEDIES.get(field.partition(".")[0], f"Correct {setting}.")
    return Complaint(field, said.text, setting, remedy)


def _about_rights(said: Said) -> Complaint:
    if not _RIGHTS.match(said.text):
        return Complaint("", said.text, "catalogue.username or catalogue.token_file", "Check the account.")
    return Complaint(
        "ownerGroup",
        said.text,
        "catalogue.username, catalogue.owner_group and catalogue.pid_mode",
        "Let the catalogue's administrators allow the account to create datasets for other groups with pids of its "
        'own; or set catalogue.pid_mode = "server" where it may only create them without.',
    )


def _field_of(text: str) -> str:
    for pattern, field in _BY_WORDS:
        if pattern.search(text):
            return field
    return next((found["field"] for pattern in _NAMED if (found := pattern.match(text))), "")
