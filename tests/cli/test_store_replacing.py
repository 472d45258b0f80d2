"""A store that is replaced is there at every moment, whenever the program that replaces it is killed."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from command_line import CommandLine

_KILLED = Path(__file__).parent / "killed_command.py"
_LEAVE_A_LOG = """
import os, sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("PRAGMA wal_autocheckpoint = 0")
store.execute("CREATE TABLE only_in_the_log (x)")
os._exit(0)
"""


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """A beamline with two sessions in its store and in its folders; nothing runs, the store's log is not read in."""
    line = CommandLine.of(tmp_path)
    for name in ("first", "second"):
        assert line("session", "start", name, "--metadata", '{"sample": "CeO2"}').code == 0
        assert line("comment", "add", "kept").code == 0
    line.keep_record()
    subprocess.run([sys.executable, "-c", _LEAVE_A_LOG, str(line.store)], check=True, timeout=60)
    assert Path(f"{line.store}-wal").stat().st_size > 0
    return line


def names_in(store: Path) -> list[str]:
    """The sessions' names; an error where there is no store, or none that is whole."""
    with closing(sqlite3.connect(f"file:{store}?mode=rw", uri=True)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [name for (name,) in opened.execute("SELECT name FROM sessions ORDER BY id")]


def tables_in(store: Path) -> set[str]:
    with closing(sqlite3.connect(f"file:{store}?mode=rw", uri=True)) as opened:
        return {name for (name,) in opened.execute("SELECT name FROM sqlite_master")}


def rebuild(line: CommandLine, number: int) -> int:
    """The exit code of a rebuilding that is killed before its `number`th change of names."""
    command = [sys.executable, str(_KILLED), str(number), "store", "rebuild", "--replace", "--config", str(line.config)]
    return subprocess.run(command, env=line.environment(), capture_output=True, timeout=120, check=False).returncode


def asides(line: CommandLine) -> list[Path]:
    return [path for path in line.store.parent.glob("store.sqlite.lost-*Z") if path.stat().st_size]


@pytest.mark.crash
def test_a_replacement_that_is_killed_leaves_one_of_both_stores_in_the_place(line: CommandLine) -> None:
    kills = 0
    for number in count(1):
        code = rebuild(line, number)
        assert names_in(line.store) == ["first", "second"]
        if code == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
    assert kills > 3
    assert "only_in_the_log" not in tables_in(line.store)
    assert line("session", "list").code == 0


def test_what_was_only_in_the_log_of_the_old_store_is_in_the_one_put_aside(line: CommandLine) -> None:
    done = line("store", "rebuild", "--replace", "--config", str(line.config))
    assert done.code == 0, done.err
    (aside,) = asides(line)
    assert str(aside) in done.err
    assert names_in(aside) == ["first", "second"]
    assert "only_in_the_log" in tables_in(aside)
    assert "only_in_the_log" not in tables_in(line.store)
