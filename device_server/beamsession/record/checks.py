"""Every reason why a run would fail, found beforehand, all at once and within a deadline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from beamsession.model.errors import BeamsessionError
from beamsession.model.plan import RunPlan
from beamsession.model.report import Problem
from beamsession.record.deadline import DiskHand, Lane, sentence_of
from beamsession.record.detector import Measure, Measured
from beamsession.record.disk import disk_problems, free_bytes
from beamsession.record.folders import existing_file_problems, require_below
from beamsession.record.needs import frame_problems

_PATIENCE_S = 2.4
_MOMENT_S = 0.05


class Checkable(Protocol):
    """A detector or the readings."""

    def check(self) -> tuple[Problem, ...]: ...


def plan_problems(plan: RunPlan, engines: Sequence[Lane[Checkable]], disk: DiskHand) -> list[Problem]:
    """The problems of disk, files and engines; what does not answer in time is a problem too."""
    deadline = time.monotonic() + _PATIENCE_S
    asked = {lane.name: lane.submit(lambda engine: engine.check()) for lane in engines}
    measured = {lane.name: lane.submit(_measure) for lane in engines}
    problems = _place_problems(plan, disk)
    for name, answer in asked.items():
        try:
            problems += answer.result(max(deadline - time.monotonic(), 0.0))
        except Exception as fault:
            problems.append(
                Problem(
                    code="ENGINE_BROKEN",
                    sentence=f"'{name}' cannot tell whether it works: {sentence_of(fault)}",
                    remedy="Wait if the recorder has just started; else look at its log.",
                )
            )
    known = {name: measure for name, answer in measured.items() if (measure := _answer_or_none(answer, deadline))}
    return [*problems, *frame_problems(plan, known, _free(plan, disk))]


def _measure(engine: Checkable) -> Measure | None:
    """What is known of its frames; None for readings, and for a detector that cannot tell."""
    return engine.measure() if isinstance(engine, Measured) else None


def _answer_or_none(answer: Future[Measure | None], deadline: float) -> Measure | None:
    try:
        return answer.result(max(deadline - time.monotonic(), _MOMENT_S))
    except Exception:
        return None  # That it does not answer is a problem already.


def _free(plan: RunPlan, disk: DiskHand) -> int | None:
    """Free bytes where the run goes; None where the disk does not answer, which is a problem already."""
    try:
        return disk.do(f"free space at {plan.folder}", lambda: free_bytes(plan.folder))
    except (BeamsessionError, OSError):
        return None


def _place_problems(plan: RunPlan, disk: DiskHand) -> list[Problem]:
    try:
        return disk.do(f"check {plan.folder}", lambda: _look_at_place(plan))
    except BeamsessionError as fault:
        return [Problem(code=fault.code, sentence=fault.sentence, remedy=fault.remedy)]


def _look_at_place(plan: RunPlan) -> list[Problem]:
    require_below(plan.data_root, plan.folder)
    return [*disk_problems(plan), *existing_file_problems(plan)]
