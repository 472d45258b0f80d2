"""From a run in the store to the plan its recorder works by."""

from __future__ import annotations

from beamsession.model.instrument import Instrument
from beamsession.model.plan import RunKey, RunPlan, SessionFacts
from beamsession.model.run import Run
from beamsession.model.session import Session


def run_key(session: Session, number: int) -> RunKey:
    """The run's key on every recorder."""
    return RunKey(instrument=session.instrument, session_id=session.id, run_number=number)


def plan_run(instrument: Instrument, session: Session, run: Run) -> RunPlan:
    """The complete plan of `run`; the same after a restart of the manager as before it."""
    return RunPlan(
        key=run_key(session, run.number),
        data_root=instrument.data_root,
        folder=instrument.data_root / session.folder,
        session=SessionFacts(
            id=session.id,
            name=session.name,
            title=session.title,
            proposal=session.proposal,
            user=session.user,
            start=session.start,
            metadata=session.metadata,
            units=instrument.definition.units_of(),
        ),
        instrument=instrument.facts,
        title=run.title,
        metadata=run.metadata,
        frames=run.frames,
        detectors=tuple(item for item in instrument.detectors if item.name in run.detectors),
        readings=instrument.readings,
        constants=instrument.constants,
        nexus=instrument.nexus,
        rules=instrument.rules,
        connect_timeout_s=instrument.connect_timeout_s,
        min_free_bytes=instrument.min_free_bytes,
        max_clock_skew_s=instrument.max_clock_skew_s,
        allow_network_file_system=instrument.allow_network_file_system,
    )
