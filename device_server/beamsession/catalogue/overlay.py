"""What somebody who asks for an ingest lays over the document: the catalogue's own fields, or further metadata."""

from __future__ import annotations

from typing import Any, cast

from beamsession.catalogue.fields import FIXED_FIELDS, TEXT_FIELDS, TEXT_LIST_FIELDS
from beamsession.model.errors import InvalidInputError
from beamsession.model.names import shortened

_SETTABLE = TEXT_FIELDS | TEXT_LIST_FIELDS
_METADATA = "scientificMetadata"
# What these were called in the API before; scripts that were written then still say so.
_FORMER = {
    "principalInvestigator": "principalInvestigators",
    "proposalId": "proposalIds",
    "sampleId": "sampleIds",
    "instrumentId": "instrumentIds",
}


def check_overlay(overlay: dict[str, Any]) -> None:
    """Raise InvalidInputError BAD_OVERLAY naming every key that may not be set or has a value of the wrong type."""
    faults = [fault for key, value in overlay.items() if (fault := _fault(key, value))]
    if faults:
        raise InvalidInputError(
            f"The overlay cannot be used: {'; '.join(faults)}.",
            code="BAD_OVERLAY",
            value=shortened(str(sorted(overlay))),
            remedy=f"These keys replace fields of the dataset: {', '.join(sorted(_SETTABLE))}. "
            "All others become scientific metadata.",
        )


def further_metadata(overlay: dict[str, Any]) -> dict[str, Any]:
    """The entries that are no fields of a dataset: they lie over the session's metadata."""
    under_their_name = cast("dict[str, Any]", overlay.get(_METADATA) or {})
    own = {key: value for key, value in overlay.items() if key != _METADATA and _field(key) not in _SETTABLE}
    return {**under_their_name, **own}


def chosen_fields(overlay: dict[str, Any]) -> dict[str, Any]:
    """The entries that are fields of a dataset, in the form the API has them; a blank one chooses nothing."""
    return {
        _field(key): [value] if _field(key) in TEXT_LIST_FIELDS and isinstance(value, str) else value
        for key, value in overlay.items()
        if _field(key) in _SETTABLE and _has_content(value)
    }


def _field(key: str) -> str:
    return _FORMER.get(key, key)


def _has_content(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value not in (None, [])


def _fault(key: str, value: Any) -> str:
    field = _field(key)
    if field in FIXED_FIELDS:
        return f"'{key}' follows from the session and cannot be set"
    if field == _METADATA and not isinstance(value, dict):
        return f"'{key}' is not an object"
    if field in TEXT_FIELDS and not isinstance(value, str | None):
        return f"'{key}' is not text"
    if field in TEXT_LIST_FIELDS and not _is_text_list(value):
        return f"'{key}' is neither text nor a list of texts"
    return ""


def _is_text_list(value: Any) -> bool:
    if value is None or isinstance(value, str):
        return True
    return isinstance(value, list) and all(isinstance(item, str) for item in cast("list[Any]", value))
