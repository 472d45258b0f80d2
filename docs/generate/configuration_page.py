"""The page of the configuration file and its JSON schema, from the models that read it."""

from __future__ import annotations

import json
from typing import Any

from docs.generate.markdown import code, page, table

from beamsession.config import json_schema

_INTRODUCTION = """
One TOML file describes one beamline. A key that is not known, or a value that is out of bounds, is refused with its
name and the remedy: `beamsession config check FILE` tells all of them at once. `beamsession config schema` prints the
JSON schema for editors; it is also [beside this page](configuration.schema.json).

`BEAMSESSION_STATE` in the environment (set by `beamsession up --state`) wins over `state_dir`. Secrets are never in the
file: it names files that hold them. An example is in
[Configure a beamline](../how-to/configure-a-beamline.md).
"""


def schema_text() -> str:
    """The JSON schema as it is kept in the repository."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def configuration_page() -> str:
    """The whole page: the top level first, then each table in the order of the file."""
    schema = json_schema()
    tables = [
        section
        for name, field in schema["properties"].items()
        for title, definition, known in _tables(schema, name, field)
        for section in (f"## {title}", _text(definition), *_key_sections(schema, definition, known))
        if section
    ]
    return page("Configuration file", _INTRODUCTION, "## Top level", _keys(schema, schema), *tables)


def _tables(
    schema: dict[str, Any], name: str, field: dict[str, Any]
) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The sections that a key of the top level makes, tables inside included: title, definition, and what another kind
    of the same table has said already.
    """
    if field.get("type") == "array":
        items = field["items"]
        kinds = items.get("oneOf", [items])
        return [(_array_title(name, _resolve(schema, kind)), _resolve(schema, kind), {}) for kind in kinds]
    kinds = [_resolve(schema, kind) for option in field.get("anyOf", ()) for kind in option.get("oneOf", ())]
    definition = kinds[0] if kinds else _definition(schema, field)
    if definition is None:
        return []
    found: list[tuple[str, dict[str, Any], dict[str, Any]]] = [(code(f"[{name}]"), definition, {})]
    for key, inner in definition["properties"].items():
        below = _definition(schema, inner.get("items", inner))
        if below is not None:
            shown = f"[[{name}.{key}]]" if inner.get("type") == "array" else f"[{name}.{key}]"
            found.append((code(shown), below, {}))
    for kind in kinds[1:]:
        word = kind["properties"]["kind"]["const"]
        found.append((code(f"[{name}]") + f' with `kind = "{word}"`', kind, definition["properties"]))
    return found


def _key_sections(schema: dict[str, Any], definition: dict[str, Any], known: dict[str, Any]) -> list[str]:
    """The keys; of those that are `known` the names only."""
    properties = definition["properties"]
    same = [key for key, field in properties.items() if known.get(key) == field]
    own = {key: field for key, field in properties.items() if key not in same}
    sections = [_keys(schema, {**definition, "properties": own})]
    return [*sections, f"As above: {', '.join(map(code, same))}."] if same else sections


def _array_title(name: str, definition: dict[str, Any]) -> str:
    source = definition["properties"].get("source", {}).get("const")
    return code(f"[[{name}]]") + (f' with `source = "{source}"`' if source else "")


def _definition(schema: dict[str, Any], field: dict[str, Any]) -> dict[str, Any] | None:
    """The table that `field` refers to, None if it is a plain value."""
    for option in (field, *field.get("anyOf", ()), *field.get("allOf", ())):
        if "$ref" in option:
            found = _resolve(schema, option)
            return found if "properties" in found else None
    return None


def _resolve(schema: dict[str, Any], field: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in field:
        return field
    return schema["$defs"][field["$ref"].rpartition("/")[2]]


def _text(definition: dict[str, Any]) -> str:
    text = str(definition.get("description", ""))
    head, found, rest = text.partition("]: ")
    return rest[:1].upper() + rest[1:] if found and head.startswith("[") else text


def _keys(schema: dict[str, Any], definition: dict[str, Any]) -> str:
    required = definition.get("required", [])
    rows = [
        [code(name), _kind(schema, field), _default(field, required=name in required), _meaning(schema, field)]
        for name, field in definition["properties"].items()
    ]
    return table(["key", "type", "default", "meaning"], rows)


def _meaning(schema: dict[str, Any], field: dict[str, Any]) -> str:
    """What is said of the key itself, or else of the table that it holds."""
    if "description" in field:
        return str(field["description"])
    definition = _definition(schema, field.get("items", field))
    return _text(definition).partition("\n")[0] if definition else ""


def _default(field: dict[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    default = field.get("default")
    return "" if default in (None, "", [], {}) or isinstance(default, dict) else code(json.dumps(default))


def _kind(schema: dict[str, Any], field: dict[str, Any]) -> str:
    if "$ref" in field:
        found = _resolve(schema, field)
        return "table" if "properties" in found else _kind(schema, found)
    if "anyOf" in field or "oneOf" in field:
        options = [item for item in field.get("anyOf", field.get("oneOf", ())) if item.get("type") != "null"]
        return " or ".join(dict.fromkeys(_kind(schema, item) for item in options))
    if "const" in field:
        return code(json.dumps(field["const"]))
    if "enum" in field:
        return " or ".join(code(json.dumps(value)) for value in field["enum"])
    if "prefixItems" in field:
        return f"list of {', '.join(_kind(schema, item) for item in field['prefixItems'])}"
    if field.get("type") == "array":
        return f"list of {_kind(schema, field['items'])}s"
    return _plain_kind(field)


def _plain_kind(field: dict[str, Any]) -> str:
    if "type" not in field:
        return "any value"
    words = {"string": "text", "boolean": "true or false", "object": "table", "integer": "integer", "number": "number"}
    kind = "path" if field.get("format") == "path" else words[field["type"]]
    limits = [
        f"{sign} {field[key]:g}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in field
    ]
    return f"{kind} {', '.join(limits)}".strip()
