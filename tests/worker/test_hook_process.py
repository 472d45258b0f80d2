"""Hooks are programs of other people: whatever they do, the worker gets a sentence, in time."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from beamsession.model.hook import HookConfig, HookEvent
from beamsession.servers.worker.hooks.process import HookResult, run_hook

PATIENCE_S = 30.0


@pytest.fixture
def facts(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "000017_Łukasz"
    folder.mkdir()
    return {
        "session_id": 17,
        "session_name": "Łukasz 2θ",
        "session_folder": folder,
        "run_number": None,
        "metadata": {"sample": "CeO2", "long": "x" * 200_000},
    }


def script(folder: Path, text: str, *, mode: int = 0o755) -> Path:
    path = folder / "hook"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def hook(*command: Path | str, timeout_s: float = PATIENCE_S) -> HookConfig:
    words = tuple(str(word) for word in command)
    return HookConfig(name="notify", on=HookEvent.RUN_FINISHED, command=words, timeout_s=timeout_s)


def shell(folder: Path, text: str, facts: dict[str, Any], timeout_s: float = PATIENCE_S) -> HookResult:
    return run_hook(hook(script(folder, f"#!/bin/sh\n{text}"), timeout_s=timeout_s), facts)


def is_running(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody waited for does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def eventually_gone(pid: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while is_running(pid):
        assert time.monotonic() < until, f"process {pid} still runs"
        time.sleep(0.01)


def test_a_command_gets_the_facts_its_arguments_and_the_sessions_folder(tmp_path: Path, facts: dict[str, Any]) -> None:
    seen = tmp_path / "seen"
    path = script(tmp_path, '#!/bin/sh\ncat > "$1/facts"; pwd > "$1/pwd"; env > "$1/env"; echo "$2"; echo well >&2')
    seen.mkdir()
    result = run_hook(hook(path, seen, "; echo $HOME"), facts)
    assert result.ok
    assert "'notify'" in result.detail
    assert result.output == "; echo $HOME\nwell"
    told = json.loads((seen / "facts").read_text())
    assert told == {**facts, "session_folder": str(facts["session_folder"])}
    assert (seen / "pwd").read_text().strip() == str(facts["session_folder"])
    environment = (seen / "env").read_text(encoding="utf-8").splitlines()
    assert set(environment) >= {
        "BEAMSESSION_HOOK=notify",
        "BEAMSESSION_EVENT=run_finished",
        "BEAMSESSION_SESSION_ID=17",
        "BEAMSESSION_SESSION_NAME=Łukasz 2θ",
        f"BEAMSESSION_SESSION_FOLDER={facts['session_folder']}",
        "BEAMSESSION_RUN_NUMBER=",
        "BEAMSESSION_RUN_FILE=",
        "BEAMSESSION_DEVICE=",
        f"PATH={os.environ['PATH']}",
    }


def test_a_hook_that_reads_nothing_and_has_no_folder_runs_too(tmp_path: Path, facts: dict[str, Any]) -> None:
    facts["session_folder"] = tmp_path / "gone"
    result = shell(tmp_path, "pwd", facts)
    assert (result.ok, result.output) == (True, "/")


def test_a_failure_is_told_with_exit_code_and_last_words(tmp_path: Path, facts: dict[str, Any]) -> None:
    result = shell(tmp_path, "echo first; echo 'the mail server is away' >&2; exit 3", facts)
    assert not result.ok
    assert result.detail.endswith("exit code 3: the mail server is away")
    assert result.output == "first\nthe mail server is away"


def test_a_hook_killed_by_a_signal_is_told_by_its_name(tmp_path: Path, facts: dict[str, Any]) -> None:
    result = shell(tmp_path, "kill -SEGV $$", facts)
    assert not result.ok
    assert "SIGSEGV" in result.detail


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (None, 0, "does not exist"),
        ("#!/bin/sh\n", 0o644, "is not executable"),
        ("#!/no/such/interpreter\n", 0o755, "the interpreter"),
        ("no script", 0o755, "neither a program nor a script"),
    ],
)
def test_a_program_that_cannot_be_started_is_named_with_the_reason(
    tmp_path: Path, facts: dict[str, Any], text: str | None, mode: int, said: str
) -> None:
    path = tmp_path / "hook" if text is None else script(tmp_path, text, mode=mode)
    result = run_hook(hook(path), facts)
    assert not result.ok
    assert said in result.detail
    assert str(path) in result.detail


def test_a_hook_that_hangs_is_stopped_with_all_it_started(tmp_path: Path, facts: dict[str, Any]) -> None:
    # Its grandchild ignores SIGTERM and keeps the pipe open.
    grandchild = script(tmp_path, f"#!/bin/sh\ntrap '' TERM\necho $$ > {tmp_path}/pid\nwhile true; do sleep 1; done")
    grandchild = grandchild.rename(tmp_path / "grandchild")
    began = time.monotonic()
    result = shell(tmp_path, f"{grandchild} & echo working; sleep 1000", facts, timeout_s=2)
    assert time.monotonic() - began < PATIENCE_S
    assert not result.ok
    assert "did not end within 2 s and was stopped" in result.detail
    assert result.output == "working"
    eventually_gone(int((tmp_path / "pid").read_text()))


def test_a_hook_may_tidy_up_when_it_is_stopped(tmp_path: Path, facts: dict[str, Any]) -> None:
    text = "trap 'echo tidied up; exit 0' TERM; while true; do sleep 0.1; done"
    result = shell(tmp_path, text, facts, timeout_s=2)
    assert not result.ok
    assert "did not end within" in result.detail
    assert result.output.endswith("tidied up")


def test_what_a_hook_leaves_running_is_not_waited_for(tmp_path: Path, facts: dict[str, Any]) -> None:
    began = time.monotonic()
    result = shell(tmp_path, f"sleep 1000 & echo $! > {tmp_path}/pid; echo done", facts, timeout_s=600)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert time.monotonic() - began < PATIENCE_S
    assert (result.ok, result.output) == (True, "done")


def test_of_endless_output_the_end_is_kept(tmp_path: Path, facts: dict[str, Any]) -> None:
    text = "head -c 100000000 /dev/zero | tr '\\0' 'x'; printf '\\033[31m\\377\\000 Łukasz 2θ'"
    result = shell(tmp_path, text, facts)
    assert result.ok
    assert len(result.output) == 4000
    assert result.output.startswith("…xxx")
    assert result.output.endswith("x\ufffd[31m\ufffd\ufffd Łukasz 2θ")


def test_a_hook_that_prints_for_ever_is_stopped_in_time(tmp_path: Path, facts: dict[str, Any]) -> None:
    result = shell(tmp_path, "exec yes", facts, timeout_s=0.5)
    assert "did not end within 0.5 s" in result.detail
    assert len(result.output) == 4000


def test_a_hook_that_closes_its_output_is_still_waited_for(tmp_path: Path, facts: dict[str, Any]) -> None:
    result = shell(tmp_path, f"exec >&- 2>&-; sleep 0.3; echo late > {tmp_path}/late", facts)
    assert result.ok
    assert (tmp_path / "late").read_text() == "late\n"


def test_what_a_checkpoint_raises_ends_the_hook(tmp_path: Path, facts: dict[str, Any]) -> None:
    pid_file = tmp_path / "pid"
    path = script(tmp_path, f"#!/bin/sh\necho $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep 1000")

    def checkpoint() -> None:
        if pid_file.exists():
            raise InterruptedError("the worker ends")

    with pytest.raises(InterruptedError):
        run_hook(hook(path), facts, checkpoint=checkpoint)
    eventually_gone(int(pid_file.read_text()))


def test_hooks_run_in_threads_do_not_hold_each_other_up(tmp_path: Path, facts: dict[str, Any]) -> None:
    # Each waits for the other's file: neither can end before both run.
    results: list[HookResult] = []
    folders = [tmp_path / "one", tmp_path / "two"]
    threads: list[threading.Thread] = []
    for mine, other in (folders, folders[::-1]):
        mine.mkdir(exist_ok=True)
        path = script(mine, f"#!/bin/sh\ntouch {mine}.here; until [ -e {other}.here ]; do sleep 0.05; done\n")
        threads.append(threading.Thread(target=lambda path=path: results.append(run_hook(hook(path), facts))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.ok for result in results] == [True, True]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that provides hooks, as an installer leaves it; the folder where it is."""
    place = tmp_path / "packages"
    metadata = place / "beamline_b1-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: beamline-b1\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[beamsession.hooks]\nkeep = b1_hooks:keep\nfail = b1_hooks:fail\nhang = b1_hooks:hang\n"
    )
    (place / "b1_hooks.py").write_text(
        "import time\n"
        "def keep(facts):\n    print(facts['session_name'], facts['metadata']['sample'])\n"
        "def fail(facts):\n    raise ValueError('no such sample')\n"
        "def hang(facts):\n    print('hanging')\n    time.sleep(1000)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep))
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    return place


def entry(name: str, timeout_s: float = PATIENCE_S) -> HookConfig:
    return HookConfig(name="python", on=HookEvent.SESSION_STARTED, entry_point=name, timeout_s=timeout_s)


@pytest.mark.usefixtures("installed")
def test_an_entry_point_is_called_with_the_facts(facts: dict[str, Any]) -> None:
    result = run_hook(entry("keep"), facts)
    assert (result.ok, result.output) == (True, "Łukasz 2θ CeO2")


@pytest.mark.usefixtures("installed")
def test_what_an_entry_point_raises_is_told(facts: dict[str, Any]) -> None:
    result = run_hook(entry("fail"), facts)
    assert not result.ok
    assert result.detail.endswith("exit code 1: ValueError: no such sample")
    assert "Traceback" in result.output


@pytest.mark.usefixtures("installed")
def test_an_entry_point_that_hangs_is_stopped(facts: dict[str, Any]) -> None:
    result = run_hook(entry("hang", timeout_s=3), facts)
    assert not result.ok
    assert "did not end within 3 s" in result.detail


@pytest.mark.usefixtures("installed")
def test_an_unknown_entry_point_is_told_with_those_there_are(facts: dict[str, Any]) -> None:
    result = run_hook(entry("kep"), facts)
    assert not result.ok
    assert "'kep'" in result.detail
    assert "fail, hang, keep" in result.detail


@pytest.mark.usefixtures("installed")
def test_modules_in_the_sessions_folder_are_never_imported(facts: dict[str, Any]) -> None:
    for name in ("json.py", "b1_hooks.py", "beamsession.py"):
        (facts["session_folder"] / name).write_text("raise SystemExit('taken over')")
    assert run_hook(entry("keep"), facts).ok


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"command": ("/bin/true",), "entry_point": "keep"},
        {"command": ("true",)},
        {"command": ("/bin/echo", "a\0b")},
        {"entry_point": "no/name"},
        {"command": ("/bin/true",), "timeout_s": 0},
        {"command": ("/bin/true",), "timeout_s": 3601},
        {"command": ("/bin/true",), "on": "session_dreamt"},
        {"command": ("/bin/true",), "name": "2 words"},
    ],
)
def test_a_hook_that_could_not_work_is_refused_in_the_configuration(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HookConfig.model_validate({"name": "notify", "on": "run_finished"} | keys)
