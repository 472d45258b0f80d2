"""The absolute schedule of a detector."""

import time
from threading import Event

from beamsim.pace import Pace


def test_a_hold_up_is_made_good_and_not_added_up():
    pace, stop = Pace(), Event()
    began = time.monotonic()
    pace.wait(0.1, stop)
    time.sleep(0.35)
    for _ in range(6):
        pace.wait(0.1, stop)
    # Due 0.6 s after the first, not 0.35 s later.
    assert 0.59 <= time.monotonic() - began < 0.9


def test_a_long_hold_up_is_not_followed_by_a_burst():
    pace, stop = Pace(), Event()
    pace.wait(0.05, stop)
    time.sleep(1.0)
    began = time.monotonic()
    for _ in range(5):
        pace.wait(0.05, stop)
    assert time.monotonic() - began >= 4 * 0.05


def test_a_stop_ends_the_wait():
    pace, stop = Pace(), Event()
    assert pace.wait(60.0, stop)
    stop.set()
    assert not pace.wait(60.0, stop)
    assert not pace.wait(0.0, stop)
