"""Asks the catalogue what it knows of a session's proposal, samples and instrument; nothing is created there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.facts import Facts, ProposalFacts
from beamsession.catalogue.fault import CatalogueError
from beamsession.catalogue.overlay import chosen_fields
from beamsession.catalogue.subject import Subject
from beamsession.catalogue.target import CatalogueTarget
from beamsession.catalogue.template import TokenValues, filled, filled_list
from beamsession.model.errors import RefusedError
from beamsession.model.session import Session

_MAX_SAMPLES = 100


class Instruments:
    """The pids of instruments, asked for once in the life of the process; one that is not found is asked for again."""

    def __init__(self, client: CatalogueClient) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def pid(self, unique_name: str) -> str:
        """The pid of the instrument with this uniqueName, empty if the catalogue has none. Raises CatalogueError."""
        if unique_name not in self._known:
            found = self._client.instrument_pid(unique_name)
            if not found:
                return ""
            self._known[unique_name] = found
        return self._known[unique_name]


class Lookup:
    """For the documents of one session: what is asked for several of them is asked once.

    Methods raise CatalogueError where the catalogue does not answer, and RefusedError (PROPOSAL_UNKNOWN,
    PROPOSAL_UNREADABLE) where the data would have no owner.
    """

    def __init__(self, client: CatalogueClient, target: CatalogueTarget, instruments: Instruments) -> None:
        self._client = client
        self._target = target
        self._instruments = instruments
        self._samples: dict[str, str] = {}
        self._proposals: dict[str, tuple[ProposalFacts | None, str]] = {}

    def facts(self, subject: Subject) -> Facts:
        """What the catalogue says of the subject's proposal and samples, and of its instrument."""
        values = subject.values()
        # Who has named the owner for this one ingest needs no proposal.
        is_needed = self._target.proposal_required and "ownerGroup" not in chosen_fields(subject.overlay)
        proposal, remarks = self._proposal(subject.session, values, is_needed=is_needed)
        samples = list(dict.fromkeys(self._said_samples(values)))
        refusals = {sample: self._refusal(sample) for sample in samples[:_MAX_SAMPLES]}
        unknown = {sample: refusal for sample, refusal in refusals.items() if refusal}
        remarks += [
            f"The sample '{sample}' {refusal}; it is in the metadata only." for sample, refusal in unknown.items()
        ]
        if len(samples) > _MAX_SAMPLES:
            remarks.append(f"The first {_MAX_SAMPLES} of {len(samples)} samples are looked up.")
        instrument_pid, remark = self._instrument()
        return Facts(
            proposal=proposal,
            samples=tuple(sample for sample in refusals if sample not in unknown),
            unknown_samples=tuple(unknown),
            instrument_pid=instrument_pid,
            remarks=(*remarks, *((remark,) if remark else ())),
        )

    def _instrument(self) -> tuple[str, str]:
        name = self._target.instrument_unique_name
        if not name:
            return "", ""
        pid = self._instruments.pid(name)
        return pid, "" if pid else f"The catalogue has no instrument with the uniqueName '{name}'."

    def _said_samples(self, values: TokenValues) -> list[str]:
        return [
            sample
            for key in self._target.sample_keys
            if values.of(f"metadata[{key}]") is not None
            for sample in filled_list(f"{{metadata[{key}]}}", values)
        ]

    def _refusal(self, sample: str) -> str:
        """Why the sample cannot be linked, empty where it can."""
        if sample not in self._samples:
            self._samples[sample] = self._sample_refusal(sample)
        return self._samples[sample]

    def _sample_refusal(self, sample: str) -> str:
        try:
            found = self._client.read(f"/api/v3/samples/{quote(sample, safe='')}")
        except CatalogueError as fault:
            if fault.status == 403:
                return "is not for the account to read in the catalogue"
            if fault.status in (400, 414):
                return "has a name that the catalogue cannot look up"
            raise
        return "" if found and found.get("sampleId") == sample else "is not known to the catalogue"

    def _proposal(
        self, session: Session, values: TokenValues, *, is_needed: bool
    ) -> tuple[ProposalFacts | None, list[str]]:
        if not self._target.looks_up_proposal or not session.proposal:
            return None, []
        identifier = filled(self._target.proposal_id, values)
        if not identifier:
            refusal = "has no id of the catalogue's"
            return self._without_proposal(session.proposal, "PROPOSAL_UNKNOWN", refusal, is_needed=is_needed)
        if identifier not in self._proposals:
            self._proposals[identifier] = self._asked_for(identifier)
        proposal, refusal = self._proposals[identifier]
        if proposal is not None:
            return proposal, []
        code = "PROPOSAL_UNREADABLE" if "read" in refusal else "PROPOSAL_UNKNOWN"
        return self._without_proposal(identifier, code, refusal, is_needed=is_needed)

    def _asked_for(self, identifier: str) -> tuple[ProposalFacts | None, str]:
        try:
            found = self._client.read(f"/api/v3/proposals/{quote(identifier, safe='')}")
        except CatalogueError as fault:
            if fault.status != 403:
                raise
            return None, "is not for the account to read in the catalogue"
        if not found or found.get("proposalId") != identifier or not str(found.get("ownerGroup") or "").strip():
            return None, "is not known to the catalogue"
        return _proposal_facts(identifier, found), ""

    def _without_proposal(self, identifier: str, code: str, refusal: str, *, is_needed: bool) -> tuple[None, list[str]]:
        sentence = f"The proposal '{identifier}' {refusal}"
        if not is_needed:
            return None, [] if self._target.takes_owner_group_from_proposal else [f"{sentence}."]
        remedy = "Correct the session's proposal or catalogue.proposal_id, or have the proposal put into the catalogue"
        if code == "PROPOSAL_UNREADABLE":
            remedy = "Let the catalogue's administrators give the account the right to read proposals"
        raise RefusedError(
            f"{sentence}, and what it says about groups and people is needed.",
            code=code,
            value=identifier,
            remedy=f"{remedy}, or set catalogue.proposal_required = false; then ask for the ingest again.",
        )


def _proposal_facts(identifier: str, found: Mapping[str, Any]) -> ProposalFacts:
    names = (str(found.get(key) or "").strip() for key in ("pi_firstname", "pi_lastname"))
    groups = found.get("accessGroups")
    return ProposalFacts(
        id=identifier,
        owner_group=str(found["ownerGroup"]).strip(),
        access_groups=tuple(str(group) for group in groups if group) if isinstance(groups, list) else (),
        principal_investigator=" ".join(name for name in names if name) or str(found.get("pi_email") or ""),
        title=str(found.get("title") or "").strip(),
    )
