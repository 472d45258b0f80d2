"""What the frames of a run will need, against what there is: space on the disk, memory, clocks that agree."""

from __future__ import annotations

from collections.abc import Mapping

from beamsession.model.plan import RunPlan
from beamsession.model.report import Problem
from beamsession.model.sentences import size
from beamsession.record.detector import Measure

_FEW_FRAMES = 4


def frame_problems(plan: RunPlan, measures: Mapping[str, Measure], free: int | None) -> list[Problem]:
    """NO_SPACE_FOR_FRAMES, RING_SMALL, FRAME_SIZE_UNKNOWN and CLOCK_SKEW; `free` bytes on the disk, None: unknown."""
    problems: list[Problem] = []
    for name, measure in measures.items():
        problems += ring_problems(name, measure)
        problems += _clock_problems(plan, name, measure)
        if measure.frame_bytes is None and plan.frames is not None:
            problems.append(
                Problem(
                    code="FRAME_SIZE_UNKNOWN",
                    sentence=f"The size of a frame of {name} is not known, nor whether the run fits on the disk.",
                    remedy="Let the detector make one frame.",
                    blocks=False,
                )
            )
    return [*problems, *([] if free is None else _space_problems(plan, measures, free))]


def _space_problems(plan: RunPlan, measures: Mapping[str, Measure], free: int) -> list[Problem]:
    parts: list[str] = []
    needed = 0
    for name, measure in measures.items():
        frames = plan.frames_of(name)
        if frames is None or measure.frame_bytes is None:
            continue
        needed += frames * measure.frame_bytes
        parts.append(f"{frames} frames of {size(measure.frame_bytes)} from {name}")
    if needed <= free:
        return []
    compressed = any(measure.compressed for measure in measures.values())
    return [
        Problem(
            code="NO_SPACE_FOR_FRAMES",
            sentence=(
                f"The run needs {size(needed)}{' before compression' if compressed else ''} ({', '.join(parts)}), "
                f"{size(free)} are free below {plan.data_root}."
            ),
            remedy="Make room, or declare fewer frames.",
            blocks=not compressed,
        )
    ]


def ring_problems(name: str, measure: Measure) -> list[Problem]:
    """RING_SMALL where the memory of the detector `name` holds fewer than a few of its frames."""
    if not measure.frame_bytes:
        return []
    frames = measure.ring_bytes // measure.frame_bytes
    if frames >= _FEW_FRAMES:
        return []
    holds = "not one frame" if not frames else "one frame" if frames == 1 else f"{frames} frames"
    return [
        Problem(
            code="RING_SMALL",
            sentence=(
                f"The memory of {name} between receiver and writer, {measure.ring_bytes >> 20} MiB, "
                f"holds {holds} of {size(measure.frame_bytes)}."
            ),
            remedy="Raise ring_mib of the detector in the configuration, and restart the recorder.",
            blocks=not frames,
        )
    ]


def _clock_problems(plan: RunPlan, name: str, measure: Measure) -> list[Problem]:
    offset = measure.clock_offset
    if offset is None or not offset.exceeds(plan.max_clock_skew_s):
        return []
    return [
        Problem(
            code="CLOCK_SKEW",
            sentence=f"In its last run the clock of {name} was {offset.words}.",
            remedy="Synchronise both hosts (NTP, PTP); frames and readings are matched by time.",
            blocks=False,
        )
    ]
