"""The data disk: how much is free, and whether we can write, found by writing."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from beamsession.model.plan import RunPlan
from beamsession.model.report import DiskFacts, Problem

_PROBE = b"beamsession was here\n" * 200


def disk_facts(path: Path) -> DiskFacts:
    """Free and total bytes where `path` is or will be, and whether its nearest existing folder can be written."""
    folder = nearest_folder(path)
    numbers = os.statvfs(folder)
    problem = _try_to_write(folder)
    return DiskFacts(
        path=path,
        free=numbers.f_bavail * numbers.f_frsize,
        total=numbers.f_blocks * numbers.f_frsize,
        writable=not problem,
        problem=problem,
    )


def nearest_folder(path: Path) -> Path:
    """`path` itself or the nearest of its parents that is an existing folder."""
    return next((folder for folder in (path, *path.parents) if folder.is_dir()), Path("/"))


def disk_problems(plan: RunPlan) -> list[Problem]:
    """What is wrong with the disk for this run: ROOT_MISSING, ROOT_NOT_WRITABLE, DISK_FULL."""
    if not plan.data_root.is_dir():
        return [
            Problem(
                code="ROOT_MISSING",
                sentence=f"The data root {plan.data_root} does not exist on the recorder's host.",
                remedy="Mount it, or correct data.root in the configuration.",
            )
        ]
    facts = disk_facts(plan.folder)
    problems: list[Problem] = []
    if not facts.writable:
        problems.append(
            Problem(
                code="ROOT_NOT_WRITABLE",
                sentence=facts.problem,
                remedy="Let the recorder's account write there, or see whether it is mounted read-only.",
            )
        )
    if facts.free < plan.min_free_bytes:
        problems.append(
            Problem(
                code="DISK_FULL",
                sentence=(
                    f"{facts.free / 1e9:.1f} GB are free below {plan.data_root}, "
                    f"a run needs {plan.min_free_bytes / 1e9:.1f} GB."
                ),
                remedy="Make room, or lower data.min_free_gib.",
            )
        )
    return problems


def _try_to_write(folder: Path) -> str:
    """Empty if a small file could be written, else the reason as a sentence."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=".beamsession-probe-", dir=folder)
        try:
            os.write(descriptor, _PROBE)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            Path(name).unlink()
    except OSError as fault:
        return f"{folder} cannot be written ({fault.strerror})."
    return ""
