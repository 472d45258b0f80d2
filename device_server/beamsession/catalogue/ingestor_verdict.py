"""What an ingestor's end means: exit code and pid together decide, and in doubt a person has to look."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from beamsession.model.value import Value

_MAX_LINE = 1000
_CHUNK = 64 * 1024
_MAX_PIDS = 10
_LAST_LINES = 3
_SHOWN_CHARACTERS = 600
# Colours and cursor movements of terminals, and the title that some programs set.
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")


class Ending(StrEnum):
    """How the program came to its end; the values are written by its guard."""

    ENDED = "ended"
    NOT_STARTED = "not started"
    TIME_LIMIT = "time limit"
    OUTPUT_LIMIT = "output limit"
    CANCELLED = "cancelled"
    LOST = "lost"


class End(Value):
    """`code` is the exit code, negative for a signal; None where there is none. `why` it could not be started."""

    how: Ending
    code: int | None = None
    why: str = ""
    seconds: float = 0.0


class Kind(StrEnum):
    """What is known after it; only STORED archives anything."""

    STORED = "stored"
    FAILED = "failed"
    NOT_STARTED = "not_started"
    DRY_RUN = "dry_run"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """`sentence` is for a person; `pid` is empty but for STORED. `code` is the stable code of the error it makes."""

    kind: Kind
    pid: str
    code: str
    sentence: str


def judge(end: End, pids: Iterable[str], *, program: str, last_words: str, is_dry_run: bool, limit_h: float) -> Verdict:
    """`pids` are those told on standard output, each once; `last_words` what it said at last."""
    told = tuple(pids)
    said = f" It said last: '{last_words}'." if last_words else ""
    match end.how:
        case Ending.NOT_STARTED:
            return _verdict(Kind.NOT_STARTED, "INGESTOR_NOT_STARTED", f"{program} was not started: {end.why}.")
        case Ending.LOST | Ending.ENDED if end.code is None:
            sentence = f"{program} ended unseen, so whether it has stored the session is not known.{_hint(told)}{said}"
            return _verdict(Kind.UNKNOWN, "INGESTOR_UNKNOWN", sentence)
        case Ending.ENDED:
            return _ended(end, told, program, said, is_dry_run)
        case _:
            sentence = f"{program} {_why_stopped(end.how, limit_h)}; it may have stored the session.{_hint(told)}{said}"
            return _verdict(Kind.UNKNOWN, "INGESTOR_STOPPED", sentence)


def pids_in(output: BinaryIO, pattern: str) -> tuple[str, ...]:
    """The lines that are wholly a pid, each once; at most 10. Colours, blanks around them and other lines are noise."""
    wanted = re.compile(pattern)
    found: dict[str, None] = {}
    for line in _lines(output):
        text = plain_text(line).strip()
        if len(text) <= _MAX_LINE and wanted.fullmatch(text):
            found[text] = None
        if len(found) == _MAX_PIDS:
            break
    return tuple(found)


def plain_text(output: bytes) -> str:
    """What a terminal would show of it, without colours; other control characters are marked."""
    text = _ESCAPES.sub("", output.decode(errors="replace")).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


def last_words(text: str) -> str:
    """The last lines of a text with anything in them, in one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = " / ".join(lines[-_LAST_LINES:])
    return words if len(words) <= _SHOWN_CHARACTERS else f"…{words[-_SHOWN_CHARACTERS:]}"


def _ended(end: End, told: tuple[str, ...], program: str, said: str, is_dry_run: bool) -> Verdict:
    if end.code:
        how = f"was killed by {_signal_name(-end.code)}" if end.code < 0 else f"failed with exit code {end.code}"
        return _verdict(Kind.FAILED, "INGESTOR_FAILED", f"{program} {how}.{_hint(told)}{said}")
    if len(told) == 1:
        return _verdict(Kind.STORED, "", f"{program} has stored the session as {told[0]}.", told[0])
    if told:
        sentence = f"{program} told {len(told)} different pids, {' and '.join(told[:3])}: which is meant is not known."
        return _verdict(Kind.UNKNOWN, "INGESTOR_SEVERAL_PIDS", sentence)
    if is_dry_run:
        sentence = f"{program} ended well in a dry run: without the option --ingest it stores nothing.{said}"
        return _verdict(Kind.DRY_RUN, "INGESTOR_DRY_RUN", sentence)
    sentence = f"{program} ended well, but told no pid; it may have stored the session.{said}"
    return _verdict(Kind.UNKNOWN, "INGESTOR_NO_PID", sentence)


def _verdict(kind: Kind, code: str, sentence: str, pid: str = "") -> Verdict:
    return Verdict(kind, pid, code, sentence)


def _hint(told: tuple[str, ...]) -> str:
    return f" It told the pid {' and '.join(told[:3])}." if told else ""


def _why_stopped(how: Ending, limit_h: float) -> str:
    match how:
        case Ending.TIME_LIMIT:
            return f"did not end within {limit_h:g} h and was stopped"
        case Ending.OUTPUT_LIMIT:
            return "printed without end and was stopped"
        case _:
            return "was stopped on request, or with its host"


def _lines(output: BinaryIO) -> Iterator[bytes]:
    """All lines but those that are too long to matter; a carriage return ends one too."""
    is_inside = False
    while piece := output.readline(_CHUNK):
        is_end = piece.endswith(b"\n")
        if not is_inside and (is_end or len(piece) < _CHUNK):
            yield from piece.split(b"\r")
        is_inside = not is_end


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
