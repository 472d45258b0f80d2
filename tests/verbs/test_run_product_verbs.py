"""What is made of runs is asked for with the verdict, or by people, and only where there is something to make it of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beamsession.model.clock import utc_now
from beamsession.model.completeness import Completeness
from beamsession.model.job import Job
from beamsession.model.quick_look import QuickLookConfig
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.record.recorder import Recorder
from beamsession.verbs.plan import run_key
from verb_desk import OTHER, WORKER, Desk, open_desk


def end(desk: Desk, state: RunState = RunState.COMPLETED, *, frames: int = 3, readings: int = 0) -> int:
    """A run that its recorder ends with so many frames; its master is there."""
    number = desk.ask("run_start")
    master = desk.file(f"run_{number:04d}.nxs")
    account = Completeness(detector="eiger", received=frames, written=frames)
    key = run_key(desk.session, number)
    desk.tell(RunReport(key=key, state=state, stop=utc_now(), accounts=(account,), readings=readings, master=master))
    return number


def jobs(desk: Desk) -> list[Job]:
    return list(reversed(desk.store.jobs(desk.instrument.name)))


@pytest.fixture
def opened(desk: Desk) -> Desk:
    desk.ask("session_start", name="products")
    return desk


@pytest.mark.parametrize("state", [RunState.COMPLETED, RunState.INCOMPLETE, RunState.ABORTED, RunState.FAILED])
def test_a_quick_look_is_noted_with_every_verdict_where_there_are_frames(opened: Desk, state: RunState) -> None:
    head, _ = opened.store.head()
    number = end(opened, state)
    [job] = jobs(opened)
    run = opened.store.run(opened.session.id, number)
    assert (job.kind.value, job.arguments, job.session_id) == ("quick_look", {"run_id": run.id}, opened.session.id)
    verdict, asked = opened.store.events(after=head)[-2:]
    assert (verdict.kind, asked.kind) == (f"run_{state.value.lower()}", "job_requested")
    assert verdict.time == asked.time, "one transaction"


def test_nothing_is_made_of_a_run_without_frames(opened: Desk) -> None:
    end(opened, frames=0, readings=5)
    opened.ask("run_register", path=str(opened.file("foreign.h5")))
    assert jobs(opened) == []


def test_what_is_made_of_every_run_is_configured(tmp_path: Path, recorder: Recorder) -> None:
    wanted: dict[str, Any] = {"quick_look": QuickLookConfig(enabled=False), "single_file": True}
    with open_desk(tmp_path, recorder, **wanted) as desk:
        desk.ask("session_start")
        end(desk, frames=0)
        assert jobs(desk) == []
        end(desk, frames=0, readings=1)
        [job] = jobs(desk)
        assert (job.kind.value, job.arguments["target"]) == ("pack", "")


def test_a_quick_look_that_waits_is_not_asked_for_twice(opened: Desk) -> None:
    number = end(opened)
    [waiting] = jobs(opened)
    assert opened.ask("run_quick_look", run=number) == waiting.id
    opened.ask("job_cancel", job=waiting.id)
    second = opened.ask("run_quick_look", run=number)
    assert second > waiting.id
    opened.ask("job_report", by=WORKER, job=second, state="running")
    assert opened.ask("run_quick_look", run=number) == second
    opened.ask("job_report", by=WORKER, job=second, state="done")
    assert opened.ask("run_quick_look", run=number) > second


def test_each_run_has_its_own_quick_look_and_the_last_that_was_made_is_shown(opened: Desk) -> None:
    first, second = end(opened), end(opened)
    made = {job.arguments["run_id"]: job.id for job in jobs(opened)}
    for text, job in zip(("one", "two"), made.values(), strict=True):
        opened.ask("job_report", by=WORKER, job=job, state="done", result={"folder": text})
    shown = opened.ask("run_quick_look_show", run=first)
    assert (shown["folder"], shown["number"]) == ("one", first)
    assert opened.ask("run_quick_look_show", run=second)["folder"] == "two"
    again = opened.ask("run_quick_look", run=first)
    opened.ask("job_report", by=WORKER, job=again, state="failed", detail="The disk is gone.")
    assert opened.ask("run_quick_look_show", run=first)["folder"] == "one", "a failure takes nothing away"


def test_why_there_is_no_quick_look_is_told(opened: Desk) -> None:
    number = end(opened)
    [job] = jobs(opened)
    assert opened.refused("run_quick_look_show", run=number).remedy == f"Wait for job {job.id}."
    opened.ask("job_report", by=WORKER, job=job.id, state="failed", detail="The file is damaged.")
    error = opened.refused("run_quick_look_show", run=number)
    assert (error.code, "The file is damaged." in error.sentence) == ("NO_QUICK_LOOK", True)
    opened.ask("run_register", path=str(opened.file("foreign.h5")))
    assert "There is no quick look of run 2" in opened.refused("run_quick_look_show", run=2).sentence


@pytest.mark.parametrize("verb", ["run_quick_look", "run_pack"])
def test_only_closed_runs_with_data_that_are_there_are_worked_on(opened: Desk, verb: str) -> None:
    number = end(opened)
    Path(opened.store.run(opened.session.id, number).file).unlink()
    assert opened.refused(verb, run=number).code == "FILE_NOT_FOUND"
    assert opened.refused(verb, run=end(opened, frames=0)).code == "NO_DATA"
    assert opened.refused(verb, run=99).code == "RUN_NOT_FOUND"
    assert opened.refused(verb, run=opened.ask("run_start")).code == "WRONG_STATE"


def test_a_copy_is_asked_for_in_its_usual_place_or_by_a_name(opened: Desk, tmp_path: Path) -> None:
    number = end(opened)
    assert opened.store.job(opened.ask("run_pack", run=number)).arguments["target"] == ""
    target = opened.instrument.data_root / "copy.nxs"
    assert opened.store.job(opened.ask("run_pack", run=number, file_name="copy.nxs")).arguments["target"] == str(target)
    target.touch()
    folder = opened.instrument.data_root / opened.session.folder
    for name, code in {
        "copy.nxs": "FILE_EXISTS",
        "copy.txt": "BAD_PATH",
        "../copy.nxs": "OUTSIDE_ROOTS",
        str(folder / "copy.nxs"): "FILE_IS_DATA",
        "absent/copy.nxs": "FILE_NOT_FOUND",
    }.items():
        assert opened.refused("run_pack", run=number, file_name=name).code == code
    opened.file("run_0001_single.nxs")
    assert opened.refused("run_pack", run=number).code == "FILE_EXISTS"


def test_runs_of_other_peoples_closed_sessions_are_not_worked_on(opened: Desk) -> None:
    number, session = end(opened), opened.session.id
    opened.ask("session_complete")
    for verb in ("run_quick_look", "run_pack"):
        assert opened.refused(verb, by=OTHER, run=number, session=session).code == "NOT_PERMITTED"
