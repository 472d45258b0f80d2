"""A program to compare with, in a process of its own that lives as long as the one it is compared with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beamsession.record.streaming import WRITER_ENVIRONMENT

_END_S = 10.0


class Reference:
    """Does its work once for each `start`, and tells the result as numbers. It has a writer's environment.

    Both so that memory costs it what it costs a writer: it was touched before, and is not given back.
    """

    def __init__(self, script: str, *arguments: object) -> None:
        command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | WRITER_ENVIRONMENT
        )
        self._answer()

    def start(self, order: str = "") -> None:
        """Have it begin."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()

    def result(self) -> list[float]:
        """What it has to tell, when it is done."""
        return [float(text) for text in self._answer().split()]

    def once(self, order: str = "") -> list[float]:
        """Both together."""
        self.start(order)
        return self.result()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self._process.args} has died"
        return line


@contextmanager
def reference(script: str, *arguments: object) -> Iterator[Reference]:
    """The script beside this file, with these arguments."""
    program = Reference(script, *arguments)
    try:
        yield program
    finally:
        program.close()
