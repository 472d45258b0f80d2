"""The data disk: how much is free, and whether we can write, found by writing."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from beamsession.model.plan import RunPlan
from beamsession.model.report import DiskFacts, Problem
from beamsession.model.sentences import size
from beamsession.record.mounts import mount_of

_PROBE = b"beamsession was here\n" * 200
_WORTH_LOWERING = 64 << 20  # a run on less would end at once
_NO_SPACE = os.strerror(errno.ENOSPC)
_FREE_SOME = "Free some space."
_FREE_OR_LOWER = "Free some space, or lower data.min_free_gib."
_LET_WRITE = "Let the recorder's account write there, or see whether it is mounted read-only."


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


def free_bytes(path: Path) -> int:
    """Bytes that are free where `path` is or will be."""
    numbers = os.statvfs(nearest_folder(path))
    return numbers.f_bavail * numbers.f_frsize


def nearest_folder(path: Path) -> Path:
    """`path` itself or the nearest of its parents that is an existing folder."""
    return next((folder for folder in (path, *path.parents) if folder.is_dir()), Path("/"))


def disk_problems(plan: RunPlan) -> list[Problem]:
    """What is wrong with the disk for this run.

    ROOT_MISSING, ROOT_NOT_WRITABLE, NETWORK_FILE_SYSTEM, DISK_FULL.
    """
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
                remedy=_FREE_SOME if _NO_SPACE in facts.problem else _LET_WRITE,
            )
        )
    problems += _file_system_problems(plan)
    if facts.free < plan.min_free_bytes:
        problems.append(
            Problem(
                code="DISK_FULL",
                sentence=(
                    f"Only {size(facts.free)} are free below {plan.data_root}: "
                    f"below {size(plan.min_free_bytes)} no run starts (data.min_free_gib)."
                ),
                remedy=_FREE_OR_LOWER if facts.free > _WORTH_LOWERING else _FREE_SOME,
            )
        )
    return problems


def _file_system_problems(plan: RunPlan) -> list[Problem]:
    mount = mount_of(plan.folder)
    if plan.allow_network_file_system or mount is None or not mount.is_incoherent:
        return []
    return [
        Problem(
            code="NETWORK_FILE_SYSTEM",
            sentence=(
                f"The data root {plan.data_root} is on {mount.source}, a file system of the type {mount.kind}: "
                "who reads a data file there while it is written may see it broken."
            ),
            remedy=(
                "Let a recorder write on a host where the disk is local (or Lustre, GPFS), or set "
                "data.allow_network_file_system where nobody reads live."
            ),
        )
    ]


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
