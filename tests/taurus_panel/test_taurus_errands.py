"""Errands are done in order, and whatever happens in one is told in a sentence."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

from beamsession.faces.taurus.errands import Errands, Outcome
from beamsession.model.errors import RefusedError


@pytest.fixture
def told() -> queue.Queue[Outcome]:
    return queue.Queue()


@pytest.fixture
def errands(told: queue.Queue[Outcome]) -> Iterator[Errands]:
    found = Errands("test", told.put)
    yield found
    found.stop()
    assert found.join(30)


def test_they_are_done_one_after_the_other(errands: Errands, told: queue.Queue[Outcome]) -> None:
    for number in range(20):
        errands.send(str(number), lambda number=number: number)

    assert [told.get(timeout=30).answer for _ in range(20)] == list(range(20))


def test_a_refusal_and_an_accident_are_both_sentences(errands: Errands, told: queue.Queue[Outcome]) -> None:
    def refused() -> None:
        raise RefusedError("It cannot be.", remedy="Leave it.")

    errands.send("refused", refused)
    errands.send("broken", lambda: {}["nothing"])
    errands.send("works", lambda: "still")
    first, second, third = (told.get(timeout=30) for _ in range(3))

    assert first.error is not None
    assert first.error.text == "It cannot be. Leave it."
    assert second.error is not None
    assert second.error.sentence == "The panel failed at this: KeyError: 'nothing'."
    assert third.answer == "still"


def test_what_ends_after_the_stop_is_not_told(told: queue.Queue[Outcome]) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        go_on.wait(30)

    errands = Errands("test", told.put)
    errands.send("slow", slow)
    errands.send("never begun", lambda: pytest.fail("it was begun"))
    assert begun.wait(30)
    errands.stop()
    assert not errands.join(0.05)
    go_on.set()

    assert errands.join(30)
    assert told.empty()
