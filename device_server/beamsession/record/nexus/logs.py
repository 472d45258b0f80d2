"""Values over time in a run's master: an NXlog for each reading, and one for the pauses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import h5py
import numpy as np

from beamsession.model.detector import ReadingConfig
from beamsession.model.plan import RunPlan
from beamsession.model.report import PauseInterval
from beamsession.record.nexus.objects import make_group, write_field
from beamsession.record.nexus.places import PlaceTakenError, group_on_the_way
from beamsession.record.nexus.seconds import seconds_since
from beamsession.record.readings.table import GROUP, Series

LABELS_ATTRIBUTE = "labels"


def link_table(entry: h5py.Group, plan: RunPlan) -> None:
    """A link to the table of readings, through which they can be followed while the run is recorded."""
    entry["readings"] = h5py.ExternalLink(plan.readings_file.name, GROUP)


def write_logs(
    file: h5py.File, readings: Sequence[ReadingConfig], series: Sequence[Series], start: datetime
) -> list[str]:
    """The NXlog of each reading at its path; complaints about those that cannot be written."""
    by_name = {item.column.name: item for item in series}
    complaints: list[str] = []
    for reading in readings:
        item = by_name.get(reading.name)
        if item is None:
            continue
        path = log_path(reading)
        try:
            parent = group_on_the_way(file, path)
        except PlaceTakenError as taken:
            complaints.append(f"The reading '{reading.name}' could not be written: {taken}")
            continue
        _write_log(make_group(parent, path.rpartition("/")[2], "NXlog"), item, start)
    return complaints


def log_path(reading: ReadingConfig) -> str:
    """Where the NXlog of a reading is."""
    return reading.path or f"/entry/instrument/{reading.name}"


def plot_first_log(file: h5py.File, readings: Sequence[ReadingConfig]) -> None:
    """Let the default plot be the first reading over time: for a run that has no detector."""
    written = [log_path(reading) for reading in readings if log_path(reading) in file]
    if not written:
        return
    entry = file["entry"]
    assert isinstance(entry, h5py.Group)
    plot = make_group(entry, "plot", "NXdata")
    plot["value"], plot["time"] = h5py.SoftLink(f"{written[0]}/value"), h5py.SoftLink(f"{written[0]}/time")
    plot.attrs.update({"signal": "value", "axes": ["time"], "time_indices": 0})
    entry.attrs["default"] = "plot"


def write_pauses(parent: h5py.Group, pauses: Sequence[PauseInterval], start: datetime) -> None:
    """The NXlog `pauses`: 1 from when frames were not recorded, 0 from when they were again."""
    log = make_group(parent, "pauses", "NXlog")
    moments = [(moment, paused) for item in pauses for moment, paused in ((item.start, 1), (item.stop, 0)) if moment]
    seconds = [(moment - start).total_seconds() for moment, _ in moments]
    write_field(log, "time", np.array(seconds, np.float64), "s", start=start)
    write_field(log, "value", np.array([paused for _, paused in moments], np.int8), "")
    write_field(log, "description", "1: frames are not recorded, 0: they are")


def _write_log(log: h5py.Group, item: Series, start: datetime) -> None:
    column = item.column
    write_field(log, "time", seconds_since(start, item.times), "s", start=start)
    units = "" if column.labels else column.units
    value = write_field(log, "value", item.values, units, pv=column.pv)
    if column.labels:
        value.attrs[LABELS_ATTRIBUTE] = list(column.labels)
    write_field(log, "severity", item.severities, description="EPICS alarm severity, 3: invalid or disconnected")
    if column.description:
        write_field(log, "description", column.description)
