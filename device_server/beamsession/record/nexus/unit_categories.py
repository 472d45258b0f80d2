"""Whether units belong to the category that a definition wants: `mm` is an NX_LENGTH, `deg` is none.

The categories are those of https://manual.nexusformat.org/nxdl-types.html#unit-categories-allowed-in-nxdl-specifications.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from pint import UnitRegistry

_EXAMPLES: dict[str, tuple[str, ...]] = {
    "NX_ANGLE": ("radian",),
    "NX_AREA": ("m^2",),
    "NX_CHARGE": ("C",),
    "NX_COUNT": ("count",),
    "NX_CROSS_SECTION": ("m^2",),
    "NX_CURRENT": ("A",),
    "NX_DIMENSIONLESS": ("", "radian", "steradian"),
    "NX_EMITTANCE": ("m radian",),
    "NX_ENERGY": ("J",),
    "NX_FLUX": ("1/s/m^2",),
    "NX_FREQUENCY": ("Hz", "radian/s"),
    "NX_LENGTH": ("m",),
    "NX_MASS": ("kg",),
    "NX_MASS_DENSITY": ("kg/m^3",),
    "NX_MOLECULAR_WEIGHT": ("g/mol",),
    "NX_PERIOD": ("s",),
    "NX_PER_AREA": ("1/m^2",),
    "NX_PER_LENGTH": ("1/m",),
    "NX_POWER": ("W",),
    "NX_PRESSURE": ("Pa",),
    "NX_PULSES": ("count",),
    "NX_SCATTERING_LENGTH_DENSITY": ("m/m^3",),
    "NX_SOLID_ANGLE": ("steradian",),
    "NX_TEMPERATURE": ("K",),
    "NX_TIME": ("s",),
    "NX_TIME_OF_FLIGHT": ("s",),
    "NX_TRANSFORMATION": ("m", "radian", ""),
    "NX_UNITLESS": ("", "radian", "steradian"),
    "NX_VOLTAGE": ("V",),
    "NX_VOLUME": ("m^3",),
    "NX_WAVELENGTH": ("m",),
    "NX_WAVENUMBER": ("1/m", "radian/m"),
}
_ANYTHING = ("", "NX_ANY", "ISO8601")
_COUNTED = ("photon", "electron", "neutron", "event", "frame", "ADU")
_COUNTING = ("count", "pixel", "bit")
_LONGEST = 64
# A number or a bracket raised to a power is no unit, and computing it can take for ever.
_NO_UNIT = re.compile(r"[\d)]\s*(\*\*|\^|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻])|\d{3}")


class Dimension(NamedTuple):
    """What a unit measures: its base units with their powers, and apart from them the power of an angle."""

    base: frozenset[tuple[str, float]]
    angle: float


def belongs(units: str, category: str) -> bool:
    """Whether `units` are some of `category`, which can also be an example of what is wanted (`keV`)."""
    if category in _ANYTHING:
        return True
    wanted = [dimension(example) for example in _EXAMPLES.get(category, (category,))]
    return None in wanted or dimension(units) in wanted


@cache
def dimension(units: str) -> Dimension | None:
    """What `units` measure, as NeXus and UDUNITS write them (`m.s-1`, `1/angstrom`); None where they are no units."""
    text = units.strip()
    if len(text) > _LONGEST or _NO_UNIT.search(text):
        return None
    text = re.sub(r"(?<=[^\W\d])(?=[-+]?\d)", "**", text)  # mm2, s-1
    text = re.sub(r"(?<=\w)\.(?=[^\W\d])", "*", text)  # m.s-1
    for spelling in (text, text.lower()):  # Angstrom
        try:
            root = _registry().get_root_units(spelling)[1]
        except Exception:  # what pint's tokenizer, its parser and Python's arithmetic raise
            continue
        powers = {name: power for name, power in _powers(root).items() if name not in _COUNTING}
        angle = powers.pop("radian", 0.0)
        return Dimension(frozenset(powers.items()), angle)
    return None


def _powers(root: Any) -> dict[str, float]:
    from pint import util

    container: Mapping[str, Any] = cast(Any, util).to_units_container(root)
    return {name: float(power) for name, power in container.items()}


@cache
def _registry() -> UnitRegistry:
    import pint  # it takes half a second, and only a site that names a definition needs it

    registry = pint.UnitRegistry()
    for name in _COUNTED:
        registry.define(f"{name} = count")
    return registry
