"""What a beamline wants in its NeXus files besides what every run has: an application definition, fields and links."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from beamsession.model.value import NexusPath, Value


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"must be an absolute path, '{path}' is not")
    return path


class NexusField(Value):
    """One constant, link or group: exactly one of `value`, `target` and `nx_class` is given."""

    path: NexusPath = Field(description="where it goes")
    value: bool | int | float | str | list[int] | list[float] | list[str] | None = Field(
        default=None, description="a constant, or a list of them"
    )
    units: str | None = Field(default=None, description="of a constant")
    target: NexusPath | None = Field(default=None, description="link to what is there, for example a reading's axis")
    nx_class: str | None = Field(
        default=None,
        pattern=r"^NX[a-z][a-z0-9_]*$",
        description="make a group of this class there",
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> NexusField:
        if sum(given is not None for given in (self.value, self.target, self.nx_class)) != 1:
            raise ValueError("give one of value, target and nx_class")
        if self.units is not None and self.value is None:
            raise ValueError("units are those of a value: give one, or remove them")
        return self


class NexusRules(Value):
    """[nexus]: what the runs' NeXus files shall satisfy, and what is added for it."""

    definition: str | None = Field(
        default=None,
        pattern=r"^NX[A-Za-z][A-Za-z0-9_]*$",
        description="application definition that each run's file shall satisfy; needs `definitions`",
    )
    definitions: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None,
        description="folder of the NeXus definitions on the recorder's host, the one that holds applications/",
    )
    fields: tuple[NexusField, ...] = ()

    @model_validator(mode="after")
    def _definition_is_found(self) -> NexusRules:
        if self.definition is not None and self.definitions is None:
            raise ValueError(f"definitions is missing: the folder that holds applications/{self.definition}.nxdl.xml")
        return self
