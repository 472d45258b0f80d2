"""Values that are configured or sent, and the texts in them that have a form."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from beamsession.model.names import is_identifier


def _identifier(text: str) -> str:
    if not is_identifier(text):
        raise ValueError("must be letters, digits and '_', beginning with a letter, 40 at most")
    return text


def _nexus_path(text: str) -> str:
    if not text.startswith("/entry/") or ".." in text or text.endswith("/") or "//" in text:
        raise ValueError("must be a path below /entry/, for example /entry/instrument/monochromator/energy")
    return text


Identifier = Annotated[str, AfterValidator(_identifier)]
PvName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^\S+$")]
PvPrefix = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S+$")]
NexusPath = Annotated[str, AfterValidator(_nexus_path)]
TangoAttribute = Annotated[
    str, Field(max_length=256, pattern=r"^(tango://[^/\s#]+/)?([^/\s#]+/|([^/\s#]+/){3})[^/\s#]+(#dbase=(no|yes))?$")
]
TangoMember = Annotated[str, Field(max_length=128, pattern=r"^[^/\s#]+$")]
PixelType = Literal["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]


class Value(BaseModel):
    """A frozen value that refuses keys it does not know: the base of everything that is configured or sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")
