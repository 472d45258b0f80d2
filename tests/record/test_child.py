"""Child processes and their JSON lines."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamsession.model.errors import BeamsessionError, RefusedError, UnavailableError
from beamsession.record.child import Child

PATIENCE_S = 30.0


class Echo:
    """The child of `echo_child.py`, with all that it said."""

    def __init__(self, folder: Path) -> None:
        self.messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self.exits: queue.Queue[int] = queue.Queue()
        self.note = folder / "note"
        search = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        self.child = Child(
            "echo_child",
            str(self.note),
            name="echo",
            on_message=self.messages.put,
            on_exit=self.exits.put,
            environment=os.environ | {"PYTHONPATH": search},
        )


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Echo]:
    echo = Echo(tmp_path)
    yield echo
    echo.child.close(PATIENCE_S)


def test_a_question_gets_its_own_answer(echo: Echo) -> None:
    for value in ("Łukasz 2θ", [1, 2.5, None], "x" * 200_000):
        assert echo.child.ask({"echo": value}, PATIENCE_S) == {"echo": value}


def test_an_error_keeps_its_class_code_value_and_remedy(echo: Echo) -> None:
    with pytest.raises(RefusedError) as refused:
        echo.child.ask({"refuse": 5}, PATIENCE_S)
    error = refused.value
    assert (error.sentence, error.code, error.value, error.remedy) == ("No.", "NO", 5, "Ask again.")


def test_an_unexpected_error_is_the_answer_and_the_child_lives_on(echo: Echo) -> None:
    with pytest.raises(BeamsessionError, match="ValueError: oh"):
        echo.child.ask({"crash": "oh"}, PATIENCE_S)
    assert echo.child.ask({"echo": 1}, PATIENCE_S) == {"echo": 1}


def test_what_is_printed_goes_to_the_log_and_not_between_the_messages(
    echo: Echo, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        echo.child.send({"tell": 3})
        assert echo.messages.get(timeout=PATIENCE_S) == {"told": 3}
        echo.child.close(PATIENCE_S)
    assert "echo: this goes to the log" in caplog.text


def test_a_late_answer_is_a_time_out_and_does_not_disturb_the_next(echo: Echo) -> None:
    echo.child.ask({"echo": 0}, PATIENCE_S)
    with pytest.raises(UnavailableError) as late:
        echo.child.ask({"sleep": 0.5}, 0.05)
    assert late.value.code == "PROCESS_TIMEOUT"
    assert echo.child.ask({"echo": 2}, PATIENCE_S) == {"echo": 2}


def test_the_end_of_a_child_is_told_and_ends_what_was_asked(echo: Echo) -> None:
    with pytest.raises(UnavailableError) as gone:
        echo.child.ask({"exit": 7}, PATIENCE_S)
    assert gone.value.code == "PROCESS_GONE"
    assert echo.exits.get(timeout=PATIENCE_S) == 7
    assert not echo.child.alive
    with pytest.raises(UnavailableError):
        echo.child.ask({"echo": 1}, PATIENCE_S)


def test_signals_to_the_service_do_not_end_a_child_but_its_parents_end_does(echo: Echo) -> None:
    echo.child.ask({"echo": 0}, PATIENCE_S)
    os.kill(echo.child.pid, signal.SIGINT)
    os.kill(echo.child.pid, signal.SIGTERM)
    assert echo.child.ask({"echo": 1}, PATIENCE_S) == {"echo": 1}
    assert echo.child.close(PATIENCE_S) == 0
    assert echo.note.read_text() == "finished in order"


def test_a_child_that_does_not_finish_is_killed(echo: Echo) -> None:
    echo.child.ask({"echo": 0}, PATIENCE_S)
    echo.child.send({"sleep": 1000})
    assert echo.child.close(0.2) == -signal.SIGKILL
