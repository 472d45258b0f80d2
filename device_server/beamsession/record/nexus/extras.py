"""What a beamline's configuration adds to each file: the name of the application definition, fields, links, groups."""

from __future__ import annotations

from collections.abc import Sequence

import h5py
import numpy as np

from beamsession.model.nexus import NexusField, NexusRules
from beamsession.record.nexus.application import application_complaints
from beamsession.record.nexus.nxdl import Definition, DefinitionError, read_definition
from beamsession.record.nexus.objects import make_group, write_field
from beamsession.record.nexus.places import PlaceTakenError, group_on_the_way


def write_extras(entry: h5py.Group, rules: NexusRules) -> list[str]:
    """The definition's name and all fields; complaints about those that cannot be written."""
    if rules.definition is not None:
        definition = _read(rules)
        known = isinstance(definition, Definition)
        facts = {"version": definition.version, "URL": definition.url} if known else {}
        write_field(entry, "definition", rules.definition, **facts)
    return _write_fields(entry.file, rules.fields)


def mark_targets(file: h5py.File, rules: NexusRules) -> None:
    """Have each field and group that a link leads to say so in its attribute `target`, as NeXus wants it."""
    for field in rules.fields:
        if field.target is None or isinstance(file.get(field.target, getlink=True), h5py.ExternalLink):
            continue  # What is in a data file is not ours to change.
        thing = file.get(field.target)
        if isinstance(thing, h5py.Group | h5py.Dataset) and thing.file == file:
            thing.attrs["target"] = thing.name


def check_extras(entry: h5py.Group, rules: NexusRules) -> list[str]:
    """What the application definition wants and is not there; nothing where none is configured."""
    if rules.definition is None:
        return []
    definition = _read(rules)
    return [definition] if isinstance(definition, str) else application_complaints(entry, definition)


def _read(rules: NexusRules) -> Definition | str:
    """The definition, or why there is none."""
    assert rules.definition is not None
    assert rules.definitions is not None
    try:
        return read_definition(rules.definitions, rules.definition)
    except DefinitionError as fault:
        return str(fault)


def _write_fields(file: h5py.File, fields: Sequence[NexusField]) -> list[str]:
    complaints: list[str] = []
    for field in fields:
        try:
            group = group_on_the_way(file, field.path)
        except PlaceTakenError as taken:
            complaints.append(f"nexus.fields: {field.path} could not be written: {taken}")
            continue
        name = field.path.rpartition("/")[2]
        if field.target is not None:
            group[name] = h5py.SoftLink(field.target)
        elif field.nx_class is not None:
            make_group(group, name, field.nx_class)
        else:
            write_field(group, name, _stored(field.value), field.units)
    return complaints


def _stored(value: object) -> object:
    """Numbers in a list become an array."""
    is_numbers = isinstance(value, list) and not any(isinstance(item, str) for item in value)
    return np.array(value) if is_numbers else value
