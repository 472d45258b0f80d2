"""What a dataset is about: a completed session, or one run of it, and what that says for the tokens of templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from beamsession.catalogue.facts import Facts
from beamsession.catalogue.overlay import further_metadata
from beamsession.catalogue.template import TokenValues
from beamsession.model.instrument import Instrument
from beamsession.model.run import Run
from beamsession.model.session import Session


@dataclass(frozen=True)
class Subject:
    """`runs` are those of the session that are described; `run` is the one that the dataset is about alone, None where
    it holds a session.

    `overlay` is what was said when the ingest was asked for, `referenced` the paths of files that belong to the
    session and stay outside its folder.
    """

    session: Session
    runs: Sequence[Run]
    instrument: Instrument
    run: Run | None = None
    software: str = "beamsession"
    overlay: dict[str, Any] = field(default_factory=dict[str, Any])
    referenced: Sequence[str] = ()

    @property
    def further(self) -> dict[str, Any]:
        """The metadata of the overlay, which are kept nowhere else."""
        return further_metadata(self.overlay)

    @property
    def metadata(self) -> dict[str, Any]:
        """All metadata, as they lie over each other: the session's, the run's, the overlay's."""
        return {**self.session.metadata, **(self.run.metadata if self.run else {}), **self.further}

    def values(self, facts: Facts | None = None) -> TokenValues:
        """The values of all tokens. `title` is the name where there is no title, as people see it everywhere."""
        session, run, instrument = self.session, self.run, self.instrument
        proposal = facts.proposal if facts else None
        own: dict[str, Any] = {
            "id": session.id,
            "name": session.name,
            "title": session.title or session.name,
            "user": session.user,
            "proposal": session.proposal,
            "proposal_title": proposal.title if proposal else "",
            "year": f"{session.start.year:04d}",
            "instrument": instrument.name,
            "instrument_title": instrument.facts.title or instrument.name,
            "facility": instrument.facts.facility,
            "start": run.start if run else session.start,
            "stop": (run.stop if run else None) or session.stop,
            "run_count": len(self.runs),
            "run": run.number if run else None,
            "run_title": run.title if run else "",
        }
        return TokenValues(own, self.metadata)
