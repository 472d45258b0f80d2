"""A run that several recorders share: its plan taken apart, the reports of its parts put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from beamsession.model.detector import DetectorConfig
from beamsession.model.plan import RunPlan
from beamsession.model.report import RunPart, RunReport
from beamsession.model.sentences import joined
from beamsession.model.states import RunState

MAIN_RECORDER = "main"
"""The name of the recorder in [tango]: the first, which has readings, constants and what no other is named for."""

# What holds a run back is told: it records when all its parts do, and drains when all have stopped.
_BACK_TO_FRONT = (RunState.LOST, RunState.PREPARING, RunState.RECORDING, RunState.PAUSED)
_WORST_FIRST = (RunState.ABORTED, RunState.INCOMPLETE, RunState.COMPLETED)


def recorder_of(detector_recorder: str | None) -> str:
    """The name of the recorder of a detector whose configuration names `detector_recorder`."""
    return detector_recorder or MAIN_RECORDER


def parts_of(plan: RunPlan, recorders: Sequence[str]) -> dict[str, RunPlan]:
    """The plan of each recorder that the run needs, by name, the leading one first.

    A run that needs only one recorder is its alone.
    """
    team = team_of(plan.detectors, recorders, has_scalars=bool(plan.readings or plan.constants))
    if len(team) == 1:
        return {team[0]: plan}
    parts: dict[str, RunPlan] = {}
    for name in team:
        own = tuple(item for item in plan.detectors if recorder_of(item.recorder) == name)
        changes: dict[str, Any] = {"team": team, "part": name, "detectors": own, "all_detectors": plan.detectors}
        if name != recorders[0]:
            changes |= {"readings": (), "constants": ()}
        parts[name] = plan.model_copy(update=changes)
    return parts


def team_of(detectors: Sequence[DetectorConfig], recorders: Sequence[str], *, has_scalars: bool) -> tuple[str, ...]:
    """Which of `recorders` a run of these detectors needs, the leading one first.

    A recorder is needed for its detectors, the first also for readings and constants (`has_scalars`), and for a run
    that has nothing.
    """
    needed = {recorder_of(item.recorder) for item in detectors}
    if has_scalars or not detectors:
        needed.add(recorders[0])
    return tuple(name for name in recorders if name in needed)


def part_verdict(report: RunReport) -> RunState | None:
    """How a part has ended, None while it lives."""
    return report.own or (report.state if report.state.is_verdict else None)


def together(parts: Sequence[RunReport]) -> RunReport:
    """The report of a live run: its parts' reports, the leading one first; LOST where a part is, NONE for an absent."""
    living = [part.state for part in parts if part_verdict(part) is None]
    known = [RunState.PREPARING if state is RunState.NONE else state for state in living]
    state = next((state for state in _BACK_TO_FRONT if state in known), RunState.DRAINING)
    return _merged(parts, state, _reasons(part for part in parts if part_verdict(part) is not RunState.COMPLETED))


def concluded(parts: Sequence[RunReport]) -> RunReport:
    """The outcome of a run of which all parts have ended, or are given up (LOST); the leading one first.

    The worst part makes the verdict; FAILED only where nothing was recorded at all.
    """
    verdicts = [part_verdict(part) or RunState.ABORTED for part in parts]
    if RunState.FAILED in verdicts and not any(part.written for part in parts):
        failed = [part for part in parts if part_verdict(part) is RunState.FAILED]
        return _merged(parts, RunState.FAILED, _reasons(failed))
    worst = next((state for state in _WORST_FIRST if state in verdicts), RunState.ABORTED)
    if RunState.FAILED in verdicts:
        worst = RunState.ABORTED
    return _merged(parts, worst, _reasons(parts))


def absent_part(report: RunReport, name: str) -> RunReport:
    """The report of a part whose recorder answers and knows nothing of the run that `report` is about."""
    return RunReport(key=report.key, state=RunState.NONE, team=report.team, part=name)


def by_recorder(sentences: Mapping[str, str]) -> str:
    """One text of what each recorder says."""
    return joined(*(f"{name}: {sentence}" for name, sentence in sentences.items()))


def _merged(parts: Sequence[RunReport], state: RunState, reason: str) -> RunReport:
    starts = [part.start for part in parts if part.start]
    stops = [part.stop for part in parts if part.stop]
    return RunReport(
        key=parts[0].key,
        state=state,
        reason=reason,
        start=min(starts, default=None),
        stop=max(stops, default=None),
        accounts=tuple(account for part in parts for account in part.accounts),
        rate=sum(part.rate for part in parts),
        readings=sum(part.readings for part in parts),
        readings_lost=sum(part.readings_lost for part in parts),
        pauses=max((part.pauses for part in parts), key=len),
        master=next((part.master for part in parts if part.master), None),
        files=tuple(file for part in parts for file in part.files),
        warnings=tuple(warning for part in parts for warning in part.warnings),
        team=parts[0].team,
        parts=tuple(
            RunPart(
                recorder=part.part,
                state=part_verdict(part) or part.state,
                reason=part.reason,
                detectors=tuple(account.detector for account in part.accounts),
            )
            for part in parts
        ),
    )


def _reasons(parts: Iterable[RunReport]) -> str:
    return by_recorder({part.part: part.reason for part in parts if part.reason})
