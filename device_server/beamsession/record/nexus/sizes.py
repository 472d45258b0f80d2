"""The sizes of dimensions that a definition gives a name: wherever it names the same, they must be the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from beamsession.record.nexus.nxdl import Item

_SHIFTED = re.compile(r"([A-Za-z]\w*)\s*(?:([+-])\s*(\d+))?")  # nP, nEta+1


class Size(NamedTuple):
    """What the definition calls `symbol` has this size in a field."""

    symbol: str
    size: int
    field: str


def dimension_complaints(name: str, shape: tuple[int, ...], item: Item) -> Iterator[str | Size]:
    """What is wrong with the field's number of dimensions and their sizes; sizes that have to agree with others'."""
    most, dimensions = item.rank, item.dimensions
    if not shape and dimensions and all(dimension.value == "1" for dimension in dimensions):
        return
    if most is not None:
        least = most - sum(not dimension.required for dimension in dimensions)
        if not least <= len(shape) <= most:
            yield f"{name} has {len(shape)} dimensions, not {most if least == most else f'{least} to {most}'}."
            return
    for dimension in dimensions:
        if not 1 <= dimension.index <= len(shape):
            continue
        size = shape[dimension.index - 1]
        if dimension.value.isdigit():
            if size != int(dimension.value):
                yield f"{name} has the size {size} in dimension {dimension.index}, not {dimension.value}."
        elif found := _SHIFTED.fullmatch(dimension.value.strip()):
            symbol, sign, shift = found.groups()
            more = int(shift or 0) if sign != "-" else -int(shift)
            yield Size(symbol, size - more, name)


def disagreements(sizes: Iterable[Size]) -> Iterator[str]:
    """A sentence for each symbol that has more than one size."""
    by_symbol: dict[str, dict[int, str]] = {}
    for size in sizes:
        by_symbol.setdefault(size.symbol, {}).setdefault(size.size, size.field)
    for symbol, found in by_symbol.items():
        if len(found) > 1:
            told = ", ".join(f"{size} in {field}" for size, field in found.items())
            yield f"The sizes that are all {symbol} differ: {told}."
