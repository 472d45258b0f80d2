"""Texts of several authors put together as a person would: one full stop each, and a size in a unit that fits."""

from __future__ import annotations

# Those of the configuration, so that its numbers come back as they were written.
_UNITS = (("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def ended(text: str) -> str:
    """`text` with a full stop at its end, and no second one."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", ".)")) else f"{text}."


def joined(*texts: str) -> str:
    """One text of those that are not empty: what ends with a full stop stands for itself, else a semicolon follows."""
    whole = ""
    for text in filter(None, texts):
        whole += f"{' ' if whole.endswith('.') else '; '}{text}" if whole else text
    return whole


def size(nbytes: int) -> str:
    """Bytes in the unit that fits, e.g. '2.5 MiB'."""
    for unit, factor in _UNITS:
        if nbytes >= factor:
            return f"{nbytes / factor:.4g} {unit}"
    return f"{nbytes} bytes"
