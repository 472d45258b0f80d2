"""The detectors of a run in its master: an NXdetector and an NXdata each, which link to the data file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import h5py
import numpy as np

from beamsession.model.completeness import Completeness
from beamsession.model.detector import DetectorConfig
from beamsession.model.plan import RunPlan
from beamsession.record.nexus.matching import held, interpolated
from beamsession.record.nexus.objects import make_group, write_field
from beamsession.record.nexus.seconds import seconds_since
from beamsession.record.nexus.stored import StoredFrames, UnreadableError, stored_frames
from beamsession.record.readings.table import Series

SIGNAL = "data"
FRAME_TIME = "time"
_COUNTS = (
    *("received", "written", "missing", "duplicates", "disordered", "dropped_by_detector"),
    *("skipped", "overruns", "renumbered", "disconnections"),
)
# Another program's file is never written to: what it does not say of its frames' unit, the NXdata says.
UNITS_ENDING = "_units"


def link_detectors(file: h5py.File, plan: RunPlan) -> None:
    """An NXdetector and an NXdata for each detector; the first one's NXdata becomes the default plot."""
    entry, instrument = file["entry"], file["entry/instrument"]
    assert isinstance(entry, h5py.Group)
    assert isinstance(instrument, h5py.Group)
    linked = [(detector, detector.layout) for detector in plan.detectors]
    for detector, layout in linked:
        group = make_group(instrument, detector.name, "NXdetector")
        write_field(group, "local_name", detector.address)
        write_field(group, "description", detector.title or detector.name)
        if layout is None:
            continue
        source = plan.data_file(detector.name).name
        for name, path in (
            ("data", layout.data),
            ("sequence_number", layout.unique_id),
            ("time_stamp", layout.time_stamp),
            ("receive_time", layout.receive_time),
            ("first_row", layout.first_row),
            ("columns", layout.columns),
            ("epics_seconds", layout.epics_seconds),
            ("epics_nanoseconds", layout.epics_nanoseconds),
        ):
            if path is not None:
                group[name] = h5py.ExternalLink(source, path)
        plot = make_group(entry, detector.name, "NXdata")
        plot.attrs["signal"] = SIGNAL
        plot[SIGNAL] = h5py.ExternalLink(source, layout.data)
        if layout.units is not None:
            plot.attrs[f"{SIGNAL}{UNITS_ENDING}"] = layout.units
        write_field(plot, "title", detector.title or detector.name)
    if plots := [detector.name for detector, layout in linked if layout is not None]:
        entry.attrs["default"] = plots[0]


def write_accounts(file: h5py.File, accounts: Sequence[Completeness]) -> None:
    """What came and what is missing, as the NXcollection `completeness` in each NXdetector."""
    for account in accounts:
        detector = file.get(f"entry/instrument/{account.detector}")
        if isinstance(detector, h5py.Group):
            _write_account(make_group(detector, "completeness", "NXcollection"), account)
            _write_clock(detector, account)


def write_axes(
    file: h5py.File, plan: RunPlan, start: datetime, series: Sequence[Series], accounts: Sequence[Completeness]
) -> list[str]:
    """The axes of each NXdata: the readings that are configured as such, and the frames' times.

    Complains about data files that cannot be read, or hold another number of frames than the account says.
    """
    complaints: list[str] = []
    written = {account.detector: account.written for account in accounts}
    axes = {reading.name for reading in plan.readings if reading.axis}
    chosen = [item for item in series if item.column.name in axes]
    for detector in plan.detectors:
        layout = detector.layout
        if layout is None:
            continue
        try:
            frames = stored_frames(plan.data_file(detector.name), layout)
        except UnreadableError as fault:
            complaints.append(f"The data of '{detector.name}' are not there: {fault}")
            continue
        complaints += _count_complaints(detector, frames, written.get(detector.name))
        if layout.first_row is not None:
            continue  # Its rows are no frames: nothing tells when each was taken.
        plot = file[f"entry/{detector.name}"]
        assert isinstance(plot, h5py.Group)
        complaints += _write_plot_axes(plot, frames, start, chosen)
    return complaints


def prefer_readable(file: h5py.File, plan: RunPlan) -> None:
    """Let the default plot be the first detector that has frames, where the first of all has none."""
    for detector in plan.detectors:
        if detector.layout is None:
            continue
        try:
            count = stored_frames(plan.data_file(detector.name), detector.layout).count
        except UnreadableError:
            continue
        if count:
            file["entry"].attrs["default"] = detector.name
            return


def _write_account(group: h5py.Group, account: Completeness) -> None:
    for name in ("expected", "produced"):
        if getattr(account, name) is not None:
            write_field(group, name, getattr(account, name))
    for name in _COUNTS:
        write_field(group, name, getattr(account, name))
    write_field(group, "doubt", account.doubt)
    gaps = np.array([(gap.first, gap.last) for gap in account.gaps], np.int64).reshape(-1, 2)
    write_field(group, "gaps", gaps, description="first and last missing unique id, both included")
    write_field(group, "gaps_cut", account.gaps_cut)


def _write_clock(detector: h5py.Group, account: Completeness) -> None:
    """The recorder's clock minus the detector's, as the first frames showed it."""
    offset = account.clock_offset
    if offset is None:
        return
    description = "clock of the recorder minus clock of the detector: the least delay of the first frames"
    attributes = {"median": offset.median, "frames": offset.frames, "description": description}
    write_field(detector, "clock_difference", offset.minimum, "s", **attributes)


def _count_complaints(detector: DetectorConfig, frames: StoredFrames, written: int | None) -> list[str]:
    if written is None or written == frames.count:
        return []
    return [f"The data file of '{detector.name}' holds {frames.count} frames, the recorder counted {written} written."]


def _write_plot_axes(plot: h5py.Group, frames: StoredFrames, start: datetime, series: Sequence[Series]) -> list[str]:
    times = _padded(seconds_since(start, frames.stamps), frames.count)
    write_field(plot, FRAME_TIME, times, "s", start=start)
    plot.attrs[f"{FRAME_TIME}_indices"] = 0
    fitting = [item for item in series if item.column.name not in plot]
    for item in fitting:
        for name, match in ((item.column.name, held), (f"{item.column.name}_interpolated", interpolated)):
            values = _padded(match(item.times, item.values, frames.stamps), frames.count)
            write_field(plot, name, values, item.column.units, long_name=_long_name(item), matching=match.__name__)
            plot.attrs[f"{name}_indices"] = 0
    # The default axis is the first in the configuration; the others can be chosen by their `_indices`.
    first = fitting[0].column.name if fitting else FRAME_TIME
    plot.attrs["axes"] = [first, *["."] * (frames.rank - 1)]
    return [
        f"The reading '{item.column.name}' is no axis of {plot.name}: the name is taken there."
        for item in series
        if item not in fitting
    ]


def _long_name(item: Series) -> str:
    name = item.column.description or item.column.name
    return f"{name} ({item.column.units})" if item.column.units else name


def _padded(values: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([values, np.full(count - len(values), np.nan)])
