"""Which metadata the catalogue is told, and under which names: the [catalogue.scientific_metadata] table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from pydantic import Field, model_validator

from beamsession.model.value import Value

KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""Keys that neither the database nor the server encodes."""


class KeyRule(Value):
    """What becomes of one key of the metadata."""

    name: str = Field(
        default="", pattern=r"^([A-Za-z][A-Za-z0-9_]*)?$", description="the key in the catalogue; empty: as it is"
    )
    human_name: str = Field(default="", description="what the catalogue's pages show instead of the key")
    unit: str | None = Field(default=None, description="of a number that comes without one")


class MetadataRules(Value):
    """Patterns know `*`, `?` and `[…]`, and tell capitals from small letters. `mono.energy` is `energy` in `mono`."""

    include: tuple[str, ...] = Field(default=("*",), description="patterns of the keys that are sent")
    exclude: tuple[str, ...] = Field(default=(), description="patterns of keys, inner ones too, that are not sent")
    keys: dict[str, KeyRule] = Field(default_factory=dict, description="by the key in the session, `mono.energy` too")

    @model_validator(mode="after")
    def _names_are_different(self) -> MetadataRules:
        seen: dict[tuple[str, str], str] = {}
        for key, rule in self.keys.items():
            parent = key.rpartition(".")[0]
            if rule.name and (other := seen.setdefault((parent, rule.name), key)) != key:
                raise ValueError(f"'{other}' and '{key}' would both be called '{rule.name}'")
        return self

    def takes(self, path: Sequence[str]) -> bool:
        """Whether the key at `path`, the outermost first, is sent."""
        dotted = ".".join(path)
        if any(fnmatchcase(dotted, pattern) for pattern in self.exclude):
            return False
        return len(path) > 1 or any(fnmatchcase(dotted, pattern) for pattern in self.include)

    def of(self, path: Sequence[str]) -> KeyRule:
        """The rule of the key at `path`."""
        return self.keys.get(".".join(path), _NO_RULE)


_NO_RULE = KeyRule()
