"""Datasets whose pid the server makes: what is sent, and how one of ours is found again."""

from __future__ import annotations

from typing import Any

from beamsession.catalogue.target import DatasetRules

KEY = "ingest_key"


def as_sent(document: dict[str, Any], target: DatasetRules) -> dict[str, Any]:
    """The body of the request: where the server makes the pid, ours goes as a key into the scientific metadata."""
    if target.pid_mode == "client":
        return document
    body = {name: value for name, value in document.items() if name != "pid"}
    key = {"value": document["pid"], "type": "string"}
    return {**body, "scientificMetadata": {**document["scientificMetadata"], KEY: key}}


def where_ours(document: dict[str, Any]) -> dict[str, Any]:
    """What finds datasets that were made of this document, or of an earlier one of the same session or run."""
    metadata = document["scientificMetadata"]
    session = metadata.get("session_id", {})
    where: dict[str, Any] = {f"scientificMetadata.{KEY}.value": document["pid"], "ownerGroup": document["ownerGroup"]}
    if isinstance(session, dict) and "value" in session:
        where["scientificMetadata.session_id.value"] = session["value"]
    return where
