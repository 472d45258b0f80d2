"""What the catalogue says about a session's proposal, samples and instrument, as far as it was asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProposalFacts:
    """A proposal of the catalogue; empty text is what it does not say."""

    id: str
    owner_group: str
    access_groups: tuple[str, ...] = ()
    principal_investigator: str = ""
    title: str = ""


@dataclass(frozen=True)
class Facts:
    """The answers of one look. `samples` are known there, `unknown_samples` are not, or are not for us to see.

    `remarks` are sentences about what was asked for and not found, where that does not matter.
    """

    proposal: ProposalFacts | None = None
    samples: tuple[str, ...] = ()
    unknown_samples: tuple[str, ...] = ()
    instrument_pid: str = ""
    remarks: tuple[str, ...] = ()
