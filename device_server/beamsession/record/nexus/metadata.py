"""Session and run metadata in a NeXus file: each value where a viewer finds it, and the JSON as it was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from beamsession.model.metadata import with_units
from beamsession.record.nexus.objects import make_group, write_field

_INT64 = range(-(2**63), 2**63)


def write_metadata(group: h5py.Group, metadata: dict[str, Any], units: Mapping[str, str] | None = None) -> None:
    """`metadata` (NXcollection) and `metadata_json` in `group`; the JSON is exact where HDF5 has no such thing.

    `units` are those of plain numbers by key, as the beamline defines them; the JSON does not show them.
    """
    write_field(group, "metadata_json", json.dumps(metadata), media_type="application/json")
    write_values(make_group(group, "metadata", "NXcollection"), with_units(metadata, units or {}))


def write_values(group: h5py.Group, values: Mapping[str, Any]) -> None:
    """One dataset for each value, one NXcollection for each object; `{"value", "unit"}` is a quantity with units.

    A name that is taken already is left alone: it stays in the JSON.
    """
    for key, value in values.items():
        name = hdf5_name(key)
        if name not in group:
            _write_value(group, name, value)


def hdf5_name(key: str) -> str:
    """`key` as one part of an HDF5 path."""
    name = key.replace("/", "_")
    return "_" * len(name) if name in (".", "..") else name


def _write_value(group: h5py.Group, name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, dict):
        if _is_quantity(value):
            write_field(group, name, _plain(value["value"]), value.get("unit", value.get("units")))
        else:
            write_values(make_group(group, name, "NXcollection"), value)
        return
    write_field(group, name, _plain(value))


def _is_quantity(value: dict[str, Any]) -> bool:
    unit = value.get("unit", value.get("units"))
    return len(value) == 2 and isinstance(unit, str) and isinstance(value.get("value"), int | float | str | list)


def _plain(value: Any) -> Any:
    """What h5py stores as one dataset: a scalar, a list of one kind, or JSON text for all else."""
    match value:
        case bool() | float() | str():
            return value
        case int():
            return value if value in _INT64 else str(value)
        case list():
            return _array(value)
        case _:
            return json.dumps(value)


def _array(values: list[Any]) -> Any:
    kinds = {type(item) for item in values}
    if kinds == {str}:
        return values
    if kinds == {bool}:
        return np.array(values, bool)
    if kinds == {int} and all(item in _INT64 for item in values):
        return np.array(values, np.int64)
    if kinds and kinds <= {int, float}:
        return np.array(values, np.float64)
    return json.dumps(values)
