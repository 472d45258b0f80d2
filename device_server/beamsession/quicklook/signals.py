"""What there is to look at in a run's master: the signals of its detectors, and readings over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import h5py
from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]

_PAUSES = "pauses"
_MOST_PLAIN = 8


@dataclass(frozen=True)
class Signal:
    """An array of numbers with at least one dimension; `name` is the detector's, or where it is in the file."""

    name: str
    dataset: h5py.Dataset
    units: str = ""
    interpretation: str = ""


@dataclass(frozen=True)
class Log:
    """A reading: `value` and `time` are one-dimensional and of one length; `time` is in seconds since the start."""

    name: str
    time: h5py.Dataset
    value: h5py.Dataset
    units: str = ""


@dataclass
class Found:
    """`complaints` are sentences about what is named in the file and cannot be looked at."""

    signals: list[Signal] = field(default_factory=list[Signal])
    logs: list[Log] = field(default_factory=list[Log])
    complaints: list[str] = field(default_factory=list[str])


def find(file: h5py.File) -> Found:
    """Signals of all NXdata, the default plot first, and all NXlog of the entry; each array once.

    Links are followed from the file's folder. A file without any NXdata is searched for arrays of two dimensions and
    more. Data that are there and empty are no complaint.
    """
    found = Found()
    entry = _entry(file)
    found.logs += _logs(entry)
    # h5py knows an object again only while its file is open: the signals keep it so.
    seen = {_identity(log.value) for log in found.logs}
    has_plots = False
    default = text_of(entry.attrs.get("default"))
    for name in sorted(map(str, entry), key=lambda name: name != default):
        group = _resolved(entry, name)
        if not isinstance(group, h5py.Group) or text_of(group.attrs.get("NX_class")) != "NXdata":
            continue
        has_plots = True
        signal = _resolved(group, _signal_name(group))
        if not is_array(signal):
            found.complaints.append(f"The data of '{name}' are not there or cannot be read.")
        elif _identity(signal) not in seen:
            seen.add(_identity(signal))
            found.signals.append(_signal(name, signal))
    if not has_plots:
        found.signals += _plain_arrays(file)
    return found


def is_array(thing: object) -> TypeGuard[h5py.Dataset]:
    """Whether an HDF5 object is a dataset of numbers with at least one dimension."""
    return isinstance(thing, h5py.Dataset) and bool(thing.shape) and thing.dtype.kind in "iufb"


def text_of(thing: Any) -> str:
    """The text in an attribute; empty where it is absent or something else."""
    if isinstance(thing, bytes):
        return thing.decode("utf-8", "replace")
    return thing if isinstance(thing, str) else ""


def _signal(name: str, dataset: h5py.Dataset) -> Signal:
    return Signal(name, dataset, text_of(dataset.attrs.get("units")), text_of(dataset.attrs.get("interpretation")))


def _entry(file: h5py.File) -> h5py.Group:
    named = _resolved(file, text_of(file.attrs.get("default")))
    if isinstance(named, h5py.Group):
        return named
    for name in map(str, file):
        group = _resolved(file, name)
        if isinstance(group, h5py.Group) and text_of(group.attrs.get("NX_class")) == "NXentry":
            return group
    return file


def _signal_name(group: h5py.Group) -> str:
    if name := text_of(group.attrs.get("signal")):
        return name
    for name in map(str, group):  # as it was written before 2014
        thing = _resolved(group, name)
        if isinstance(thing, h5py.Dataset) and str(thing.attrs.get("signal", "")) in ("1", "b'1'"):
            return name
    return "data"


def _logs(entry: h5py.Group) -> Iterator[Log]:
    groups: list[h5py.Group] = []

    def visit(_: str, thing: Any) -> None:
        if isinstance(thing, h5py.Group) and text_of(thing.attrs.get("NX_class")) == "NXlog":
            groups.append(thing)

    entry.visititems(visit)
    for group in groups:
        name = str(group.name).rpartition("/")[2]
        time, value = _resolved(group, "time"), _resolved(group, "value")
        if name == _PAUSES or not is_array(time) or not is_array(value):
            continue
        if time.ndim == value.ndim == 1 and len(time) == len(value) > 0:
            yield Log(name, time, value, text_of(value.attrs.get("units")))


def _plain_arrays(file: h5py.File) -> list[Signal]:
    found: list[Signal] = []

    def visit(path: str, thing: Any) -> bool | None:
        if is_array(thing) and thing.ndim > 1:
            found.append(_signal(path, thing))
        return True if len(found) == _MOST_PLAIN else None

    file.visititems(visit)
    return found


def _identity(dataset: h5py.Dataset) -> tuple[int, int]:
    facts = h5o.get_info(dataset.id)
    return facts.fileno, facts.addr


def _resolved(group: h5py.Group, name: str) -> object:
    """What `name` leads to, None where it leads nowhere, or into a file that cannot be opened."""
    try:
        return group[name] if name else None
    except (KeyError, OSError, RuntimeError, ValueError):
        return None
