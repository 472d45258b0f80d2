"""Units as beamlines spell them, and as mathjs, the catalogue's library of units, does."""

from __future__ import annotations

import re
from functools import cache

# Whole spellings first: what is no unit at all says so by an empty one.
_WHOLE = dict.fromkeys(
    ("", "1", "-", "count", "counts", "a.u.", "arb.", "arb. units", "none", "dimensionless", "%"), ""
)
_SPELLINGS = {
    "\u00b5m": "um",  # micro sign
    "\u03bcm": "um",  # Greek letter
    **dict.fromkeys(("micron", "microns", "micrometer", "micrometers"), "um"),
    **dict.fromkeys(("\u00c5", "\u212b", "A\u030a", "Angstrom", "Angstroms", "angstroms", "Ang"), "angstrom"),
    **dict.fromkeys(("Ohm", "Ohms", "ohms", "\u03a9", "\u2126"), "ohm"),
    **dict.fromkeys(("C", "\u00b0C", "\u2103", "celsius", "Celsius"), "degC"),
    **dict.fromkeys(("\u00b0F", "\u2109"), "degF"),
    **dict.fromkeys(("\u00b0", "degree", "degrees", "Deg"), "deg"),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("kelvin", "Kelvin"), "K"),
    **dict.fromkeys(("Volt", "Volts", "volt", "volts"), "V"),
}
_LETTERS = str.maketrans({"\u00b5": "u", "\u03bc": "u", "\u03a9": "ohm", "\u2126": "ohm"})
_SIGNS = str.maketrans(
    {"⁻": "-", "−": "-", "⁰": "0", "¹": "1", "²": "2", "³": "3", "⁴": "4", **dict.fromkeys("·⋅×", "*")}
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PREFIXES = _words("da Y Z E P T G M k h d c m u n p f a z y") | {""}
_LONG_PREFIXES = _words("giga mega kilo centi milli micro nano pico femto") | {""}
_PREFIXED = _words("m s g A K mol cd rad N J W C V F Wb T H S Hz Pa L l eV ohm bar Wh B b VA sr torr")
_LONG = _words("meter gram ampere hertz newton pascal joule watt coulomb farad tesla weber")
_PLAIN = _words(
    "angstrom deg grad arcsec arcmin degC degF degR min minute minutes h hr hour hours day days week weeks month year "
    "inch in ft foot mil atm psi mmHg erg dyn dyne tonne ton lbf lbm hp cc cycle liter litre"
)
_FACTOR = re.compile(r"(?P<name>[^\W\d_]+|[\u00b0\u2103\u2109][CF]?)(?:\^?(?P<power>[+-]?\d+))?")


@cache
def mathjs_unit(said: str) -> tuple[str, bool]:
    """`said` as mathjs spells it, empty for what has no dimension; and whether mathjs knows it."""
    text = " ".join(said.split())
    if text in _WHOLE:
        return _WHOLE[text], True
    if text in _SPELLINGS:
        return _SPELLINGS[text], True
    spelt = _expression(text.translate(_SIGNS))
    return (spelt, True) if spelt else (text, False)


def is_percent(said: str) -> bool:
    """Whether a unit is percent, which mathjs does not know."""
    return said.strip() in ("%", "percent")


def _expression(text: str) -> str:
    """Products, quotients and powers of units, such as `1/angstrom` or `ohm m^-1`; empty if one of them is unknown."""
    parts: list[str] = []
    for piece in re.split(r"(\s*[*/]\s*|\s+)", text):
        sign = piece.strip()
        if sign in ("*", "/", ""):
            if piece:
                parts.append(sign or " ")
            continue
        if sign == "1" and not parts:
            parts.append("1")
            continue
        factor = _FACTOR.fullmatch(sign)
        name = _name(factor["name"]) if factor else ""
        if not factor or not name:
            return ""
        parts.append(f"{name}^{factor['power'].lstrip('+')}" if factor["power"] else name)
    is_whole = len(parts) % 2 == 1 and all(part not in ("*", "/", " ") for part in parts[::2])
    return "".join(parts) if is_whole and parts != ["1"] else ""


def _name(said: str) -> str:
    name = _SPELLINGS.get(said) or said.translate(_LETTERS)
    if name in _PLAIN:
        return name
    if any(name.endswith(unit) and name[: -len(unit)] in _PREFIXES for unit in _PREFIXED):
        return name
    known = any(name.endswith(unit) and name[: -len(unit)] in _LONG_PREFIXES for unit in _LONG)
    return name if known else ""
