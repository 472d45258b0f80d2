"""One run over its recorders at one moment: what its parts owe to each other follows from their reports alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from beamsession.model.parts import absent_part, concluded, part_verdict, together
from beamsession.model.plan import RunKey
from beamsession.model.report import RecorderReport, RunReport
from beamsession.model.states import RunState

_UNHAPPY = (RunState.ABORTED, RunState.FAILED)
_UNENDED = (RunState.PREPARING, RunState.RECORDING, RunState.PAUSED)
_FORGOTTEN = "It knows nothing of the run any more."
_GONE = "The recorder cannot be reached."


class SharedRun:
    """`parts` by recorder, the leading one first; those in `awaited` have not answered, their reports are the last.

    A part is LOST whose recorder is gone, and NONE where its recorder answers and knows nothing of the run.
    """

    def __init__(self, key: RunKey, parts: Mapping[str, RunReport], awaited: Set[str]) -> None:
        self.key = key
        self._parts = dict(parts)
        self._awaited = awaited
        if any(_has_begun(part) for part in parts.values()):
            for name, part in parts.items():
                if part.state is RunState.NONE:
                    self._parts[name] = part.model_copy(update={"state": RunState.ABORTED, "reason": _FORGOTTEN})

    @property
    def recorders(self) -> tuple[str, ...]:
        """The names of its recorders."""
        return tuple(self._parts)

    @property
    def leader(self) -> str:
        """The recorder that writes the master."""
        return next(iter(self._parts))

    @property
    def outcome(self) -> RunReport | None:
        """How the run ended: its leader's word, or the sum of the parts where the leader could not wait for them."""
        leading = self._parts[self.leader]
        if leading.state.is_verdict and not leading.part:
            return leading
        if all(part.state.is_verdict for part in self._parts.values()):
            return concluded(tuple(self._parts.values()))
        return None

    def part(self, name: str) -> RunReport | None:
        """The last report of one part."""
        return self._parts.get(name)

    def together(self) -> RunReport:
        """The report of the live run."""
        parts = tuple(self._parts.values())
        return parts[0] if len(parts) == 1 else together(parts)

    def to_arm(self) -> list[str]:
        """Whom to tell to record: those that are prepared, once nobody is not."""
        if len(self._parts) == 1 or self._awaited or any(_holds_up(part) for part in self._parts.values()):
            return []
        return [name for name, part in self._parts.items() if _is_prepared(part)]

    def to_stop(self) -> tuple[list[str], str]:
        """Whom to stop because of the others, and with which reason.

        When one is gone or has broken, its run is over for all. Else a run with declared frames is over when all have
        theirs who count them, one without when the first has ended.
        """
        living = [name for name, part in self._parts.items() if part.state in _UNENDED and name not in self._awaited]
        if gone := [name for name, part in self._parts.items() if part.state is RunState.LOST]:
            return living, f"The recorder '{gone[0]}' cannot be reached."
        verdicts = {name: part_verdict(part) for name, part in self._parts.items()}
        if not any(verdicts.values()):
            return [], ""
        counting = [name for name, part in self._parts.items() if _counts(part)]
        broken = any(verdict in _UNHAPPY for verdict in verdicts.values())
        return (living if broken or all(verdicts[name] for name in counting) else []), ""

    def others_ended(self) -> tuple[RunReport, ...] | None:
        """The outcomes to tell a leader that waits for them; None as long as one is not known."""
        others = self._others()
        waits = self._parts[self.leader].own is not None and self.leader not in self._awaited
        return others if waits and all(other.state.is_verdict for other in others) else None

    def others_given_up(self) -> tuple[RunReport, ...] | None:
        """The same where recorders are gone: what was last known of their parts."""
        others = self._others()
        waits = self._parts[self.leader].own is not None and self.leader not in self._awaited
        known = all(other.state.is_verdict or other.state is RunState.LOST for other in others)
        return others if waits and known else None

    def _others(self) -> tuple[RunReport, ...]:
        return tuple(part for name, part in self._parts.items() if name != self.leader)


def shared_runs(
    seen: Mapping[str, RecorderReport], *, silent: Set[str], gone: Set[str], before: Mapping[RunKey, SharedRun]
) -> Iterator[SharedRun]:
    """The runs that the recorders report; of those that are silent what they said `before` counts."""
    found: dict[RunKey, dict[str, RunReport]] = {}
    for name, report in seen.items():
        for run in (*report.finished, *report.live):
            found.setdefault(run.key, {})[name] = run
    for key, reports in found.items():
        any_report = next(iter(reports.values()))
        names = any_report.team or tuple(reports)
        parts: dict[str, RunReport] = {}
        for name in names:
            if name in reports:
                parts[name] = reports[name]
            elif name in silent:
                known = before[key].part(name) if key in before else None
                parts[name] = _unheard(known or _blank(any_report, name), is_gone=name in gone)
            else:
                parts[name] = absent_part(any_report, name)
        awaited = {name for name in names if name in silent and not parts[name].state.is_verdict}
        yield SharedRun(key, parts, awaited)


def _unheard(known: RunReport, *, is_gone: bool) -> RunReport:
    """The part of a recorder that does not answer; an outcome that it told before stands."""
    if known.state.is_verdict or not is_gone:
        return known
    return known.model_copy(update={"state": RunState.LOST, "own": None, "reason": _GONE, "rate": 0.0})


def _blank(report: RunReport, name: str) -> RunReport:
    return absent_part(report, name).model_copy(update={"state": RunState.PREPARING})


def _is_prepared(part: RunReport) -> bool:
    return part.state is RunState.PREPARING and part.start is not None


def _holds_up(part: RunReport) -> bool:
    """Whether nobody shall record because of this part: it is not prepared yet, or cannot be."""
    is_away = part.state in (RunState.NONE, RunState.LOST)
    is_behind = part.state is RunState.PREPARING and not _is_prepared(part)
    return is_away or is_behind or part_verdict(part) in _UNHAPPY


def _has_begun(part: RunReport) -> bool:
    return part_verdict(part) is not None or part.state in (RunState.RECORDING, RunState.PAUSED, RunState.DRAINING)


def _counts(part: RunReport) -> bool:
    return any(account.expected is not None for account in part.accounts)
