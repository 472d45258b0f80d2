"""A completed session as the dataset document that the catalogue stores."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beamsession.catalogue.overlay import chosen_fields, further_metadata
from beamsession.catalogue.pid import session_pid
from beamsession.catalogue.scientific import quantity, safe_key, scientific_metadata
from beamsession.catalogue.target import CatalogueTarget
from beamsession.model.errors import InvalidInputError
from beamsession.model.instrument import Instrument
from beamsession.model.metadata import with_units
from beamsession.model.run import Run
from beamsession.model.session import Session

_MAX_RUNS_LISTED = 200
_MAX_REFERENCED_LISTED = 100
# What a new version of ours may change without the session being another one.
_VOLATILE = ("usedSoftware",)


def dataset_document(
    session: Session,
    runs: Sequence[Run],
    *,
    instrument: Instrument,
    target: CatalogueTarget,
    instrument_pid: str = "",
    software: str = "beamsession",
    overlay: dict[str, Any] | None = None,
    referenced: Sequence[str] = (),
) -> dict[str, Any]:
    """The body of the request that creates the dataset, with its fingerprint inside.

    `runs` are those whose files are in it. `overlay` is what was said when the ingest was asked for, `referenced` the
    paths of files that belong to the session and stay outside its folder.

    Raises InvalidInputError (NO_OWNER_GROUP, NOT_COMPLETED) where the session cannot be described.
    """
    overlay = overlay or {}
    chosen = chosen_fields(overlay)
    session = replace(session, metadata={**session.metadata, **further_metadata(overlay)})
    document: dict[str, Any] = {
        "pid": session_pid(target, instrument=instrument.name, session_id=session.id),
        "type": "raw",
        "datasetName": session.title or session.name,
        "description": _description(session, runs),
        "owner": target.owner or session.user or "unknown",
        "contactEmail": target.contact_email,
        "ownerGroup": chosen.get("ownerGroup") or _owner_group(session, instrument, target),
        "accessGroups": _access_groups(session, instrument, target),
        "principalInvestigators": list(target.principal_investigators),
        "sourceFolder": str(instrument.data_root / session.folder),
        "creationTime": _time(_completed(session)),
        "startTime": _time(session.start),
        "endTime": _time(_completed(session)),
        "creationLocation": target.creation_location,
        "dataFormat": target.data_format,
        "keywords": [*target.keywords, f"session:{session.id}", f"instrument:{instrument.name}"],
        "techniques": [technique.model_dump() for technique in target.techniques],
        "proposalIds": [session.proposal] if session.proposal else [],
        "instrumentIds": [pid for pid in (instrument_pid or target.instrument_id,) if pid],
        "runNumber": _run_numbers(runs),
        "usedSoftware": [software],
        "isPublished": False,
        "scientificMetadata": _scientific(session, runs, instrument, referenced),
    }
    if target.source_folder_host:
        document["sourceFolderHost"] = target.source_folder_host
    if "accessGroups" in chosen:
        # Without the groups of the configuration not even the one who sends it could look at it.
        chosen["accessGroups"] = list(dict.fromkeys([*chosen["accessGroups"], *document["accessGroups"]]))
    document = {key: value for key, value in {**document, **chosen}.items() if value not in ("", [])}
    document["scientificMetadata"]["ingest_fingerprint"] = {"value": fingerprint(document), "type": "string"}
    return document


def fingerprint(document: dict[str, Any]) -> str:
    """SHA-256 (hex) of the document without what may change between two versions of ours."""
    stable = {key: value for key, value in document.items() if key not in _VOLATILE}
    text = json.dumps(stable, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _owner_group(session: Session, instrument: Instrument, target: CatalogueTarget) -> str:
    if not session.proposal and "{proposal}" in target.owner_group:
        group = target.owner_group_without_proposal
    else:
        group = _filled(target.owner_group, session, instrument)
    if group:
        return group
    raise InvalidInputError(
        f"Session {session.id} has no proposal, so nobody knows which group owns it in the catalogue.",
        code="NO_OWNER_GROUP",
        value=session.proposal,
        remedy="Give the session a proposal, or set catalogue.owner_group_without_proposal; then ask for the ingest.",
    )


def _access_groups(session: Session, instrument: Instrument, target: CatalogueTarget) -> list[str]:
    usable = [template for template in target.access_groups if session.proposal or "{proposal}" not in template]
    groups = [_filled(template, session, instrument) for template in usable]
    return list(dict.fromkeys(group for group in (*groups, target.ingestor_group) if group))


def _filled(template: str, session: Session, instrument: Instrument) -> str:
    return template.format(proposal=session.proposal, instrument=instrument.name, year=f"{session.start.year:04d}")


def _completed(session: Session) -> datetime:
    if session.stop is None:
        raise InvalidInputError(
            f"Session {session.id} has not been completed.",
            code="NOT_COMPLETED",
            value=session.state.value,
            remedy="Complete it first.",
        )
    return session.stop


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _run_numbers(runs: Sequence[Run]) -> str:
    numbers = sorted(run.number for run in runs)
    if len(numbers) < 2:
        return str(numbers[0]) if numbers else ""
    return f"{numbers[0]}-{numbers[-1]}"


def _description(session: Session, runs: Sequence[Run]) -> str:
    verdicts = Counter(run.state.value for run in runs)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    return f"Session {session.id} '{session.name}': {len(runs)} runs{f' ({counted})' if counted else ''}"


def _scientific(
    session: Session, runs: Sequence[Run], instrument: Instrument, referenced: Sequence[str]
) -> dict[str, Any]:
    ours: dict[str, Any] = {
        "session_id": quantity(session.id),
        "session_name": quantity(session.name),
        "instrument": quantity(instrument.facts.title or instrument.name),
        "run_count": quantity(len(runs)),
        "runs_with_missing_data": quantity(sum(1 for run in runs if _missing(run) > 0)),
    }
    if referenced:
        ours["referenced_files"] = _referenced(referenced)
    if runs:
        listed = sorted(runs, key=lambda run: run.number)[:_MAX_RUNS_LISTED]
        ours["runs"] = {f"run_{run.number:04d}": _run(run, instrument.data_root / session.folder) for run in listed}
    theirs = scientific_metadata(with_units(session.metadata, instrument.definition.units_of()))
    # Our own entries are what the catalogue is searched by: a visitor's key of the same name moves aside.
    return ours | {f"user_{key}" if key in {*ours, "ingest_fingerprint"} else key: theirs[key] for key in theirs}


def _referenced(paths: Sequence[str]) -> dict[str, Any]:
    listed = [path.encode(errors="replace").decode() for path in paths[:_MAX_REFERENCED_LISTED]]
    return {"value": listed, "count": len(paths)}


def _run(run: Run, folder: Path) -> dict[str, Any]:
    file = Path(run.file)
    path = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.name
    described: dict[str, Any] = {
        "state": quantity(run.state.value),
        "file": quantity(path.encode(errors="replace").decode()),
        "frames": quantity(sum(int(account.get("written", 0)) for account in run.report.get("accounts", ()))),
        "frames_missing": quantity(_missing(run)),
    }
    if run.title:
        described["title"] = quantity(run.title)
    if run.reason:
        described["reason"] = quantity(run.reason)
    described |= {safe_key(f"metadata_{key}"): entry for key, entry in scientific_metadata(run.metadata).items()}
    return described


def _missing(run: Run) -> int:
    return sum(int(account.get("missing", 0)) for account in run.report.get("accounts", ()))
