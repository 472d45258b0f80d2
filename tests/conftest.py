"""Options of the whole test suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--crashes", type=int, default=24, help="how many processes the crash test kills")
    parser.addoption("--crash-seed", default="", help="repeat the crash test with this seed")
