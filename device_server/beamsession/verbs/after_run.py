"""What is made of each run when it has its verdict is noted with the verdict itself, so that none is forgotten."""

from __future__ import annotations

from typing import Any

from beamsession.model.job import Job, JobKind
from beamsession.model.run import Run
from beamsession.verbs.context import Change, Context


def make_after(ctx: Context, change: Change, run: Run) -> None:
    """Ask the worker for what the configuration wants of every run; of one without any data nothing is made."""
    if ctx.instrument.quick_look.enabled and has_frames(run.report):
        ask_for_quick_look(change, run)
    if ctx.instrument.single_file and has_data(run.report):
        ask_for_copy(change, run, "")


def ask_for_quick_look(change: Change, run: Run) -> Job:
    """A job that makes the run's quick look."""
    return change.tx.new_job(
        JobKind.QUICK_LOOK, f"Make the quick look of run {run.number}.", {"run_id": run.id}, session_id=run.session_id
    )


def ask_for_copy(change: Change, run: Run, target: str) -> Job:
    """A job that copies the run into one file: `target`, or its usual place if that is empty."""
    return change.tx.new_job(
        JobKind.PACK,
        f"Copy run {run.number} into one file.",
        {"run_id": run.id, "target": target},
        session_id=run.session_id,
    )


def has_frames(report: dict[str, Any]) -> bool:
    """Whether the recorder has written any frame."""
    return any(account.get("written") for account in report.get("accounts", ()))


def has_data(report: dict[str, Any]) -> bool:
    """Whether the recorder has written anything."""
    return has_frames(report) or bool(report.get("readings"))
