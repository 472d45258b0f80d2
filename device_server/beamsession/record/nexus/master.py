"""The NeXus master of a run: made before the first frame, replaced once when the run has its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import h5py

from beamsession.model.clock import to_text
from beamsession.model.plan import RunPlan
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.record.nexus.check import check_file, shortened
from beamsession.record.nexus.constants import read_constants, read_start, write_constants
from beamsession.record.nexus.entry import PROGRAM, write_head
from beamsession.record.nexus.extras import check_extras, mark_targets, write_extras
from beamsession.record.nexus.frames import link_detectors, prefer_readable, write_accounts, write_axes
from beamsession.record.nexus.logs import WrittenLogs, link_table, plot_first_log, write_logs, write_pauses
from beamsession.record.nexus.objects import make_group, write_field
from beamsession.record.nexus.replace import new_file, replaced_file
from beamsession.record.readings.reading import Reading
from beamsession.record.readings.table import Series, each_series


def start_master(plan: RunPlan, *, start: datetime, constants: Mapping[str, Reading]) -> None:
    """Write the master through which a run can be followed; the data files need not hold anything yet.

    Raises RefusedError (FILE_EXISTS); OSError when the disk refuses.
    """
    with new_file(plan.master, plan.rules) as file:
        _write_beginning(file, plan, start, constants)
        write_field(_run(file), "state", RunState.RECORDING.value)


def close_master(
    plan: RunPlan,
    report: RunReport,
    *,
    constants_start: Mapping[str, Reading] | None,
    constants_end: Mapping[str, Reading] | None,
) -> tuple[str, ...]:
    """Replace the master by one that tells how the run ended; the complaints of the check, which it also holds.

    Nobody may be writing the data files any more; what is missing, empty or damaged becomes a complaint. It can be
    done again, also by a process that knows nothing of the run: start time and constants that are not given are
    taken from the master that is there. Raises OSError when the disk refuses.
    """
    start = report.start or read_start(plan.master) or plan.session.start
    at_start = {**read_constants(plan.master, plan.constants), **(constants_start or {})}
    with replaced_file(plan.master, plan.rules) as file:
        complaints = _write_beginning(file, plan, start, at_start)
        complaints += write_constants(file, plan.constants, constants_end or {}, ending="_end")
        if plan.constants and constants_end is None:
            complaints.append("What the constants were at the end is not known: the recorder was killed before.")
        logs, unwritten = _write_readings(file, plan, report, start)
        complaints += unwritten
        write_accounts(file, report.accounts)
        _write_ending(file, report, start)
        if any(detector.layout for detector in plan.detectors):
            prefer_readable(file, plan)
        else:
            plot_first_log(file, plan.readings)
        mark_targets(file, plan.nexus)
        complaints += check_extras(_group(file, "entry"), plan.nexus)
        complaints = shortened([*complaints, *check_file(file, logs)])
        write_field(_run(file), "check", complaints)
    return tuple(complaints)


def _write_beginning(file: h5py.File, plan: RunPlan, start: datetime, constants: Mapping[str, Reading]) -> list[str]:
    entry = write_head(file, plan, start)
    link_detectors(file, plan)
    if plan.readings:
        link_table(entry, plan)
    complaints = write_constants(file, plan.constants, constants)
    return complaints + write_extras(entry, plan.nexus)


def _write_readings(
    file: h5py.File, plan: RunPlan, report: RunReport, start: datetime
) -> tuple[tuple[str, ...], list[str]]:
    """The readings as logs and as axes of the frames: the logs' paths, and complaints about what cannot be read."""
    logs, complaints = WrittenLogs(), list[str]()
    axes: list[Series] = []
    try:
        if plan.readings:
            logs = write_logs(file, plan.readings, each_series(plan.readings_file), start)
            names = {reading.name for reading in plan.readings if reading.axis}
            axes = list(each_series(plan.readings_file, names)) if names else []
    except (OSError, KeyError, RuntimeError):
        complaints.append(f"The readings are not there: {plan.readings_file.name} is missing, empty or damaged.")
    return logs.paths, [*logs.complaints, *complaints, *write_axes(file, plan, start, axes, report.accounts)]


def _write_ending(file: h5py.File, report: RunReport, start: datetime) -> None:
    entry, run = _group(file, "entry"), _run(file)
    write_field(run, "state", report.state.value)
    write_field(run, "reason", report.reason)
    write_pauses(run, report.pauses, start)
    if report.stop is not None:
        write_field(entry, "end_time", report.stop)
        write_field(entry, "duration", (report.stop - start) // timedelta(milliseconds=1), "ms")
    note = make_group(entry, "notes", "NXnote")
    now = datetime.now(UTC)
    write_field(note, "author", PROGRAM)
    write_field(note, "date", now)
    # Not its `data`, which are NX_BINARY.
    write_field(note, "description", f"{report.state.value}: {report.reason}" if report.reason else report.state.value)
    file.attrs["file_update_time"] = to_text(now)


def _run(file: h5py.File) -> h5py.Group:
    return _group(file, "entry/run")


def _group(file: h5py.File, path: str) -> h5py.Group:
    group = file[path]
    assert isinstance(group, h5py.Group)
    return group
