"""Experimental techniques as the PaNET ontology names them, and which of them a session used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase

from pydantic import Field, model_validator

from beamsession.catalogue.template import TokenValues
from beamsession.model.value import Value

_PANET = r"^http://purl\.org/pan-science/PaNET/PaNET\d{5}$"


class Chooser(StrEnum):
    """What tells that a technique was used."""

    ALWAYS = "always"
    METADATA = "metadata"
    RUN_TITLE = "run_title"
    DEFINITION = "definition"


class Technique(Value):
    """[[catalogue.techniques]]: one term, and when a session used it."""

    pid: str = Field(pattern=_PANET, description="URI of the term, e.g. http://purl.org/pan-science/PaNET/PaNET01217")
    name: str = Field(min_length=1)
    by: Chooser = Field(
        default=Chooser.ALWAYS,
        description="what is compared with `matches`: the metadata `key`, the runs' titles, or the application "
        "definition of the beamline's files",
    )
    key: str = Field(default="", description="key of the session's metadata, for by = metadata")
    matches: tuple[str, ...] = Field(default=(), description="patterns with * and ?; capitals make no difference")

    @model_validator(mode="after")
    def _can_be_chosen(self) -> Technique:
        if (self.by is Chooser.METADATA) != bool(self.key):
            raise ValueError('`key` belongs to by = "metadata", and to nothing else')
        if (self.by is Chooser.ALWAYS) == bool(self.matches):
            raise ValueError('`matches` is needed with every `by` but "always", and means nothing with that')
        return self


def techniques_used(
    techniques: Sequence[Technique], values: TokenValues, run_titles: Iterable[str], definition: str
) -> list[dict[str, str]]:
    """The terms of a session, each once, in the order of the configuration, as the catalogue has them."""
    titles = tuple(run_titles)
    used = {
        technique.pid: {"pid": technique.pid, "name": technique.name}
        for technique in techniques
        if _is_used(technique, values, titles, definition)
    }
    return list(used.values())


def _is_used(technique: Technique, values: TokenValues, titles: tuple[str, ...], definition: str) -> bool:
    match technique.by:
        case Chooser.ALWAYS:
            return True
        case Chooser.METADATA:
            found = values.of(f"metadata[{technique.key}]")
            said = found if isinstance(found, list) else [found or ""]
        case Chooser.RUN_TITLE:
            said = titles
        case Chooser.DEFINITION:
            said = (definition,)
    patterns = [pattern.casefold() for pattern in technique.matches]
    return any(text and fnmatchcase(str(text).casefold(), pattern) for text in said for pattern in patterns)
