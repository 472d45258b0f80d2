"""Constants of a run: their value at the start at the configured path, that at the end beside it as `<path>_end`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import h5py

from beamsession.model.clock import from_text
from beamsession.model.reading import ConstantConfig
from beamsession.record.nexus.objects import text_of, write_field
from beamsession.record.nexus.places import PlaceTakenError, group_on_the_way
from beamsession.record.readings.reading import Reading, Severity


def write_constants(
    file: h5py.File, constants: Sequence[ConstantConfig], samples: Mapping[str, Reading], *, ending: str = ""
) -> list[str]:
    """Write those constants that have a sample, at their path with `ending`; complaints about those that cannot."""
    complaints: list[str] = []
    for constant in constants:
        sample = samples.get(constant.name)
        if sample is None:
            continue
        path = constant.path + ending
        try:
            group = group_on_the_way(file, path)
        except PlaceTakenError as taken:
            complaints.append(f"The constant '{constant.name}' could not be written: {taken}")
            continue
        units = constant.units if constant.units is not None else sample.units
        write_field(
            group,
            path.rpartition("/")[2],
            sample.value,
            None if isinstance(sample.value, str) else units,
            pv=constant.pv,
            time=sample.time,
            severity=sample.severity.name,
        )
    return complaints


def read_constants(master: Path, constants: Sequence[ConstantConfig]) -> dict[str, Reading]:
    """The values at start as an earlier master holds them; empty where it cannot be read."""
    try:
        with h5py.File(master, "r") as file:
            found = {constant.name: _read(file, constant.path) for constant in constants}
    except OSError:
        return {}
    return {name: sample for name, sample in found.items() if sample is not None}


def read_start(master: Path) -> datetime | None:
    """The start time as an earlier master holds it, None where it cannot be read."""
    try:
        with h5py.File(master, "r") as file:
            return from_text(text_of(file.get("/entry/start_time")))
    except (OSError, ValueError):
        return None


def _read(file: h5py.File, path: str) -> Reading | None:
    field = file.get(path)
    if not isinstance(field, h5py.Dataset) or field.shape != () or "time" not in field.attrs:
        return None
    units = field.attrs.get("units")
    return Reading(
        value=text_of(field) if field.dtype.kind == "O" else field[()].item(),
        units=None if units is None else text_of(units),
        time=from_text(text_of(field.attrs["time"])),
        severity=Severity[text_of(field.attrs["severity"])],
    )
