"""An ingestor under its guard: limits, kills and restarts, each seen for what it is."""

from __future__ import annotations

import os
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from beamsession.catalogue.ingestor import IngestorTarget
from beamsession.catalogue.ingestor_document import listing_lines
from beamsession.catalogue.ingestor_verdict import End, Ending
from beamsession.model.errors import RefusedError
from beamsession.servers.worker.hooks.leftovers import end_leftovers, marked
from beamsession.servers.worker.ingestor import process as ingestor_process
from beamsession.servers.worker.ingestor.call import IngestorCall, Intent, newest_call, next_call, tail_of
from beamsession.servers.worker.ingestor.process import command_mark, end_of, guard_mark, start, stop
from worker_rig import eventually

PATIENCE_S = 60.0


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "calls"
    yield folder
    for path in folder.glob("[0-9]*"):
        for mark in (guard_mark(IngestorCall(path)), command_mark(IngestorCall(path))):
            assert end_leftovers(mark)


def target(place: Path, script: str, **more: object) -> IngestorTarget:
    program = place / "ingest or"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return IngestorTarget.model_validate(
        {
            "kind": "command",
            "command": [str(program)],
            "contact_email": "b@your.site",
            "creation_location": "/SITE/A/B",
            "time_limit_h": PATIENCE_S / 3600,
            **more,
        }
    )


def prepared(calls: Path) -> IngestorCall:
    """A call whose command is about to be run."""
    call = next_call(calls)
    call.write((), {"type": "raw", "datasetName": "2θ"}, [b"run_0001.nxs"])
    call.intend(Intent(options=("--ingest",), source_folder="/data", files=1, size=4))
    return call


def ended(call: IngestorCall, checkpoint: Callable[[], None] = lambda: None) -> End | None:
    return end_of(call, checkpoint, limit_s=PATIENCE_S)


def test_code_output_words_environment_and_folder_are_as_they_should_be(calls: Path, tmp_path: Path) -> None:
    call = prepared(calls)
    script = 'pwd; echo "$TOKEN"; for word in "$@"; do echo "<$word>"; done; echo wrong >&2; cat; exit 3'
    configured = target(tmp_path, script, environment="test", variables={"TOKEN": "x y"}, folder=tmp_path)

    start(call, configured, ("--ingest", "$HOME; `id`"), "")

    end = ended(call)
    assert end is not None
    assert (end.how, end.code) == (Ending.ENDED, 3)
    words = ["--testenv", "--ingest", "$HOME; `id`", call.metadata_file, call.listing_file]
    printed = [str(tmp_path), "x y", *(f"<{word}>" for word in words)]
    assert call.out_file.read_text().splitlines() == printed
    assert call.error_file.read_text() == "wrong\n"


@pytest.mark.parametrize(
    ("script", "option"),
    [('test "$TOKEN" = very/secret', "secret_variable"), ('test "$1=$2" = --token=very/secret', "secret_option")],
)
def test_a_secret_reaches_the_program_and_is_nowhere_on_disk(
    calls: Path, tmp_path: Path, script: str, option: str
) -> None:
    call = prepared(calls)
    name = "TOKEN" if option == "secret_variable" else "--token"
    start(call, target(tmp_path, script, secret_file="/x", **{option: name}), (), "very/secret")

    end = ended(call)

    assert end is not None
    assert end.code == 0
    assert not [path for path in call.folder.iterdir() if b"very/secret" in path.read_bytes()]


def test_at_the_time_limit_it_is_ended_with_all_that_it_started(calls: Path, tmp_path: Path) -> None:
    call = prepared(calls)
    start(call, target(tmp_path, "echo begun; sleep 1000 & wait", time_limit_h=0.3 / 3600), (), "")

    end = ended(call)

    assert end is not None
    assert end.how is Ending.TIME_LIMIT
    assert call.out_file.read_text() == "begun\n"
    assert not any(marked(command_mark(call)))


def test_one_that_prints_without_end_is_ended(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestor_process, "_MOST_OUTPUT", 1_000_000)
    call = prepared(calls)
    start(call, target(tmp_path, "exec yes"), (), "")

    end = ended(call)

    assert end is not None
    assert end.how is Ending.OUTPUT_LIMIT
    assert len(tail_of(call.out_file)) == 64 * 1024


def test_a_stop_that_is_asked_for_is_written_down(calls: Path, tmp_path: Path) -> None:
    call = prepared(calls)
    start(call, target(tmp_path, "sleep 1000"), (), "")

    end = ended(call, lambda: stop(call))

    assert end is not None
    assert end.how is Ending.CANCELLED


def test_one_that_cannot_be_started_says_why(calls: Path, tmp_path: Path) -> None:
    call = prepared(calls)
    configured = target(tmp_path, "true")
    Path(configured.command[0]).write_text("#!/no/such/shell\n")

    start(call, configured, (), "")

    end = ended(call)
    assert end is not None
    assert (end.how, end.why) == (Ending.NOT_STARTED, "No such file or directory")
    Path(configured.command[0]).unlink()
    with pytest.raises(RefusedError) as missing:
        start(prepared(calls), configured, (), "")
    assert missing.value.code == "INGESTOR_MISSING"


def test_where_no_guard_had_begun_nothing_was_run_and_nothing_will_be(calls: Path, tmp_path: Path) -> None:
    call = prepared(calls)

    assert ended(call) is None
    assert ended(call) is None
    start(call, target(tmp_path, "touch ../ran"), (), "")  # the guard comes late
    eventually(lambda: not any(marked(guard_mark(call))), "the guard has gone")

    assert not (calls / "ran").exists()
    again = call.again(next_call(calls))
    assert newest_call(calls) is not None
    assert again.folder != call.folder
    assert (again.dataset_name(), list(again.listed())) == ("2θ", ["run_0001.nxs"])
    assert not again.is_intended


@pytest.mark.crash
def test_a_guard_that_was_killed_leaves_the_end_unseen_and_the_program_alone(calls: Path, tmp_path: Path) -> None:
    call, gate = prepared(calls), tmp_path / "gate"
    start(call, target(tmp_path, f'while [ ! -e "{gate}" ]; do sleep 0.02; done; echo 20.500/1'), (), "")
    eventually(lambda: any(marked(command_mark(call))), "the program runs")
    for pid in marked(guard_mark(call)):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(marked(guard_mark(call))), "the guard is killed")
    waiting = Thread(target=gate.touch)

    end = ended(call, lambda: None if waiting.ident else waiting.start())

    assert end == End(how=Ending.LOST)
    assert call.out_file.read_text() == "20.500/1\n"


def test_a_hundred_thousand_files_are_listed_one_at_a_time(tmp_path: Path) -> None:
    call = IngestorCall(tmp_path / "0001")
    configured = target(tmp_path, "true")
    names = (f"Łukasz 2θ/run_0001_{number:06d}.h5" for number in range(100_000))
    tracemalloc.start()
    try:
        call.write((), {}, listing_lines(names, configured))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000
    assert sum(1 for _ in call.listed()) == 100_000
    assert next(call.listed()) == "Łukasz 2θ/run_0001_000000.h5"
