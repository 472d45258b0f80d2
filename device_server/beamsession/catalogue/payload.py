"""A completed session, or one run of it, as the dataset document that the catalogue stores."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from beamsession.catalogue.facts import Facts
from beamsession.catalogue.field_templates import templated_fields
from beamsession.catalogue.groups import access_groups, owner_group
from beamsession.catalogue.overlay import chosen_fields
from beamsession.catalogue.pid import run_pid, session_pid
from beamsession.catalogue.problem import DatasetProblem, require_none, warning
from beamsession.catalogue.session_metadata import FINGERPRINT, run_metadata, session_metadata
from beamsession.catalogue.subject import Subject
from beamsession.catalogue.target import DatasetRules, ProposalGift
from beamsession.catalogue.technique import techniques_used
from beamsession.catalogue.template import TokenValues, filled
from beamsession.catalogue.times import time_text
from beamsession.catalogue.typed_value import Notes
from beamsession.model.errors import InvalidInputError
from beamsession.model.instrument import Instrument
from beamsession.model.run import Run
from beamsession.model.session import Session

# What a new version of ours may change without the session being another one.
_VOLATILE = ("usedSoftware",)


def dataset_document(
    session: Session,
    runs: Sequence[Run],
    *,
    instrument: Instrument,
    target: DatasetRules,
    instrument_pid: str = "",
    software: str = "beamsession",
    overlay: dict[str, Any] | None = None,
    referenced: Sequence[str] = (),
) -> dict[str, Any]:
    """The body of the request that creates a session's dataset, with its fingerprint inside.

    Raises InvalidInputError (NO_OWNER_GROUP, MISSING_TOKEN, NOT_COMPLETED) where the session cannot be described.
    """
    subject = Subject(session, runs, instrument, software=software, overlay=overlay or {}, referenced=referenced)
    document, problems = composed(subject, target, Facts(instrument_pid=instrument_pid))
    require_none(problems)
    return document


def composed(
    subject: Subject, target: DatasetRules, facts: Facts | None
) -> tuple[dict[str, Any], list[DatasetProblem]]:
    """The document, as good as it gets, and what is wrong or surprising about it; the same for the same arguments.

    `facts` None: the catalogue was not asked. Raises InvalidInputError (NOT_COMPLETED).
    """
    session, run, instrument = subject.session, subject.run, subject.instrument
    stop = _completed(session)
    values, notes = subject.values(facts), Notes()
    document, problems = _configured(session, target, values, facts)
    begun, ended = (run.start, run.stop or stop) if run else (session.start, stop)
    document |= {
        "pid": dataset_pid(subject, target),
        "type": "raw",
        "sourceFolder": str(instrument.data_root / session.folder),
        "creationTime": time_text(ended),
        "startTime": time_text(begun),
        "endTime": time_text(ended),
        "techniques": techniques_used(target.techniques, values, _titles(subject), instrument.nexus.definition or ""),
        "usedSoftware": [subject.software],
        "isPublished": False,
        **_words(subject),
    }
    if target.source_folder_host:
        document["sourceFolderHost"] = target.source_folder_host
    if lifecycle := target.lifecycle.document:
        document["datasetlifecycle"] = lifecycle
    document["keywords"] = [*target.keywords, *_links(subject)]
    templated, lacking = templated_fields(target.fields, values)
    chosen = chosen_fields(subject.overlay)
    # What is chosen for this one ingest needs neither template nor proposal.
    problems = [problem for problem in (*problems, *lacking) if problem.field not in chosen]
    document = _laid_over(document, templated, chosen)
    document["scientificMetadata"] = _scientific(subject, target, facts, notes)
    document = {key: value for key, value in document.items() if value not in ("", [], {})}
    document["scientificMetadata"][FINGERPRINT] = {"value": fingerprint(document), "type": "string"}
    # Many runs with the same metadata have the same to be said about them.
    remarks = dict.fromkeys([*(facts.remarks if facts else ()), *notes.sentences])
    return document, [*problems, *(warning(sentence, field="scientificMetadata") for sentence in remarks)]


def fingerprint(document: dict[str, Any]) -> str:
    """SHA-256 (hex) of the document without what may change between two versions of ours."""
    stable = {key: value for key, value in document.items() if key not in _VOLATILE}
    if FINGERPRINT in stable.get("scientificMetadata", {}):
        metadata = stable["scientificMetadata"]
        stable["scientificMetadata"] = {key: value for key, value in metadata.items() if key != FINGERPRINT}
    text = json.dumps(stable, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def dataset_pid(subject: Subject, target: DatasetRules) -> str:
    """The pid that we make for it."""
    name, session_id = subject.instrument.name, subject.session.id
    if subject.run is not None:
        return run_pid(target, instrument=name, session_id=session_id, number=subject.run.number)
    return session_pid(target, instrument=name, session_id=session_id)


def _titles(subject: Subject) -> list[str]:
    runs = subject.runs if subject.run is None else [subject.run]
    return [run.title for run in runs]


def _configured(
    session: Session, target: DatasetRules, values: TokenValues, facts: Facts | None
) -> tuple[dict[str, Any], list[DatasetProblem]]:
    """What the configuration and the catalogue's own proposal, samples and instrument say."""
    group, problems = owner_group(session, target, values, facts)
    proposal = facts.proposal if facts else None
    investigators = list(target.principal_investigators)
    if proposal and proposal.principal_investigator and target.takes_from_proposal(_INVESTIGATORS):
        investigators = list(dict.fromkeys((proposal.principal_investigator, *investigators)))
    proposal_id = filled(target.proposal_id, values) if session.proposal else ""
    instrument_pid = (facts.instrument_pid if facts else "") or target.instrument_id
    return {
        "owner": target.owner or session.user or "unknown",
        "contactEmail": target.contact_email,
        "ownerGroup": group,
        "accessGroups": access_groups(target, values, facts),
        "principalInvestigators": investigators,
        "creationLocation": target.creation_location,
        "dataFormat": target.data_format,
        "proposalIds": [proposal_id] if proposal_id else [],
        "sampleIds": list(facts.samples) if facts else [],
        "instrumentIds": [instrument_pid] if instrument_pid else [],
    }, problems


_INVESTIGATORS = ProposalGift.PRINCIPAL_INVESTIGATORS


def _words(subject: Subject) -> dict[str, str]:
    """Name, description and run numbers, for people."""
    session, run = subject.session, subject.run
    title = session.title or session.name
    if run is None:
        return {
            "datasetName": title,
            "description": _description(session, subject.runs),
            "runNumber": _run_numbers(subject.runs),
        }
    reason = f": {run.reason}" if run.reason else ""
    return {
        "datasetName": " ".join(f"{title}, run {run.number} {run.title}".split()),
        "description": f"Run {run.number} of session {session.id} '{session.name}', {run.state.value.lower()}{reason}",
        "runNumber": str(run.number),
    }


def _links(subject: Subject) -> list[str]:
    """The keywords by which what belongs together is found."""
    run = [f"run:{subject.run.number}"] if subject.run else []
    return [f"session:{subject.session.id}", f"instrument:{subject.instrument.name}", *run]


def _laid_over(document: dict[str, Any], templated: dict[str, Any], chosen: dict[str, Any]) -> dict[str, Any]:
    """The document with the templates' fields in it, and over them what somebody chose for this one ingest."""
    for name in ("keywords", "usedSoftware"):
        if name in templated:
            templated = {**templated, name: [*templated[name], *document[name]]}
    if "accessGroups" in chosen:
        # Without the groups of the configuration not even the one who sends it could look at it.
        chosen = {**chosen, "accessGroups": list(dict.fromkeys([*chosen["accessGroups"], *document["accessGroups"]]))}
    return {**document, **templated, **chosen}


def _scientific(subject: Subject, target: DatasetRules, facts: Facts | None, notes: Notes) -> dict[str, Any]:
    wants_title = target.takes_from_proposal(ProposalGift.TITLE)
    title = facts.proposal.title if wants_title and facts and facts.proposal else ""
    session, instrument = subject.session, subject.instrument
    if subject.run is not None:
        return run_metadata(
            session, subject.run, instrument, target, notes, further=subject.further, proposal_title=title
        )
    return session_metadata(
        session,
        subject.runs,
        instrument,
        target,
        notes,
        further=subject.further,
        referenced=subject.referenced,
        proposal_title=title,
    )


def _completed(session: Session) -> datetime:
    if session.stop is None:
        raise InvalidInputError(
            f"Session {session.id} has not been completed.",
            code="NOT_COMPLETED",
            value=session.state.value,
            remedy="Complete it first.",
        )
    return session.stop


def _run_numbers(runs: Sequence[Run]) -> str:
    numbers = sorted(run.number for run in runs)
    if len(numbers) < 2:
        return str(numbers[0]) if numbers else ""
    return f"{numbers[0]}-{numbers[-1]}"


def _description(session: Session, runs: Sequence[Run]) -> str:
    verdicts = Counter(run.state.value for run in runs)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    return f"Session {session.id} '{session.name}': {len(runs)} runs{f' ({counted})' if counted else ''}"
