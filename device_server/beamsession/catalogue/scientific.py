"""Session metadata as the catalogue wants them: harmless keys, {value, unit, type}, nothing that upsets the server."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from beamsession.catalogue.metadata_rules import MetadataRules
from beamsession.catalogue.typed_value import Entry, Notes, as_json_text, plain_value, quantity, text_of, typed_entry
from beamsession.catalogue.units import is_percent

__all__ = ["Notes", "quantity", "safe_key", "scientific_metadata"]
_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")
_PERCENT = "_percent"
_MAX_DEPTH = 8
_MAX_KEY = 120
_MEMBERS = {"value", "unit", "units", "type", "human_name"}


def scientific_metadata(
    metadata: Mapping[str, Any],
    *,
    rules: MetadataRules | None = None,
    notes: Notes | None = None,
    file: str = "",
    unfiled: Collection[str] = (),
    depth: int = 0,
) -> dict[str, Any]:
    """`metadata` in catalogue form; null and numbers that are not finite are left out, long lists are summed up.

    `file` is where the whole of them is, but for the keys `unfiled`. `depth` is that of the object the result is put
    into. What is changed, and may surprise, is told to `notes`.
    """
    context = _Context(rules or MetadataRules(), notes or Notes(), file, frozenset(unfiled))
    return _group(metadata, (), depth, context)


def safe_key(key: str) -> str:
    """`key` in the letters that neither MongoDB nor the server encodes: begins with a letter, never empty."""
    spelt = "".join(_spelt(sign) for sign in key.replace("%", _PERCENT))
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()).strip("_")
    if not plain:
        return "key"
    return (plain if plain[0].isalpha() else f"k_{plain}")[:_MAX_KEY]


@dataclass(frozen=True)
class _Context:
    rules: MetadataRules
    notes: Notes
    file: str
    unfiled: frozenset[str]

    def file_of(self, path: tuple[str, ...]) -> str:
        return "" if path[0] in self.unfiled else self.file


def _group(metadata: Mapping[Any, Any], outer: tuple[str, ...], depth: int, context: _Context) -> dict[str, Any]:
    members = {str(key): value for key, value in metadata.items()}
    taken = [key for key in members if context.rules.takes((*outer, key))]
    made = {key: _entry(members[key], (*outer, key), depth, context) for key in taken}
    present = {key: entry for key, entry in made.items() if entry is not None}
    names = _names(present, members, outer, context)
    return {names[key]: entry for key, entry in present.items()}


def _names(
    present: dict[str, Entry], members: dict[str, Any], outer: tuple[str, ...], context: _Context
) -> dict[str, str]:
    """The key in the catalogue for each; which one of two that want the same gets it does not depend on their order.

    Those that the configuration names come first, then those that need no change.
    """
    wanted = {key: _wanted(key, members[key], context.rules.of((*outer, key)).name) for key in present}
    renamed = {key for key in present if context.rules.of((*outer, key)).name}
    names: dict[str, str] = {}
    for key in sorted(present, key=lambda key: (key not in renamed, wanted[key] != key, key)):
        name, number = wanted[key], 2
        while name in names.values():
            name, number = f"{wanted[key]}_{number}", number + 1
        names[key] = name
        if name not in (key, f"{key}{_PERCENT}") and key not in renamed:
            _remember(present[key], key)
            if name != wanted[key]:
                context.notes.add(".".join((*outer, key)), f"is called '{name}', because '{wanted[key]}' is taken")
    return names


def _wanted(key: str, value: Any, chosen: str) -> str:
    if chosen:
        return chosen
    name = safe_key(key)
    said = _unit_of(cast("dict[str, Any]", value)) if isinstance(value, dict) else ""
    return f"{name}{_PERCENT}" if is_percent(said) and not name.endswith(_PERCENT) else name


def _remember(entry: Entry, key: str) -> None:
    """Show a value under the name that it was given, where its key had to be another one."""
    if "value" in entry and key.strip():
        entry.setdefault("human_name", text_of(key, _MAX_KEY))


def _entry(given: Any, path: tuple[str, ...], depth: int, context: _Context) -> Entry | None:
    value = plain_value(given)
    rule, where = context.rules.of(path), text_of(".".join(path))
    if not isinstance(value, dict):
        return _named(typed_entry(value, rule.unit or "", where, context.notes, context.file_of(path)), rule.human_name)
    members = cast("dict[str, Any]", value)
    if "value" in members and set(members) <= _MEMBERS:
        said = members.get("human_name")
        human_name = rule.human_name or (said if isinstance(said, str) else "")
        unit = _unit_of(members) or rule.unit or ""
        return _named(typed_entry(members["value"], unit, where, context.notes, context.file_of(path)), human_name)
    if depth >= _MAX_DEPTH:
        context.notes.add(where, "is nested too deep and becomes the text of its JSON")
        return {"value": as_json_text(members), "unit": "", "type": "string"}
    # An empty group would show as an empty cell; it says nothing.
    return _group(members, path, depth + 1, context) or None


def _unit_of(members: dict[str, Any]) -> str:
    return str(members.get("unit") or members.get("units") or "")


def _named(entry: Entry | None, human_name: str) -> Entry | None:
    if entry is not None and human_name.strip() and "value" in entry:
        entry["human_name"] = text_of(human_name, _MAX_KEY)
    return entry


def _spelt(sign: str) -> str:
    """A Greek letter by its name, as it is said: θ is theta."""
    if sign.isascii():
        return sign
    name = unicodedata.name(sign, "")
    return name.rpartition(" ")[2].lower() if name.startswith("GREEK ") and " LETTER " in name else sign
