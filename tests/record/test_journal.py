"""The journal brings back what a killed recorder had begun and what nobody had acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from beamsession.model.clock import utc_now
from beamsession.model.errors import RefusedError
from beamsession.model.plan import InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.model.reading import ReadingConfig
from beamsession.model.report import RunReport
from beamsession.model.states import RunState
from beamsession.record.journal import Journal


def plan(tmp_path: Path, number: int = 1, instrument: str = "Łódź/1") -> RunPlan:
    return RunPlan(
        key=RunKey(instrument=instrument, session_id=3, run_number=number),
        data_root=tmp_path,
        folder=tmp_path / "x",
        session=SessionFacts(id=3, name="x", start=utc_now()),
        instrument=InstrumentFacts(name=instrument),
        metadata={"temperature": 4.2, "who": "Łukasz 2θ"},
    )


def report(of: RunPlan, state: RunState) -> RunReport:
    return RunReport(key=of.key, state=state, start=utc_now())


def reopened(journal: Journal) -> Journal:
    journal.close()
    return Journal(journal.folder)


def test_a_begun_run_is_recalled_with_its_plan_and_how_far_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    run = plan(tmp_path)
    journal.write_begun(run, report(run, RunState.PREPARING))
    last = report(run, RunState.RECORDING)
    journal.write_begun(run, last)
    memory = reopened(journal).recall()
    assert [(entry.plan, entry.report) for entry in memory.begun] == [(run, last)]
    assert memory.finished == ()


def test_readings_are_written_once_and_come_back_with_each_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    readings = tuple(ReadingConfig(name=f"pv_{place}", pv=f"X:{place}") for place in range(1000))
    runs = [plan(tmp_path, number).model_copy(update={"readings": readings}) for number in (1, 2)]
    for run in runs:
        journal.write_begun(run, report(run, RunState.RECORDING))
    entries = {path.name: path.stat().st_size for path in journal.folder.glob("*.json")}
    assert len(entries) == 3
    assert sorted(entries.values())[1] < 3000
    journal = reopened(journal)
    assert [entry.plan for entry in journal.recall().begun] == runs
    for run in runs:
        journal.write_finished(report(run, RunState.ABORTED))
    journal = reopened(journal)
    assert journal.recall().begun == ()
    assert list(journal.folder.glob("readings-*")) == []


def test_a_run_whose_readings_are_gone_is_told_as_unreadable(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    run = plan(tmp_path).model_copy(update={"readings": (ReadingConfig(name="x", pv="X"),)})
    journal.write_begun(run, report(run, RunState.RECORDING))
    next(journal.folder.glob("readings-*")).unlink()
    memory = reopened(journal).recall()
    assert memory.begun == ()
    assert len(memory.unreadable) == 1


def test_an_outcome_stays_until_it_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    run = plan(tmp_path)
    journal.write_begun(run, report(run, RunState.RECORDING))
    ended = report(run, RunState.COMPLETED)
    journal.write_finished(ended)
    journal = reopened(journal)
    assert journal.recall().finished == (ended,)
    assert journal.recall().begun == ()
    journal.forget(run.key)
    journal.forget(run.key)
    assert reopened(journal).recall().finished == ()


def test_killed_between_outcome_and_removal_the_outcome_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    run = plan(tmp_path)
    journal.write_finished(report(run, RunState.COMPLETED))
    journal.write_begun(run, report(run, RunState.RECORDING))
    memory = reopened(journal).recall()
    assert memory.begun == ()
    assert [item.state for item in memory.finished] == [RunState.COMPLETED]


def test_instruments_whose_names_look_alike_in_a_path_do_not_mix(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for instrument in ("ö/1", "ü/1", "o_1"):
        run = plan(tmp_path, instrument=instrument)
        journal.write_begun(run, report(run, RunState.RECORDING))
    found = {entry.plan.key.instrument for entry in journal.recall().begun}
    assert found == {"ö/1", "ü/1", "o_1"}


def test_an_entry_that_cannot_be_read_is_named_and_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    run = plan(tmp_path)
    journal.write_begun(run, report(run, RunState.RECORDING))
    broken = next(journal.folder.glob("*.begun.json"))
    broken.write_text("{")
    assert journal.recall().unreadable == (broken,)
    assert broken.exists()


def test_a_second_recorder_on_the_same_journal_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    with pytest.raises(RefusedError) as refusal:
        Journal(tmp_path / "journal")
    assert refusal.value.code == "JOURNAL_IN_USE"
    journal.close()
    Journal(tmp_path / "journal").close()


REWRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_journal import plan, report
from beamsession.model.states import RunState
from beamsession.record.journal import Journal
folder = Path(sys.argv[1])
journal = Journal(folder / "journal")
run = plan(folder)
while True:
    for state in (RunState.RECORDING, RunState.PAUSED):
        journal.write_begun(run, report(run, state))
        print(state.value, flush=True)
"""


@pytest.mark.crash
@pytest.mark.parametrize("lines", [1, 7, 20])
def test_kill_9_while_writing_leaves_the_old_entry_or_the_new_one(tmp_path: Path, lines: int) -> None:
    here = str(Path(__file__).parent)
    writer = subprocess.Popen([sys.executable, "-c", REWRITER, str(tmp_path), here], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(lines):
        assert writer.stdout.readline()
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    memory = Journal(tmp_path / "journal").recall()
    assert memory.unreadable == ()
    assert [entry.plan.key.run_number for entry in memory.begun] == [1]
