"""Commands that begin a job wait for its end, show how far it is, and say how it ended."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from manager_server import wait_until
from served_beamline import ServedBeamline, served_beamline


@pytest.fixture(scope="module")
def beamline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBeamline]:
    """A beamline with one completed session."""
    with served_beamline(tmp_path_factory.mktemp("beamline")) as served:
        assert served("session", "start", "zipped").out == "1\n"
        assert served("comment", "add", "kept").code == 0
        assert served("session", "complete").code == 0
        yield served


def new_job(beamline: ServedBeamline, known: set[int]) -> int:
    """The job that was not there before."""

    def found() -> list[int]:
        return [job["id"] for job in beamline.ask("job_list") if job["id"] not in known]

    return wait_until("the job", found)[0]


def begun(beamline: ServedBeamline, *more: str) -> tuple[Any, int]:
    """A command that waits for its job, and the job."""
    known = {job["id"] for job in beamline.ask("job_list")}
    process = beamline.begin(*more, "session", "zip", f"{len(known)}.zip", "--session", "1")
    return process, new_job(beamline, known)


def ended(process: Any) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_the_result_is_shown_when_the_job_is_done(beamline: ServedBeamline) -> None:
    process, job = begun(beamline)
    beamline.report(job, "running", progress=0.5, detail="Half is written.")
    line = process.stderr.readline()
    while "50%" not in line:
        line = process.stderr.readline()
    assert line == "running 50% Half is written.\n"
    beamline.report(job, "done", result={"file": "/data/0.zip", "files": 3})
    code, out, _ = ended(process)
    assert (code, out) == (0, " file  /data/0.zip\nfiles  3\n")


def test_programs_get_the_result_as_json(beamline: ServedBeamline) -> None:
    process, job = begun(beamline, "--json")
    beamline.report(job, "done", result={"files": 3, "missing": []})
    code, out, _ = ended(process)
    assert (code, json.loads(out)) == (0, {"files": 3, "missing": []})


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_job_that_comes_to_nothing_is_exit_code_5_with_its_sentence(beamline: ServedBeamline, state: str) -> None:
    process, job = begun(beamline)
    beamline.report(job, state, detail="The disk is full.")
    code, out, err = ended(process)
    assert (code, out) == (5, "")
    remedy = f"Its record: `beamsession job show {job}`."
    assert err.splitlines()[-1] == f"JOB_{state.upper()} The disk is full. {remedy}"


def test_ctrl_c_ends_the_waiting_and_not_the_job(beamline: ServedBeamline) -> None:
    process, job = begun(beamline)
    assert process.stderr.readline().startswith("waiting 0% ")
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == (
        f"STOPPED_WAITING Job {job} goes on. Look at it with `beamsession job show {job}`, "
        f"end it with `beamsession job cancel {job}`."
    )
    assert beamline.ask("job_show", job=job)["cancel_asked"] is False
    assert beamline("job", "cancel", str(job)).out == "yes\n"
    assert beamline.ask("job_show", job=job)["cancel_asked"] is True


def test_without_waiting_the_number_of_the_job_is_the_answer(beamline: ServedBeamline) -> None:
    done = beamline("session", "zip", "now.zip", "--session", "1", "--no-wait")
    assert (done.code, done.err) == (0, "")
    shown = beamline("job", "show", done.out.strip())
    assert "Write session 1 into now.zip." in shown.out
    listed = beamline("job", "list", "--state", "waiting")
    assert done.out.strip() in [line.split()[0] for line in listed.out.splitlines()]


def test_what_is_refused_begins_no_job(beamline: ServedBeamline) -> None:
    known = beamline.ask("job_list")
    done = beamline("session", "zip", "no-suffix", "--session", "1")
    assert (done.code, done.out) == (2, "")
    assert beamline.ask("job_list") == known


def test_a_run_check_says_what_blocks_and_ends_as_a_refusal_does(beamline: ServedBeamline) -> None:
    assert beamline("session", "start", "checked").code == 0
    try:
        assert beamline("run", "check").code == 0
        root = beamline.folder / "data"
        root.rename(beamline.folder / "away")
        try:
            told = beamline("run", "check")
            assert told.code == 1
            assert told.out.split()[:2] == ["code", "blocks"]
            assert [problem["blocks"] for problem in json.loads(beamline("run", "check", "--json").out)] == [True]
        finally:
            (beamline.folder / "away").rename(root)
    finally:
        beamline("session", "complete")
