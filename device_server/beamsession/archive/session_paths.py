"""The list of a session's files: its own record, its enabled runs, what was added."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from beamsession.model.own_names import RECORD
from beamsession.model.run import Run
from beamsession.model.run_files import run_files
from beamsession.model.session import AddedFile


def session_paths(folder: Path, runs: Iterable[Run], files: Iterable[AddedFile]) -> list[Path]:
    """Absolute paths, whether they exist or not, in this order; none twice. `folder` is the session's, absolute."""
    record = [folder / name for name in RECORD]
    of_runs = [path for run in runs if run.enabled for path in run_files(run)]
    return list(dict.fromkeys([*record, *of_runs, *(Path(file.path) for file in files)]))
