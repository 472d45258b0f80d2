"""Configured NeXus paths: the groups on the way to them, with the class that their names tell."""

from __future__ import annotations

import re

import h5py

from beamsession.record.nexus.objects import make_group

# Base classes of the NeXus definitions that a group may be named after, as `mirror_2` or `slit1` are.
_STEMS = [
    "aperture",
    "attenuator",
    "beam",
    "beam_stop",
    "bending_magnet",
    "capillary",
    "collimator",
    "crystal",
    "detector",
    "disk_chopper",
    "environment",
    "fermi_chopper",
    "filter",
    "flipper",
    "fresnel_zone_plate",
    "grating",
    "guide",
    "insertion_device",
    "instrument",
    "mirror",
    "moderator",
    "monitor",
    "monochromator",
    "pinhole",
    "polarizer",
    "positioner",
    "sample",
    "sensor",
    "slit",
    "source",
    "user",
    "velocity_selector",
    "xraylens",
]


class PlaceTakenError(Exception):
    """A configured path leads through, or to, something that is there already; the text is a sentence."""


def group_on_the_way(file: h5py.File, path: str) -> h5py.Group:
    """The group that shall hold what goes to `path`, made with all its parents where they are missing.

    Raises PlaceTakenError if the path itself exists, or a part of it is no group.
    """
    if path in file:
        raise PlaceTakenError(f"{path} is taken already.")
    *parents, _ = path.strip("/").split("/")
    group: h5py.Group = file
    for name in parents:
        if name not in group:
            make_group(group, name, class_of(name))
        inner = group[name]
        if not isinstance(inner, h5py.Group):
            raise PlaceTakenError(f"{inner.name} is a field, nothing can go below it.")
        group = inner
    return group


def class_of(name: str) -> str:
    """The NeXus class of a group of this name: `slit1` is an NXslit; NXcollection where the name tells nothing."""
    stem = re.sub(r"_?\d+$", "", name.lower())
    fitting = [known for known in _STEMS if stem == known or stem.startswith(f"{known}_")]
    return f"NX{max(fitting, key=len)}" if fitting else "NXcollection"
