"""Programs of the beamline's staff that are run when something happened."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath

from pydantic import Field, model_validator

from beamsession.model.value import Identifier, Value


class HookEvent(StrEnum):
    """What a hook can wait for."""

    SESSION_STARTED = "session_started"
    SESSION_FINISHED = "session_finished"
    RUN_FINISHED = "run_finished"
    SESSION_ARCHIVED = "session_archived"


class HookConfig(Value):
    """One hook: a command or an entry point, never both. It is told what happened and cannot change what does."""

    name: Identifier = Field(description="what it is called in events and logs")
    on: HookEvent = Field(description="when it is run")
    command: tuple[str, ...] = Field(
        default=(), description="program with its arguments, started without a shell; the program by its absolute path"
    )
    entry_point: str = Field(
        default="",
        pattern=r"^([\w.-]+)?$",
        description="name of a Python callable in the entry-point group beamsession.hooks",
    )
    timeout_s: float = Field(default=30.0, gt=0, le=3600, description="after this it is stopped, with all it started")

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> HookConfig:
        if bool(self.command) == bool(self.entry_point):
            raise ValueError(f"the hook '{self.name}' needs either command or entry_point")
        if self.command and not PurePosixPath(self.command[0]).is_absolute():
            raise ValueError(f"the command must begin with an absolute path, '{self.command[0]}' is not")
        if any("\0" in word for word in self.command):
            raise ValueError("no program can be given a NUL character")
        return self
