"""A master that the disk did not take at the end of its run is closed later, whatever happens in between."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import pytest

from beamsession.model.clock import utc_now
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import Problem, RunReport
from beamsession.model.states import RunState
from beamsession.record.deadline import DiskHand
from beamsession.record.journal import Journal, UnclosedMaster
from beamsession.record.readings.recorder import ReadingsRecorder
from beamsession.record.recorder import Recorder
from beamsession.record.refusal import disk_words
from beamsession.record.unclosed import UnclosedMasters
from recorder_rig import begin, outcome, value_in, wait_until

_ROOM = 12 << 10  # enough for an entry of the journal, too little for a master


@pytest.fixture
def recorders() -> Iterator[list[Recorder]]:
    made: list[Recorder] = []
    yield made
    for recorder in made:
        recorder.shutdown()


def start(recorders: list[Recorder], folder: Path) -> Recorder:
    recorder = Recorder("rig", {}, partial(ReadingsRecorder, (), ()), folder / "journal")
    recorders.append(recorder)
    wait_until("the processes are up", lambda: "STARTING" not in {item.code for item in recorder.report().problems})
    return recorder


def plan_in(folder: Path, number: int = 1, **changes: Any) -> RunPlan:
    root = folder / "data"
    root.mkdir(exist_ok=True)
    return RunPlan(
        key=RunKey(instrument="rig", session_id=7, run_number=number),
        data_root=root,
        folder=root / "s",
        session=SessionFacts(id=7, name="s", start=utc_now()),
        instrument=InstrumentFacts(name="rig"),
        **changes,
    )


@contextmanager
def no_room(recorder: Recorder) -> Iterator[None]:
    """Neither its scribe nor a new process can write a master, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(recorder.report().pids["scribe"], resource.RLIMIT_FSIZE, (_ROOM, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def unclosed(recorder: Recorder) -> Problem | None:
    return next((item for item in recorder.report().problems if item.code == "MASTER_UNCLOSED"), None)


def test_a_master_without_room_is_closed_with_its_verdict_after_a_restart(
    recorders: list[Recorder], tmp_path: Path
) -> None:
    recorder = start(recorders, tmp_path)
    plan = plan_in(tmp_path)
    begin(recorder, plan)
    with no_room(recorder):
        recorder.stop(plan.key, "It is enough.")
        ended = outcome(recorder, plan)
        problem = unclosed(recorder)
        assert problem is not None
        assert not problem.blocks
        assert problem.sentence.startswith(f"The master {plan.master.name} could not be closed yet: ")
        assert ended.reason == (
            "It is enough. The master could not be closed: The disk refused it: File too large. "
            "Look at the disk of the data root: full, failing, or gone?"
        )
        assert value_in(plan.master, "entry/run/state") == b"RECORDING"
        recorder.shutdown()
    following = start(recorders, tmp_path)
    wait_until("the master is closed", lambda: not unclosed(following))
    assert value_in(plan.master, "entry/run/state") == b"ABORTED"
    assert not list((tmp_path / "journal").glob("*.unclosed.json"))


def test_the_next_run_is_not_hindered_and_its_end_closes_the_earlier_master(
    recorders: list[Recorder], tmp_path: Path
) -> None:
    recorder = start(recorders, tmp_path)
    first, second = plan_in(tmp_path), plan_in(tmp_path, 2)
    begin(recorder, first)
    with no_room(recorder):
        recorder.stop(first.key)
        outcome(recorder, first)
        assert unclosed(recorder)
    begin(recorder, second)
    recorder.stop(second.key)
    assert outcome(recorder, second).state is RunState.COMPLETED
    wait_until("the first master is closed", lambda: not unclosed(recorder))
    assert value_in(first.master, "entry/run/state") == b"INCOMPLETE"


def entry_of(plan: RunPlan) -> UnclosedMaster:
    report = RunReport(key=plan.key, state=RunState.ABORTED, start=utc_now(), stop=utc_now())
    return UnclosedMaster(plan=plan, report=report, constants_start=None, constants_end={}, why="The disk was full.")


def test_what_waits_is_recalled_with_its_readings(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    entry = entry_of(plan_in(tmp_path, readings=(ReadingConfig(name="current", pv="X:Current"),)))
    journal.write_unclosed(entry)
    for _ in range(2):  # Readings that an entry needs stay.
        journal.close()
        journal = Journal(journal.folder)
        assert journal.recall().unclosed == (entry,)
    journal.forget_unclosed(entry.plan.key)
    assert journal.recall().unclosed == ()
    journal.close()


@pytest.mark.parametrize("mounted", [True, False])
def test_a_master_that_was_removed_is_forgotten_but_not_on_a_disk_that_is_away(tmp_path: Path, mounted: bool) -> None:
    plan = plan_in(tmp_path)
    if mounted:
        (plan.data_root / "another session").mkdir()
    journal = Journal(tmp_path / "journal")
    journal.write_unclosed(entry := entry_of(plan))
    waiting = UnclosedMasters((entry,), journal, (), DiskHand(), lambda: True)
    try:
        if mounted:
            wait_until("it is forgotten", lambda: not waiting.problems())
        else:
            wait_until("it was tried in vain", lambda: "The disk was full" not in waiting.problems()[0].sentence)
        assert len(journal.recall().unclosed) == (0 if mounted else 1)
    finally:
        waiting.shutdown(5)
        journal.close()


def test_an_incident_of_many_runs_is_one_sentence_and_has_an_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    waiting = UnclosedMasters((), journal, (), DiskHand(), lambda: False)
    try:
        for number in range(1, 103):
            waiting.keep(entry_of(plan_in(tmp_path, number)))
        (problem,) = waiting.problems()
        assert "run_0001.nxs" in problem.sentence
        assert "99 more" in problem.sentence
        assert len(journal.recall().unclosed) == 100
    finally:
        waiting.shutdown(5)
        journal.close()


def test_h5py_tells_the_disk_in_the_words_that_are_used(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="create file") as refused:
        h5py.File(tmp_path / "gone" / "a.h5", "w")
    assert disk_words(refused.value) == "No such file or directory"
    text = "Can't close (write failed: time = Sat\n, errno = 28, error message = 'No space left on device', buf = 0x7f)"
    assert disk_words(RuntimeError(text)) == "No space left on device"
    assert disk_words(RuntimeError("Can't flush (time = 3\n, buf = 0x7f)")) == "Can't flush"
    assert disk_words(OSError(28, "raw\n(buf = 0x1)")) == "No space left on device"
