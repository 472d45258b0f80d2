"""How a command ends, told by its exit code; the numbers never change."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from beamsession.model.errors import BeamsessionError, InvalidInputError, NotFoundError, UnavailableError

JOB_FAILED = "JOB_FAILED"
JOB_CANCELLED = "JOB_CANCELLED"


class ExitCode(IntEnum):
    """What a script can go by."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4
    JOB_FAILED = 5
    INTERRUPTED = 130


_MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.REFUSED: "refused",
    ExitCode.USAGE: "wrong usage or input",
    ExitCode.NOT_FOUND: "not found",
    ExitCode.UNREACHABLE: "nothing answers (server, recorder, store)",
    ExitCode.JOB_FAILED: "a job failed or was cancelled",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
}
EPILOG = "Exit codes: " + ", ".join(f"{code.value} {meaning}" for code, meaning in _MEANINGS.items()) + "."

_KINDS: dict[type[BeamsessionError], ExitCode] = {
    InvalidInputError: ExitCode.USAGE,
    NotFoundError: ExitCode.NOT_FOUND,
    UnavailableError: ExitCode.UNREACHABLE,
}


def answer_code(verb: str, answer: Any) -> ExitCode:
    """The exit code of a command whose `verb` was answered: a check that found what blocks a run, and a dry
    run that found problems, say refused.
    """
    if verb == "run_check" and any(problem.get("blocks", True) for problem in answer):
        return ExitCode.REFUSED
    if verb == "ingest_dry_run" and isinstance(answer, dict) and not answer.get("would_go", True):
        return ExitCode.REFUSED
    return ExitCode.DONE


def exit_code(error: BeamsessionError) -> ExitCode:
    """The exit code of a command that ended with `error`."""
    if error.code in (JOB_FAILED, JOB_CANCELLED):
        return ExitCode.JOB_FAILED
    return next((code for kind, code in _KINDS.items() if isinstance(error, kind)), ExitCode.REFUSED)
