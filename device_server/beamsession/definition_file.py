"""The session definition that other software of the beamline keeps as a properties file, read as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema

from beamsession.model.definition import MetadataKey
from beamsession.model.errors import InvalidInputError
from beamsession.model.properties import read_definition, unknown_types
from beamsession.model.value import Value

FOLDER = "folder"
"""Key of the validation context: the folder from which relative paths are counted; without it the working folder."""


class DefinitionFile(Value):
    """What a definition file says, with the types that it misspells."""

    path: Path
    keys: tuple[MetadataKey, ...]
    unknown_types: dict[str, str] = Field(default_factory=dict)


def _read(given: Any, info: ValidationInfo) -> Any:
    if not isinstance(given, str | Path):
        raise ValueError("must be the path of a file")
    context: dict[str, Any] = info.context or {}
    path = Path(context.get(FOLDER, ".")) / given
    try:
        text = _decoded(path.read_bytes())
        return DefinitionFile(path=path, keys=read_definition(text), unknown_types=unknown_types(text))
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise ValueError(f"{path} cannot be read ({reason}): give the path of a readable file, or remove it") from fault
    except InvalidInputError as fault:
        raise ValueError(f"{path}: {fault.text}") from fault


def _decoded(data: bytes) -> str:
    """UTF-8 as it is written today, or Latin-1 as the format has it."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


DefinitionPath = Annotated[DefinitionFile, BeforeValidator(_read), WithJsonSchema({"type": "string", "format": "path"})]
"""A path in the configuration that becomes the content of the file."""
