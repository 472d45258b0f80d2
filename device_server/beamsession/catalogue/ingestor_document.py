"""What an ingestor is given: a dataset in version 3 of the catalogue's API, and its files, one a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from beamsession.catalogue.ingestor import IngestorTarget
from beamsession.catalogue.v3_body import v3_body
from beamsession.model.errors import RefusedError

_METADATA = "scientificMetadata"


def ingestor_document(document: dict[str, Any], target: IngestorTarget, source_folder: str) -> dict[str, Any]:
    """`document`, as the API's version 4 has it, for `target`; without pid, which the catalogue gives."""
    body = {key: value for key, value in v3_body(document).items() if key != "pid"}
    if not document.get("principalInvestigators"):
        del body["principalInvestigator"]  # The ingestor knows whose the proposal is.
    metadata = cast("dict[str, Any]", document.get(_METADATA) or {})
    if target.metadata_style == "flat":
        body[_METADATA] = flat(metadata)
    return body | {"sourceFolder": source_folder}


def flat(metadata: dict[str, Any]) -> dict[str, Any]:
    """Values in place of quantities, with their unit in an entry beside them: `energy`, `energy_unit`."""
    plain: dict[str, Any] = {}
    for key, entry in metadata.items():
        if not isinstance(entry, dict):
            plain[key] = entry
            continue
        members = cast("dict[str, Any]", entry)
        if "value" not in members:
            plain[key] = flat(members)
            continue
        plain[key] = members["value"]
        if members.get("unit") and f"{key}_unit" not in metadata:
            plain[f"{key}_unit"] = members["unit"]
    return plain


def listing_lines(paths: Iterable[str], target: IngestorTarget) -> Iterator[bytes]:
    """Each path as a line. Raises RefusedError BAD_FILE_NAME for one that no line can say or that would be left out."""
    for path in paths:
        require_listable(path, target)
        yield path.encode()


def require_listable(path: str, target: IngestorTarget) -> None:
    """Raise RefusedError BAD_FILE_NAME for a path that would not arrive."""
    if "\n" in path or "\r" in path:
        raise _bad_name(path, "holds a line break, and the ingestor is given one file a line")
    for text in target.refused_in_names:
        if text in path:
            raise _bad_name(path, f"holds {text!r}, and the ingestor would leave the file out without a word")


def _bad_name(path: str, why: str) -> RefusedError:
    return RefusedError(
        f"The name of the file {path!r} {why}.",
        code="BAD_FILE_NAME",
        value=path,
        remedy="Rename it, or change catalogue.refused_in_names if that is not so; then ask for the ingest again.",
    )
