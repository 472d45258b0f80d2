"""Our own check of a NeXus file: can it be plotted, do its links lead somewhere, do its quantities have units."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import h5py

from beamsession.model.clock import from_text
from beamsession.record.nexus.objects import is_array, text_of

_REQUIRED_TEXTS = ("title", "entry_identifier", "program_name")
_REQUIRED_TIMES = ("start_time", "end_time")
# Classes whose fields are free: nobody promises units for what a user gave.
_FREE = ("NXcollection", "NXnote")
_MOST = 100
_HARD_LINK = 0  # H5L_TYPE_HARD


def check_nexus(path: Path) -> tuple[str, ...]:
    """Complaints about a NeXus file, each a sentence; empty: it passed. No data is read."""
    try:
        with h5py.File(path, "r") as file:
            return tuple(shortened(check_file(file)))
    except OSError:
        return (f"{path.name} is missing, or no program can open it.",)


def check_file(file: h5py.File, sound: Collection[str] = ()) -> list[str]:
    """The same for an open file; links are followed from the folder where it is. Groups in `sound` are passed over."""
    complaints = [*_default_plot(file), *_entries(file)]
    for path in _leading_elsewhere(file):
        complaints.extend(_link(file, path, file.get(path, getlink=True)))
    for thing in _things(file, frozenset(sound), set()):
        complaints.extend(_thing(thing))
    return complaints


def shortened(complaints: Sequence[str]) -> list[str]:
    """The first of them, and how many there are more."""
    if len(complaints) > _MOST:
        return [*complaints[:_MOST], f"And {len(complaints) - _MOST} complaints more."]
    return list(complaints)


def _things(group: h5py.Group, sound: frozenset[str], seen: set[int]) -> Iterator[h5py.Group | h5py.Dataset]:
    """Each group and field below `group` once, in the order of their names; soft and external links are not followed.

    h5py's own walk makes an object of everything, and there may be ten thousand logs.
    """
    above = "" if group.name == "/" else group.name
    for name in map(str, group):
        if f"{above}/{name}" in sound or group.id.links.get_info(name.encode()).type != _HARD_LINK:
            continue
        thing = group[name]
        if hash(thing.id) in seen or not isinstance(thing, h5py.Group | h5py.Dataset):
            continue
        seen.add(hash(thing.id))
        yield thing
        if isinstance(thing, h5py.Group):
            yield from _things(thing, sound, seen)


def _default_plot(file: h5py.File) -> Iterator[str]:
    """root@default -> entry@default -> data@signal, as a viewer goes."""
    entry = _default_of(file)
    if not _is_class(entry, "NXentry"):
        yield "The file's attribute 'default' does not lead to an NXentry."
        return
    data = _default_of(entry)
    if not _is_class(data, "NXdata"):
        yield f"The attribute 'default' of {entry.name} does not lead to an NXdata."


def _entries(file: h5py.File) -> Iterator[str]:
    entries = [thing for thing in file.values() if _is_class(thing, "NXentry")]
    if not entries:
        yield "There is no NXentry in the file."
    for entry in entries:
        for name in _REQUIRED_TEXTS:
            if not text_of(entry.get(name)):
                yield f"{entry.name}/{name} is missing or empty."
        for name in _REQUIRED_TIMES:
            if not _is_time(text_of(entry.get(name))):
                yield f"{entry.name}/{name} is missing, or is no time with its zone."


def _leading_elsewhere(file: h5py.File) -> list[str]:
    """The paths of all soft and external links."""
    paths: list[str] = []

    def visit(name: bytes, facts: Any) -> None:
        if facts.type != _HARD_LINK:
            paths.append(f"/{name.decode()}")

    # h5py's own walk makes an object of every link, and there may be 50 000.
    file.id.links.visit(visit, info=True)
    return paths


def _link(file: h5py.File, path: str, link: object) -> Iterator[str]:
    if isinstance(link, h5py.ExternalLink):
        source = Path(file.filename).parent / link.filename
        if not source.exists():
            yield f"{path} leads to {link.filename}, which is missing."
        elif _resolved(file, path) is None:
            yield f"{path} leads to {link.path} in {link.filename}, which cannot be read."
    elif isinstance(link, h5py.SoftLink) and _resolved(file, path) is None:
        yield f"{path} leads to {link.path}, which is not there."


def _thing(thing: h5py.Group | h5py.Dataset) -> Iterator[str]:
    if isinstance(thing, h5py.Dataset):
        if thing.dtype.kind == "f" and "units" not in thing.attrs and not _is_class(thing.parent, *_FREE):
            yield f"{thing.name} has no units."
    elif _is_class(thing, "NXdata"):
        yield from _data(thing)
    elif _is_class(thing, "NXlog"):
        yield from _log(thing)


def _data(group: h5py.Group) -> Iterator[str]:
    name = text_of(group.attrs.get("signal"))
    signal = _resolved(group, name) if name else None
    if not is_array(signal):
        yield f"The signal of {group.name} does not lead to an array of numbers."
        return
    # A signal in another program's file has its units here, see `link_detectors`.
    if "units" not in signal.attrs and not text_of(group.attrs.get(f"{name}_units")):
        yield f"{group.name}/{name} has no units."
    axes = [text_of(axis) for axis in group.attrs.get("axes", ())]
    if axes and len(axes) != signal.ndim:
        yield f"{group.name} names {len(axes)} axes, its signal has {signal.ndim} dimensions."
        return
    for dimension, axis in enumerate(axes):
        if axis != ".":
            yield from _axis(group, axis, signal.shape[dimension])


def _axis(group: h5py.Group, name: str, length: int) -> Iterator[str]:
    axis = _resolved(group, name)
    if not is_array(axis):
        yield f"The axis {group.name}/{name} does not lead to an array of numbers."
    elif axis.shape != (length,):
        yield f"The axis {group.name}/{name} has the shape {axis.shape}, its dimension has the length {length}."


def _log(group: h5py.Group) -> Iterator[str]:
    time, value = group.get("time"), group.get("value")
    if not is_array(time) or not is_array(value):
        yield f"{group.name} lacks its time or its value."
        return
    if len(time) != len(value):
        yield f"{group.name} has {len(time)} times and {len(value)} values."
    if not _is_time(text_of(time.attrs.get("start"))):
        yield f"{group.name}/time does not say when it starts."


def _default_of(group: h5py.Group) -> h5py.Group | None:
    name = text_of(group.attrs.get("default"))
    thing = _resolved(group, name) if name else None
    return thing if isinstance(thing, h5py.Group) else None


def _is_class(thing: object, *classes: str) -> TypeGuard[h5py.Group]:
    return isinstance(thing, h5py.Group) and text_of(thing.attrs.get("NX_class")) in classes


def _is_time(text: str) -> bool:
    try:
        from_text(text)
    except ValueError:
        return False
    return True


def _resolved(group: h5py.Group, path: str) -> object:
    """What `path` leads to, None where it leads nowhere."""
    try:
        return group[path]
    except (KeyError, OSError, RuntimeError):
        return None
