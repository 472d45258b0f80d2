"""Several recorders that look like one: each gets its part of a run, and the run is the sum of its parts.

Nothing is kept here that matters: what each recorder reports tells what the parts owe to each other, so that a
restarted manager goes on where the last one stopped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from beamsession.model.errors import BeamsessionError, NotFoundError, RefusedError, UnavailableError
from beamsession.model.parts import by_recorder, parts_of
from beamsession.model.plan import RunKey, RunPlan
from beamsession.model.ports import RecorderPort
from beamsession.model.report import DiskFacts, FileFacts, Problem, RecorderReport, RunReport
from beamsession.team.member import Member, gathered
from beamsession.team.shared_run import SharedRun, shared_runs

GRACE_S = 5.0
"""For how long a recorder may be silent before its runs are LOST."""
_log = logging.getLogger(__name__)
_PATIENCE_S = 2.7  # clients of the manager wait for 3 s
R = TypeVar("R")


class RecorderTeam:
    """Implements `beamsession.model.ports.RecorderPort` over several recorders, in their configured order.

    They are asked side by side. `report` also takes the next step of each shared run: it arms the parts when all are
    prepared, stops the others when one has broken, and tells the leading recorder what became of the others.
    A recorder that has been silent for `grace_s` makes its runs LOST; until then it is waited for.
    """

    def __init__(self, instrument: str, recorders: Mapping[str, RecorderPort], grace_s: float = GRACE_S) -> None:
        self._instrument = instrument
        self._members = {name: Member(name, port) for name, port in recorders.items()}
        self._grace_s = grace_s
        self._runs: dict[RunKey, SharedRun] = {}
        self._forgotten: set[RunKey] = set()

    def check(self, plan: RunPlan) -> tuple[Problem, ...]:
        """Every reason why one of the recorders that the run needs could not record its part."""
        parts = parts_of(plan, list(self._members))
        answers = self._gathered(parts, lambda name, port: port.check(parts[name]))
        problems: list[Problem] = []
        for name, found in answers.items():
            if isinstance(found, BeamsessionError):
                problems.append(_problem(name, found))
            else:
                problems += _named(name, found) if self._is_worth_naming(parts) else found
        return tuple(problems)

    def prepare(self, plan: RunPlan) -> None:
        """Prepare all parts; where one is refused the others are aborted. Raises RefusedError, UnavailableError."""
        parts = parts_of(plan, list(self._members))
        faults = _faults(self._gathered(parts, lambda name, port: port.prepare(parts[name])))
        refused = {name: fault for name, fault in faults.items() if not isinstance(fault, UnavailableError)}
        if refused:
            self._gathered(set(parts) - set(faults), lambda _, port: port.abort(plan.key))
            first = next(iter(refused.values()))
            sentences = {name: fault.sentence for name, fault in refused.items()}
            sentence = by_recorder(sentences) if self._is_worth_naming(parts) else first.sentence
            raise RefusedError(sentence, code=first.code, value=str(plan.key), remedy=first.remedy)
        for fault in faults.values():
            raise fault

    def arm(self, key: RunKey) -> None:
        """Record on all."""
        self._order(key, lambda port: port.arm(key))

    def pause(self, key: RunKey) -> None:
        """Let frames pass unrecorded on all."""
        self._order(key, lambda port: port.pause(key))

    def resume(self, key: RunKey) -> None:
        """Record again on all."""
        self._order(key, lambda port: port.resume(key))

    def stop(self, key: RunKey, reason: str = "") -> None:
        """Drain all."""
        self._order(key, lambda port: port.stop(key, reason))

    def abort(self, key: RunKey) -> None:
        """Drop what is not yet written on all; a run of which a recorder is gone is concluded without it."""
        self._order(key, lambda port: port.abort(key))
        if (run := self._runs.get(key)) and (others := run.others_given_up()) is not None:
            self._gathered([run.leader], lambda _, port: port.conclude(key, others))

    def conclude(self, key: RunKey, others: tuple[RunReport, ...]) -> None:
        """Done in `report`, which knows the others."""

    def forget(self, key: RunKey) -> None:
        """No recorder need keep the outcome of its part; one that is silent is told when it is heard of again."""
        self._forgotten.add(key)
        faults = _faults(self._gathered(self._members, lambda _, port: port.forget(key)))
        for name, fault in faults.items():
            _log.info("the recorder %s could not forget %s: %s", name, key, fault.text)
        if len(faults) == len(self._members):
            raise next(iter(faults.values()))

    def report(self) -> RecorderReport:
        """What they are doing together. Raises UnavailableError where none of them answers."""
        seen = self._look()
        silent = {name: member.silent_s or 0.0 for name, member in self._members.items() if name not in seen}
        gone = {name for name, seconds in silent.items() if seconds >= self._grace_s}
        self._runs = {
            run.key: run
            for run in shared_runs(seen, silent=set(silent), gone=gone, before=self._runs)
            if run.key.instrument == self._instrument
        }
        for run in self._runs.values():
            self._advance(run)
        self._keep_forgotten(all_heard=not silent)
        told = [run for run in self._runs.values() if run.key not in self._forgotten]
        live = sorted(
            (run.together() for run in told if run.outcome is None),
            key=lambda report: (report.key.session_id, report.key.run_number),
            reverse=True,
        )
        return RecorderReport(
            name=", ".join(report.name for report in seen.values()),
            boot=" ".join(report.boot for report in seen.values()),
            current=live[0] if live else None,
            others=tuple(live[1:]),
            finished=tuple(run.outcome for run in told if run.outcome is not None),
            pids={f"{name}.{role}": pid for name, report in seen.items() for role, pid in report.pids.items()},
            problems=tuple(self._problems(seen, silent, gone)),
            silent=silent,
        )

    def _is_worth_naming(self, parts: Mapping[str, RunPlan]) -> bool:
        """Whether a sentence about a run says which recorder it comes from: not where the first has it all."""
        return list(parts) != [next(iter(self._members))]

    def _keep_forgotten(self, *, all_heard: bool) -> None:
        """A part whose recorder did not hear that its run is over is ended and forgotten, and is no news."""
        for key in list(self._forgotten):
            run = self._runs.get(key)
            if run is not None and run.outcome is not None:
                self._gathered(self._members, lambda _, port, key=key: port.forget(key))
            elif run is None and all_heard:
                self._forgotten.discard(key)

    def disk(self, path: Path) -> DiskFacts:
        """The disk that holds `path`, as the first recorder that answers sees it."""
        return self._first(lambda port: port.disk(path))

    def stat(self, path: Path) -> FileFacts:
        """Facts about `path`, as the first recorder that answers sees it."""
        return self._first(lambda port: port.stat(path))

    def _look(self) -> dict[str, RecorderReport]:
        for member in self._members.values():
            member.ask()
        until = time.monotonic() + _PATIENCE_S
        heard = {name: member.hear(max(until - time.monotonic(), 0.0)) for name, member in self._members.items()}
        seen = {name: report for name, report in heard.items() if report is not None}
        if not seen:
            raise next(member.fault for member in self._members.values() if member.fault)
        return seen

    def _advance(self, run: SharedRun) -> None:
        """The next step of a run, if it has one; an order that fails is given again at the next look."""
        key = run.key
        orders: dict[str, Callable[[RecorderPort], None]] = {}
        orders.update(dict.fromkeys(run.to_arm(), lambda port: port.arm(key)))
        names, reason = run.to_stop()
        orders.update(dict.fromkeys(names, lambda port: port.stop(key, reason)))
        if (others := run.others_ended()) is not None:
            orders[run.leader] = lambda port: port.conclude(key, others)
        for name, fault in _faults(self._gathered(orders, lambda name, port: orders[name](port))).items():
            _log.warning("run %s: the recorder %s did not take an order: %s", key, name, fault.text)

    def _problems(
        self, seen: Mapping[str, RecorderReport], silent: Iterable[str], gone: Iterable[str]
    ) -> Iterable[Problem]:
        for name, report in seen.items():
            yield from _named(name, report.problems)
        for name in silent:
            member = self._members[name]
            if name in gone and member.fault is not None:
                yield _problem(name, member.fault)
            elif not member.was_heard:
                yield Problem(code="STARTING", sentence=f"{name}: Waiting for it.", recorder=name)

    def _order(self, key: RunKey, work: Callable[[RecorderPort], None]) -> None:
        """An order to all recorders of a run; it is given if one of them has taken it."""
        run = self._runs.get(key)
        names = run.recorders if run else list(self._members)
        answers = self._gathered(names, lambda _, port: work(port))
        faults = _faults(answers)
        if faults and len(faults) == len(answers):
            unknown = all(isinstance(fault, NotFoundError) for fault in faults.values())
            raise next(fault for fault in faults.values() if unknown or not isinstance(fault, NotFoundError))

    def _gathered(
        self, names: Iterable[str], work: Callable[[str, RecorderPort], R]
    ) -> dict[str, R | BeamsessionError]:
        members = [self._members[name] for name in names if name in self._members]
        return gathered(members, work, _PATIENCE_S)

    def _first(self, work: Callable[[RecorderPort], R]) -> R:
        fault: UnavailableError | None = None
        for name in sorted(self._members, key=lambda name: self._members[name].silent_s is not None):
            found = self._gathered([name], lambda _, port: work(port))[name]
            if isinstance(found, UnavailableError) and found.code == "RECORDER_UNREACHABLE":
                fault = fault or found
            elif isinstance(found, BeamsessionError):
                raise found
            else:
                return found
        assert fault is not None
        raise fault


def _faults(answers: Mapping[str, object]) -> dict[str, BeamsessionError]:
    return {name: found for name, found in answers.items() if isinstance(found, BeamsessionError)}


def _named(name: str, problems: Iterable[Problem]) -> list[Problem]:
    return [
        problem.model_copy(update={"sentence": f"{name}: {problem.sentence}", "recorder": name}) for problem in problems
    ]


def _problem(name: str, fault: BeamsessionError) -> Problem:
    return Problem(code=fault.code, sentence=f"{name}: {fault.sentence}", remedy=fault.remedy, recorder=name)
