"""A long-lived child process that is talked to in JSON lines; the other end is `beamsession.record.link`."""

from __future__ import annotations

import itertools
import json
import logging
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from beamsession.model.errors import UnavailableError, error_from_json

Message = dict[str, Any]
OnMessage = Callable[[Message], None]
OnExit = Callable[[int], None]

_log = logging.getLogger(__name__)


class Child:
    """A process that runs `python -m <module> <arguments>` until it is closed or dies.

    `on_message` gets what the child sends by itself and `on_exit` its return code (negative: the signal that killed
    it); both are called from a thread of this object. The child gets only the file descriptors of `pass_fds` and a
    process group of its own, so that Ctrl-C in a terminal does not reach it. What it prints goes to this process's log.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        name: str,
        on_message: OnMessage | None = None,
        on_exit: OnExit | None = None,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._on_message = on_message
        self._on_exit = on_exit
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._replies: dict[int, queue.SimpleQueue[Message | None]] = {}
        self._gone = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=tuple(pass_fds),
            env=None if environment is None else dict(environment),
            process_group=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin: IO[bytes] = self._process.stdin
        self._log_reader = threading.Thread(
            target=self._read_log, args=(self._process.stderr,), name=f"{name} log", daemon=True
        )
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), name=f"{name} messages", daemon=True
        )
        self._log_reader.start()
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id, also after its end."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def send(self, message: Message) -> None:
        """Send a message that has no reply. Raises UnavailableError (PROCESS_GONE)."""
        line = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                self._stdin.write(line)
                self._stdin.flush()
        except (OSError, ValueError) as problem:
            raise self._gone_error() from problem

    def ask(self, message: Message, timeout: float) -> Message:
        """Send a message and return the reply.

        Raises what the child's handler raised, or UnavailableError: PROCESS_GONE, or PROCESS_TIMEOUT when no reply
        came within `timeout` seconds.
        """
        number = next(self._numbers)
        answer: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._replies[number] = answer
        try:
            if self._gone:
                raise self._gone_error()
            self.send({**message, "ask": number})
            reply = answer.get(timeout=timeout)
        except queue.Empty:
            raise UnavailableError(
                f"The process {self.name} (pid {self.pid}) did not answer within {timeout:g} s.",
                code="PROCESS_TIMEOUT",
                value=self.name,
                remedy="See its messages in the log; it is replaced before the next run if it died.",
            ) from None
        finally:
            del self._replies[number]
        if reply is None:
            raise self._gone_error()
        if "error" in reply:
            raise error_from_json(reply["error"])
        return reply

    def close(self, timeout: float) -> int:
        """Tell the child to finish, wait, kill it if it has not ended after `timeout` seconds; its return code."""
        with suppress(OSError, ValueError):
            self._stdin.close()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            _log.warning("%s (pid %d) did not end within %g s and is killed", self.name, self.pid, timeout)
            self._process.kill()
        code = self._process.wait()
        for thread in (self._reader, self._log_reader):
            if thread is not threading.current_thread():
                thread.join(timeout=5)
        return code

    def _read(self, stdout: IO[bytes]) -> None:
        with stdout:
            for line in stdout:
                self._take(line)
        code = self._process.wait()
        self._gone = True
        for answer in list(self._replies.values()):
            answer.put(None)
        if self._on_exit is not None:
            self._on_exit(code)

    def _take(self, line: bytes) -> None:
        try:
            message: Message = json.loads(line)
        except ValueError:
            _log.warning("%s said something that is no JSON: %r", self.name, line[:200])
            return
        if "reply" in message:
            answer = self._replies.get(message.pop("reply"))
            if answer is not None:
                answer.put(message)
        elif self._on_message is not None:
            try:
                self._on_message(message)
            except Exception:
                _log.exception("a message of %s could not be handled", self.name)

    def _read_log(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                _log.info("%s: %s", self.name, line.decode(errors="replace").rstrip())

    def _gone_error(self) -> UnavailableError:
        return UnavailableError(
            f"The process {self.name} (pid {self.pid}) is gone.",
            code="PROCESS_GONE",
            value=self.name,
            remedy="It is replaced before the next run; see the log for why it ended.",
        )
