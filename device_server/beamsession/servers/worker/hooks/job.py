"""The job that runs one hook: a program of the beamline that wants to know what has happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beamsession.model.errors import NotFoundError
from beamsession.model.hook import HookConfig
from beamsession.model.instrument import Instrument
from beamsession.model.job import Job
from beamsession.model.plain import plain
from beamsession.model.run import Run
from beamsession.servers.worker import jobs
from beamsession.servers.worker.hooks.leftovers import end_leftovers
from beamsession.servers.worker.hooks.process import run_hook
from beamsession.servers.worker.job_runner import Done
from beamsession.servers.worker.job_watch import JobWatch
from beamsession.store import Reads, Store

_MOST_TRIES = 2


class _StoppingError(Exception):
    """The worker is about to end."""


class HookWork:
    """Arguments `hook`, the name in the configuration, and `event`, what happened, in its JSON form.

    `device` is the manager's address, for a hook that wants to ask it something. `state` is the folder of this worker
    alone. A hook that was cut short with the worker is run once more, never beside what is left of it, and not a third
    time.
    """

    def __init__(self, store: Store, instrument: Instrument, device: str, state: Path) -> None:
        self._store = store
        self._instrument = instrument
        self._device = device
        self._state = state

    def check(self, job: Job) -> None:
        """Raises NotFoundError HOOK_NOT_FOUND."""
        self._hook(job)

    def do(self, job: Job, watch: JobWatch) -> Done:
        """The hook's own end; what it does cannot raise."""
        tries, mark = jobs.times_begun(), f"{job.id}@{self._state.resolve()}"
        # A lost job database knows of no earlier try; its hook may run all the same.
        if not end_leftovers(mark):
            detail = "An earlier run of the hook is still under way and cannot be ended; it is not run beside that."
            return Done(detail, {"output": ""}, is_success=False)
        watch.require_wanted()
        if tries > _MOST_TRIES:
            detail = "The worker ended twice while the hook ran; it is not run a third time."
            return Done(detail, {"output": ""}, is_success=False)
        with self._store.snapshot() as reads:
            facts = self._facts(reads, job)
        try:
            result = run_hook(self._hook(job), facts, mark=mark, checkpoint=lambda: _look(watch))
        except _StoppingError:
            watch.checkpoint()  # It does not return: the hook is run again at the next start.
            raise
        return Done(result.detail, {"output": result.output}, is_success=result.ok)

    def _hook(self, job: Job) -> HookConfig:
        name = str(job.arguments["hook"])
        for hook in self._instrument.hooks:
            if hook.name == name:
                return hook
        raise NotFoundError(
            f"No hook called '{name}' is configured any more.",
            code="HOOK_NOT_FOUND",
            value=name,
            remedy="Nothing needs to be done if it was taken out on purpose; else write its [[hooks]] table again.",
        )

    def _facts(self, reads: Reads, job: Job) -> dict[str, Any]:
        """What the hook is told, JSON values; all runs only where it is about the session: that is done once."""
        event: dict[str, Any] = job.arguments["event"]
        session = reads.session(int(event["session"]))
        run = _run_of(reads, event)
        return {
            "event": event,
            "device": self._device,
            "instrument": self._instrument.name,
            "session": plain(session),
            "session_id": session.id,
            "session_name": session.name,
            "session_folder": str(self._instrument.data_root / session.folder),
            "runs": plain(reads.runs(session.id)) if event["run"] is None else None,
            "run": plain(run),
            "run_number": run.number if run else None,
            "run_file": run.file if run else None,
        }


def _run_of(reads: Reads, event: dict[str, Any]) -> Run | None:
    """The run that the event is about; None also where it was moved to another session since."""
    if event["run"] is None:
        return None
    try:
        return reads.run(int(event["session"]), int(event["run"]))
    except NotFoundError:
        return None


def _look(watch: JobWatch) -> None:
    if watch.is_stopping:
        raise _StoppingError
    watch.require_wanted()
