"""The rows of the runs table: number, title, verdict, and how many frames there are of how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beamsession.faces.taurus.scene import Scene
from beamsession.model.states import RunState


@dataclass(frozen=True)
class RunRow:
    """One run as it is shown; `expected` is None where no number was declared."""

    number: int
    title: str
    state: RunState
    expected: int | None
    received: int
    written: int
    missing: int
    file: str
    reason: str = ""
    detectors: tuple[str, ...] = ()

    @property
    def progress(self) -> str:
        """Written of expected frames."""
        return f"{self.written} / {self.expected}" if self.expected else str(self.written)


def run_rows(scene: Scene) -> list[RunRow]:
    """The runs of the session shown, newest first; the live one as the attributes count it."""
    return [_live_row(scene, run) if run is scene.live_run else _row(run) for run in scene.runs]


def _live_row(scene: Scene, run: Mapping[str, Any]) -> RunRow:
    return RunRow(
        number=run["number"],
        title=run["title"],
        state=scene.run_state,
        expected=scene.whole("ExpectedFrames") or None,
        received=scene.whole("ReceivedFrames"),
        written=scene.whole("WrittenFrames"),
        missing=scene.whole("DroppedFrames"),
        file=run["file"] or scene.text("RunFile"),
        reason=run["reason"],
        detectors=tuple(run["detectors"]),
    )


def _row(run: Mapping[str, Any]) -> RunRow:
    accounts = (run.get("report") or {}).get("accounts") or []
    declared = [item["expected"] for item in accounts if item["expected"] is not None]
    return RunRow(
        number=run["number"],
        title=run["title"],
        state=RunState(run["state"]),
        expected=sum(declared) if declared else None,
        received=sum(item["received"] for item in accounts),
        written=sum(item["written"] for item in accounts),
        missing=sum(item["missing"] for item in accounts),
        file=run["file"],
        reason=run["reason"],
        detectors=tuple(run["detectors"]),
    )
