"""Values over time in a run's master: an NXlog for each reading, and one for the pauses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import h5py
import numpy as np

from beamsession.model.clock import to_text
from beamsession.model.plan import RunPlan
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import PauseInterval
from beamsession.record.nexus.compact import Compact
from beamsession.record.nexus.objects import make_group, write_field
from beamsession.record.nexus.places import PlaceTakenError, group_on_the_way
from beamsession.record.nexus.seconds import seconds_since
from beamsession.record.readings.table import GROUP, Series

LABELS_ATTRIBUTE = "labels"


def link_table(entry: h5py.Group, plan: RunPlan) -> None:
    """A link to the table of readings, through which they can be followed while the run is recorded."""
    entry["readings"] = h5py.ExternalLink(plan.readings_file.name, GROUP)


@dataclass(frozen=True)
class WrittenLogs:
    """The paths of NXlogs that need no further check, in their order, and what is to be complained of."""

    paths: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()


def write_logs(
    file: h5py.File, readings: Sequence[ReadingConfig], series: Iterable[Series], start: datetime
) -> WrittenLogs:
    """The NXlog of each reading that shall have one, at its path."""
    by_name = {reading.name: reading for reading in readings if reading.log}
    paths: list[str] = []
    complaints: list[str] = []
    compact, parents = Compact(), {}
    for item in series:
        reading = by_name.get(item.column.name)
        if reading is None:
            continue
        path = log_path(reading)
        try:
            parent = _parent(file, path, parents)
        except PlaceTakenError as taken:
            complaints.append(f"The reading '{reading.name}' could not be written: {taken}")
            continue
        _write_log(compact, parent, path.rpartition("/")[2], item, start)
        paths.append(path)
        if item.column.units is None and not item.column.labels:
            complaints.append(f"{path}/value has no units.")
    return WrittenLogs(tuple(paths), tuple(complaints))


def _parent(file: h5py.File, path: str, known: dict[str, h5py.Group]) -> h5py.Group:
    """As `group_on_the_way`, which takes too long for thousands of logs in one group."""
    above, _, name = path.rpartition("/")
    parent = known.get(above)
    if parent is None or name.encode() in parent.id:
        parent = known[above] = group_on_the_way(file, path)
    return parent


def log_path(reading: ReadingConfig) -> str:
    """Where the NXlog of a reading is."""
    return reading.path or f"/entry/instrument/{reading.name}"


def plot_first_log(file: h5py.File, readings: Sequence[ReadingConfig]) -> None:
    """Let the default plot be the first reading over time: for a run that has no detector."""
    first = next((path for reading in readings if (path := log_path(reading)) in file), None)
    if first is None:
        return
    entry = file["entry"]
    assert isinstance(entry, h5py.Group)
    plot = make_group(entry, "plot", "NXdata")
    plot["value"], plot["time"] = h5py.SoftLink(f"{first}/value"), h5py.SoftLink(f"{first}/time")
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


def _write_log(compact: Compact, parent: h5py.Group, name: str, item: Series, start: datetime) -> None:
    column = item.column
    log = compact.group(parent, name, "NXlog")
    compact.field(log, "time", seconds_since(start, item.times), units="s", start=to_text(start))
    units = "" if column.labels else column.units
    compact.field(log, "value", item.values, units=units, pv=column.pv)
    compact.field(log, "severity", item.severities)
    if column.labels:
        h5py.Group(log)["value"].attrs[LABELS_ATTRIBUTE] = list(column.labels)
    if column.description:
        compact.text(log, "description", column.description)
