"""What a plan says about a run before it starts, and is told after it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beamsession.model.errors import RefusedError
from beamsession.model.states import RunState


@dataclass(frozen=True)
class RunInfo:
    """A run to be recorded.

    `frames` per detector end it by themselves; None: it records until it is stopped. `detectors` are names of
    configured ones; None: all. With `documents`, its frames are told of as stream documents, for which the data files
    must be visible on the host of the plan.
    """

    frames: int | None = None
    detectors: Sequence[str] | None = None
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    documents: bool = True


@dataclass(frozen=True)
class RunResult:
    """How a run ended; `file` is its NeXus master on the recorder's host, `written` frames by detector."""

    session: int
    number: int
    state: RunState
    reason: str
    file: str
    written: Mapping[str, int]

    @classmethod
    def of(cls, session: int, run: Mapping[str, Any]) -> RunResult:
        """The result in the answer of the verb `run_show`."""
        accounts = (run["report"] or {}).get("accounts", [])
        return cls(
            session=session,
            number=run["number"],
            state=RunState(run["state"]),
            reason=run["reason"],
            file=run["file"],
            written={account["detector"]: account["written"] for account in accounts},
        )

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        because = f": {self.reason.rstrip('.')}" if self.reason else ""
        return f"Run {self.number} of session {self.session} is {self.state.value}{because}."

    def require_complete(self) -> None:
        """Raise RefusedError RUN_INCOMPLETE, RUN_ABORTED or RUN_FAILED if data are missing."""
        if self.state is not RunState.COMPLETED:
            raise RefusedError(
                self.sentence,
                code=f"RUN_{self.state.value}",
                value=self.number,
                remedy="What was written is kept; acknowledge the alarm and record it again if it is needed.",
            )
