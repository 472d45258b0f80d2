"""The child's end of the JSON lines that `beamsession.record.child` speaks."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from beamsession.model.errors import BeamsessionError

Message = dict[str, Any]
Handler = Callable[[Message], Message | None]

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_log = logging.getLogger(__name__)


class Link:
    """Takes commands from stdin and sends messages to stdout, without a thread of its own.

    `handler` is called with each command from inside `poll` or `run`; what it returns, or the error it raises, is the
    reply to a command that wants one; an error in one that wants none ends the process, which the parent notices.
    After the parent's end `open` is False: finish what is begun, then return.
    Whatever else writes to stdout goes to stderr, which is the parent's log. SIGINT and SIGTERM are ignored: a
    signal to all processes of a service must not end this one before its parent has ended in order.
    """

    def __init__(self, handler: Handler) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
        self._handler = handler
        self._out = os.dup(_STDOUT)
        os.dup2(_STDERR, _STDOUT)
        self._unfinished = b""
        self.open = True

    def send(self, message: Message) -> None:
        """Send a message to the parent; without a parent it is dropped, and `open` becomes False."""
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except BrokenPipeError:
            self.open = False

    def poll(self, timeout: float | None = 0.0, wake: Sequence[int] = ()) -> list[int]:
        """Handle the commands that are there, after waiting for one or for a readable descriptor of `wake`.

        `timeout` in seconds, None waits for ever. Returns those of `wake` that are readable. Once the parent is gone
        only `wake` is waited for.
        """
        watched = [*wake, _STDIN] if self.open else list(wake)
        readable, _, _ = select.select(watched, (), (), timeout)
        if _STDIN in readable:
            readable.remove(_STDIN)
            self._read()
        return readable

    def run(self) -> None:
        """Handle commands until the parent is gone."""
        while self.open:
            self.poll(None)

    def _read(self) -> None:
        data = os.read(_STDIN, 1 << 16)
        if not data:
            self.open = False
            return
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in lines:
            self._handle(json.loads(line))

    def _handle(self, message: Message) -> None:
        number = message.pop("ask", None)
        if number is None:
            self._handler(message)
            return
        try:
            reply = self._handler(message) or {}
        except BeamsessionError as problem:
            reply = {"error": problem.as_json()}
        except Exception as problem:
            _log.exception("the command %s failed", message)
            reply = {"error": BeamsessionError(f"{type(problem).__name__}: {problem}").as_json()}
        self.send({**reply, "reply": number})
