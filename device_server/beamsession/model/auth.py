"""Who the faces without identity act as, and which tokens open more."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from beamsession.model.principal import Role
from beamsession.model.value import Value


class OperatorConfig(Value):
    """The principal of Tango and Channel Access clients, who bring no identity of their own."""

    name: str = Field(default="operator", min_length=1, max_length=80)
    role: Role = Field(default=Role.USER, description="user or staff")


class TokenConfig(Value):
    """Files that hold secret tokens, readable by the service account only; a missing file: nobody can use it."""

    worker_file: Path | None = Field(default=None, description="our own background programs; made by `beamsession up`")
    staff_file: Path | None = Field(default=None, description="unlocks staff commands on Tango and CA for a while")
    unlock_minutes: float = Field(default=30, gt=0, le=1440)
