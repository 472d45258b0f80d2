"""The session's folder on the recorder's host: made by the rules, and looked at."""

from __future__ import annotations

import grp
import os
from datetime import UTC, datetime
from pathlib import Path

from beamsession.model.errors import RefusedError
from beamsession.model.plan import FileRules, RunPlan
from beamsession.model.report import FileFacts, Problem

# What beamsession itself writes into the folder of a session that has no run and no file.


def make_folder(data_root: Path, folder: Path, rules: FileRules) -> list[Path]:
    """Make `folder` and what is missing on the way to it; what was made, outermost first.

    Only what is made gets the mode and group of `rules`. Raises RefusedError: OUTSIDE_ROOT, ROOT_MISSING,
    ROOT_NOT_WRITABLE, GROUP_REFUSED.
    """
    if not data_root.is_dir():
        # It is never made here: an unmounted disk would silently become a folder on the system's.
        raise RefusedError(
            f"The data root {data_root} does not exist on the recorder's host.",
            code="ROOT_MISSING",
            value=str(data_root),
            remedy="Mount it, or correct data.root in the configuration.",
        )
    require_below(data_root, folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    made: list[Path] = []
    for path in reversed(missing):
        try:
            path.mkdir()
        except FileExistsError:
            continue  # Somebody made it in this instant; then its mode is theirs.
        except OSError as fault:
            raise RefusedError(
                f"The folder {path} cannot be made ({fault.strerror}).",
                code="ROOT_NOT_WRITABLE",
                value=str(path),
                remedy="Give the recorder's account write permission there.",
            ) from fault
        made.append(path)
        dress(path, rules.folder_mode, rules.group)
    return made


def dress(path: Path, mode: int, group: str | None) -> None:
    """Give `path` its mode (as it is, whatever the umask) and group. Raises RefusedError (GROUP_REFUSED)."""
    if group is not None:
        try:
            os.chown(path, -1, grp.getgrnam(group).gr_gid)
        except KeyError:
            raise _group_refused(path, group, "no such group on this host") from None
        except OSError as fault:
            raise _group_refused(path, group, str(fault.strerror)) from fault
    path.chmod(mode)  # After chown, which clears setgid.


def require_below(data_root: Path, folder: Path) -> None:
    """Raise RefusedError (OUTSIDE_ROOT) unless `folder` lies truly below `data_root`, symbolic links followed."""
    root, real = data_root.resolve(), folder.resolve()
    if ".." not in folder.parts and folder.is_absolute() and real != root and real.is_relative_to(root):
        return
    raise RefusedError(
        f"{folder} does not lie below the data root {data_root}.",
        code="OUTSIDE_ROOT",
        value=str(folder),
        remedy="Look for a symbolic link on the way, or correct data.template.",
    )


def planned_files(plan: RunPlan) -> list[Path]:
    """Every file that this run will make, here."""
    leading = [plan.master, plan.readings_file] if plan.leads else []
    return [*leading, *data_files(plan).values()]


def data_files(plan: RunPlan) -> dict[str, Path]:
    """The data file of each detector recorded here that has one."""
    return {item.name: plan.data_file(item.name) for item in plan.detectors if item.layout is not None}


def existing_file_problems(plan: RunPlan) -> list[Problem]:
    """FILE_EXISTS for each file of this run that is there already."""
    return [
        Problem(
            code="FILE_EXISTS",
            sentence=f"{path} exists already and is never overwritten.",
            remedy="Start the next run, or move that file away.",
        )
        for path in planned_files(plan)
        if path.exists() or path.is_symlink()
    ]


def file_facts(path: Path) -> FileFacts:
    """What is at `path`, symbolic links followed."""
    real = path.resolve()
    try:
        facts = real.stat()
    except (FileNotFoundError, NotADirectoryError):
        return FileFacts(path=real, exists=False)
    return FileFacts(
        path=real,
        exists=True,
        is_folder=real.is_dir(),
        size=facts.st_size,
        modified=datetime.fromtimestamp(facts.st_mtime, UTC),
    )


def _group_refused(path: Path, group: str, why: str) -> RefusedError:
    return RefusedError(
        f"{path} cannot be given to the group '{group}' ({why}).",
        code="GROUP_REFUSED",
        value=group,
        remedy="Make the recorder's account a member of it, or correct data.group.",
    )
