"""The head of a run's master: who, what, where and when, as far as it is known when the run begins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import h5py

from beamsession import __version__
from beamsession.model.clock import to_text
from beamsession.model.plan import InstrumentFacts, RunPlan
from beamsession.record.nexus.metadata import write_metadata, write_values
from beamsession.record.nexus.objects import make_group, write_field

PROGRAM = "beamsession"


def write_head(file: h5py.File, plan: RunPlan, start: datetime) -> h5py.Group:
    """Everything of the entry that does not depend on data; the entry."""
    _write_root(file, plan)
    entry = make_group(file, "entry", "NXentry")
    write_field(entry, "title", plan.title or plan.session.title or plan.session.name)
    write_field(entry, "entry_identifier", str(plan.key))
    write_field(entry, "collection_identifier", str(plan.session.id))
    if plan.session.proposal:
        write_field(entry, "experiment_identifier", plan.session.proposal)
    write_field(entry, "start_time", start)
    write_field(entry, "program_name", PROGRAM, version=__version__)
    _write_instrument(entry, plan.instrument)
    _write_user(entry, plan)
    _write_sample(entry, plan)
    _write_session(entry, plan)
    return entry


def _write_root(file: h5py.File, plan: RunPlan) -> None:
    file.attrs.update(
        {
            "NX_class": "NXroot",
            "default": "entry",
            "file_name": plan.master.name,
            "file_time": to_text(datetime.now(UTC)),
            "creator": PROGRAM,
            "creator_version": __version__,
            "HDF5_Version": h5py.version.hdf5_version,
            "h5py_version": h5py.version.version,
        }
    )


def _write_instrument(entry: h5py.Group, facts: InstrumentFacts) -> None:
    instrument = make_group(entry, "instrument", "NXinstrument")
    write_field(instrument, "name", facts.title or facts.name, short_name=facts.name)
    source = make_group(instrument, "source", "NXsource")
    if facts.source_name or facts.facility:
        write_field(source, "name", facts.source_name or facts.facility)


def _write_user(entry: h5py.Group, plan: RunPlan) -> None:
    if plan.session.user:
        write_field(make_group(entry, "user", "NXuser"), "name", plan.session.user)


def _write_sample(entry: h5py.Group, plan: RunPlan) -> None:
    """The key `sample` of the run's metadata, or of the session's: a name, or an object with a name and more."""
    given: Any = plan.metadata.get("sample", plan.session.metadata.get("sample"))
    if isinstance(given, str):
        given = {"name": given} if given.strip() else None  # a blank text is a definition's way to say: not yet
    if isinstance(given, dict):
        write_values(make_group(entry, "sample", "NXsample"), given)


def _write_session(entry: h5py.Group, plan: RunPlan) -> None:
    facts = plan.session
    session = make_group(entry, "session", "NXcollection")
    write_field(session, "id", facts.id)
    write_field(session, "start_time", facts.start)
    for name in ("name", "title", "proposal", "user"):
        write_field(session, name, getattr(facts, name))
    write_metadata(session, facts.metadata, facts.units)
    if plan.instrument.facility:
        write_field(session, "facility", plan.instrument.facility)
    run = make_group(entry, "run", "NXcollection")
    write_field(run, "number", plan.key.run_number)
    write_field(run, "title", plan.title)
    if plan.frames is not None:
        write_field(run, "declared_frames", plan.frames)
    write_metadata(run, plan.metadata)
