"""The configured scalars of a run: readings (in time) and constants (at both ends)."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from beamsession.model.value import Identifier, NexusPath, PvName, TangoAttribute, Value

_TANGO_ATTRIBUTE = TypeAdapter(TangoAttribute)


class Protocol(StrEnum):
    """How a PV or attribute is read."""

    CA = "ca"
    PVA = "pva"
    TANGO = "tango"


class _Scalar(Value):
    """What readings and constants are read from."""

    pv: PvName
    source: Protocol = Protocol.CA

    @model_validator(mode="after")
    def _names_an_attribute(self) -> Self:
        if self.source is not Protocol.TANGO:
            return self
        try:
            _TANGO_ATTRIBUTE.validate_python(self.pv)
        except ValidationError:
            raise ValueError(f"'{self.pv}' is no Tango attribute: write domain/family/member/attribute") from None
        return self


class ReadingConfig(_Scalar):
    """A scalar PV, or a scalar Tango attribute, recorded with its own time stamps during each run."""

    name: Identifier = Field(description="names the NXlog, and the axis where it is one")
    pv: PvName = Field(description="the PV, or the attribute: `domain/family/member/attribute` as for a detector")
    source: Protocol = Protocol.CA
    units: str | None = Field(default=None, description="unit; left out: the PV's own (EGU), the attribute's own")
    axis: bool = Field(
        default=False, description="match it to the frames by time and write it as an axis of the run's NXdata"
    )
    path: NexusPath | None = Field(default=None, description="where the NXlog goes; left out: /entry/instrument/<name>")
    log: bool = Field(
        default=True, description="make an NXlog of it at the run's end; false: it is only in the table of readings"
    )


class ConstantConfig(_Scalar):
    """A scalar PV or Tango attribute read once at the start and once at the end of each run."""

    name: Identifier
    pv: PvName
    source: Protocol = Protocol.CA
    units: str | None = Field(default=None, description="unit; left out: the PV's own (EGU), the attribute's own")
    path: NexusPath = Field(description="where the value at start goes; the one at end goes beside it as <path>_end")
