"""Fields of the dataset that the configuration makes of what a session says: the [catalogue.fields] table."""

from __future__ import annotations

from typing import Any, Literal, get_args

from beamsession.catalogue.problem import DatasetProblem
from beamsession.catalogue.template import Template, TokenValues, filled, filled_list, missing_tokens

TextField = Literal[
    "datasetName",
    "description",
    "comment",
    "owner",
    "ownerEmail",
    "orcidOfOwner",
    "contactEmail",
    "instrumentGroup",
    "creationLocation",
    "dataFormat",
    "license",
    "validationStatus",
    "runNumber",
]
ListField = Literal["keywords", "principalInvestigators", "usedSoftware", "sharedWith"]
FieldTemplates = dict[TextField | ListField, Template | tuple[Template, ...]]
"""A template or several by field: of a text the first whose tokens all have values, of a list all of them."""

_LISTS = frozenset(get_args(ListField))
_REQUIRED = ("datasetName", "owner", "contactEmail")


def templated_fields(
    fields: FieldTemplates, values: TokenValues
) -> tuple[dict[str, str | list[str]], list[DatasetProblem]]:
    """Each field that has a template with what it is filled with, and what is missing for one that is required.

    Empty text and an empty list stand for a field that is left out.
    """
    made: dict[str, Any] = {}
    problems: list[DatasetProblem] = []
    for field, given in fields.items():
        templates = (given,) if isinstance(given, str) else given
        if field in _LISTS:
            texts = [text for template in templates for text in filled_list(template, values)]
            made[field] = list(dict.fromkeys(texts))
            continue
        made[field] = next((text for template in templates if (text := filled(template, values))), "")
        if field in _REQUIRED and not made[field]:
            problems.append(_missing(field, templates, values))
    return made, problems


def _missing(field: str, templates: tuple[str, ...], values: TokenValues) -> DatasetProblem:
    tokens = sorted({token for template in templates for token in missing_tokens(template, values)})
    named = ", ".join(f"{{{token}}}" for token in tokens) or "text"
    return DatasetProblem(
        code="MISSING_TOKEN",
        field=field,
        setting=f"catalogue.fields.{field}",
        sentence=f"{field} is required, and the session has no {named} to make it of.",
        remedy=f"Give the session what is missing, or give catalogue.fields.{field} one more template that needs less; "
        "then ask for the ingest again.",
    )
