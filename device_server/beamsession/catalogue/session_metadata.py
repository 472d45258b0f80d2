"""The scientific metadata of a dataset: what the session and its runs are, then what people noted about them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from beamsession.catalogue.scientific import scientific_metadata
from beamsession.catalogue.target import DatasetRules
from beamsession.catalogue.typed_value import Entry, Notes, quantity, text_of
from beamsession.model.instrument import Instrument
from beamsession.model.metadata import with_units
from beamsession.model.own_names import SESSION_FILE
from beamsession.model.run import Run
from beamsession.model.session import Session

FINGERPRINT = "ingest_fingerprint"
_MAX_RUNS_LISTED = 200
_MAX_REFERENCED_LISTED = 100
# The server takes a document of 16 MiB.
_MAX_RUN_METADATA_BYTES = 6_000_000
# Inside `runs` and the run's own object.
_DEPTH_OF_RUNS = 2


def session_metadata(
    session: Session,
    runs: Sequence[Run],
    instrument: Instrument,
    target: DatasetRules,
    notes: Notes,
    *,
    further: dict[str, Any],
    referenced: Sequence[str] = (),
    proposal_title: str = "",
) -> dict[str, Any]:
    """Of a dataset that holds a whole session; `further` lies over the session's metadata and is in no file."""
    folder = instrument.data_root / session.folder
    ours: dict[str, Any] = {
        **_of_session(session, instrument, proposal_title),
        "run_count": quantity(len(runs)),
        "runs_with_missing_data": quantity(sum(1 for run in runs if frames_missing(run) > 0)),
    }
    if referenced:
        ours["referenced_files"] = _referenced(referenced)
    if runs:
        ours["runs"] = _runs_in_session(sorted(runs, key=lambda run: run.number), folder, target, notes)
    given = {**session.metadata, **further}
    return _together(ours, _theirs(given, instrument, target, notes, file=SESSION_FILE, unfiled=further.keys()))


def run_metadata(
    session: Session,
    run: Run,
    instrument: Instrument,
    target: DatasetRules,
    notes: Notes,
    *,
    further: dict[str, Any],
    proposal_title: str = "",
) -> dict[str, Any]:
    """Of a dataset that holds one run: its own metadata, and those of the session where it has none of that name."""
    folder = instrument.data_root / session.folder
    ours = {
        **_of_session(session, instrument, proposal_title),
        "run_number": quantity(run.number),
        **{f"run_{key}": entry for key, entry in _facts_of_run(run, folder).items()},
    }
    given = {**session.metadata, **run.metadata, **further}
    unfiled = {*further.keys(), *run.metadata.keys()}
    return _together(ours, _theirs(given, instrument, target, notes, file=SESSION_FILE, unfiled=unfiled))


def frames_missing(run: Run) -> int:
    """Frames known to be lost over all detectors."""
    return sum(int(account.get("missing", 0)) for account in run.report.get("accounts", ()))


def _of_session(session: Session, instrument: Instrument, proposal_title: str) -> dict[str, Any]:
    said = {
        "session_id": quantity(session.id),
        "session_name": quantity(text_of(session.name)),
        "instrument": quantity(instrument.facts.title or instrument.name),
    }
    return said | {"proposal_title": quantity(text_of(proposal_title))} if proposal_title else said


def _theirs(
    given: dict[str, Any],
    instrument: Instrument,
    target: DatasetRules,
    notes: Notes,
    *,
    file: str,
    unfiled: Collection[str],
) -> dict[str, Any]:
    with_their_units = with_units(given, instrument.definition.units_of())
    return scientific_metadata(
        with_their_units, rules=target.scientific_metadata, notes=notes, file=file, unfiled=unfiled
    )


def _together(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Our own entries are what the catalogue is searched by: a visitor's key of the same name moves aside."""
    together = dict(ours)
    taken = {*ours, FINGERPRINT}
    # Those that keep their name first, so that one that moves finds a place that is free.
    for key in sorted(theirs, key=lambda key: key in taken):
        name, number = (f"user_{key}" if key in taken else key), 2
        while name in together:
            name, number = f"user_{key}_{number}", number + 1
        together[name] = theirs[key]
    return together


def _referenced(paths: Sequence[str]) -> Entry:
    listed = [text_of(path) for path in paths[:_MAX_REFERENCED_LISTED]]
    return {"value": listed, "type": "string", "count": len(paths)}


def _runs_in_session(runs: Sequence[Run], folder: Path, target: DatasetRules, notes: Notes) -> dict[str, Any]:
    """Each run by its number, with its own metadata as long as there is room: they are in its file, too."""
    described: dict[str, Any] = {}
    room, without = _MAX_RUN_METADATA_BYTES, 0
    for run in runs[:_MAX_RUNS_LISTED]:
        facts = _facts_of_run(run, folder)
        theirs = scientific_metadata(
            run.metadata,
            rules=target.scientific_metadata,
            notes=notes,
            file=facts["file"]["value"],
            depth=_DEPTH_OF_RUNS,
        )
        size = len(json.dumps(theirs))
        if size <= room:
            room -= size
            facts |= {f"metadata_{key}": entry for key, entry in theirs.items()}
        else:
            without += 1
        described[f"run_{run.number:04d}"] = facts
    if without:
        notes.sentences.append(f"The metadata of {without} runs are left out, because there are too many of them.")
    if len(runs) > _MAX_RUNS_LISTED:
        notes.sentences.append(
            f"The session has {len(runs)} runs, of which the first {_MAX_RUNS_LISTED} are described."
        )
    return described


def _facts_of_run(run: Run, folder: Path) -> dict[str, Any]:
    file = Path(run.file)
    path = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.name
    described: dict[str, Any] = {
        "state": quantity(run.state.value),
        "file": quantity(text_of(path)),
        "frames": quantity(sum(int(account.get("written", 0)) for account in run.report.get("accounts", ()))),
        "frames_missing": quantity(frames_missing(run)),
    }
    if run.title:
        described["title"] = quantity(text_of(run.title))
    if run.reason:
        described["reason"] = quantity(text_of(run.reason))
    return described
