"""Options of the whole test suite."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code: no example has a deadline, and slow generation is no failure.
settings.register_profile("beamsession", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("beamsession")

# A shell lets what it starts in the background ignore Ctrl-C, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--crashes", type=int, default=24, help="how many processes the crash test kills")
    parser.addoption("--crash-seed", default="", help="repeat the crash test with this seed")
