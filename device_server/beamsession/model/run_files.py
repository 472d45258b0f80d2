"""Which files are a run's."""

from __future__ import annotations

from pathlib import Path

from beamsession.model.run import Run


def run_files(run: Run) -> tuple[Path, ...]:
    """The files that hold a run, absolute, its master first: what its recorder reported, or what was registered."""
    named = (run.file, run.report.get("master"), *run.report.get("files", ()))
    return tuple(dict.fromkeys(Path(str(name)) for name in named if name))
