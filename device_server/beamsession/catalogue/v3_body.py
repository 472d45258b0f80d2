"""The dataset document as the older API takes it: single ids, one principal investigator, nothing that it forbids."""

from __future__ import annotations

from typing import Any

from beamsession.catalogue.problem import DatasetProblem, warning
from beamsession.catalogue.settings import setting_of
from beamsession.model.errors import InvalidInputError

_SINGLE = {"proposalIds": "proposalId", "sampleIds": "sampleId", "instrumentIds": "instrumentId"}


def v3_body(document: dict[str, Any]) -> dict[str, Any]:
    """The same dataset for `POST /api/v3/datasets`; of several ids the first is sent.

    The names of several investigators are joined with "; ", the owner stands in where there is none. Raises
    InvalidInputError (BAD_DATASET) without a creationLocation, which only this API requires.
    """
    if not document.get("creationLocation"):
        raise InvalidInputError(
            "creationLocation is missing, and the catalogue's older API requires it.",
            code="BAD_DATASET",
            value=setting_of("creationLocation"),
            remedy="Set catalogue.creation_location, for example /SITE/FACILITY/BEAMLINE; then ask again.",
        )
    body = {key: value for key, value in document.items() if key not in (*_SINGLE, "principalInvestigators")}
    body["principalInvestigator"] = "; ".join(document.get("principalInvestigators") or [document["owner"]])
    for plural, single in _SINGLE.items():
        if document.get(plural):
            body[single] = document[plural][0]
    return body


def v3_losses(document: dict[str, Any]) -> list[DatasetProblem]:
    """What this API cannot be told, as warnings; and an error for what it requires."""
    lost = [
        warning(
            f"The catalogue's older API takes one {single} only: {', '.join(document[plural][1:])} is not sent.",
            field=plural,
            setting=setting_of(plural),
        )
        for plural, single in _SINGLE.items()
        if len(document.get(plural) or ()) > 1
    ]
    if document.get("creationLocation"):
        return lost
    try:
        v3_body(document)
    except InvalidInputError as fault:
        setting = setting_of("creationLocation")
        problem = DatasetProblem(
            field="creationLocation", setting=setting, sentence=fault.sentence, remedy=fault.remedy
        )
        return [*lost, problem]
    return lost
