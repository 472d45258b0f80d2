"""The process of one external detector: the only one that speaks to its IOC."""

from __future__ import annotations

import logging
import time
from typing import Any

from pydantic import TypeAdapter

from beamsession.model.detector import AreaDetector, ExternalConfig
from beamsession.record.external.messages import Begin, Told
from beamsession.record.external.work import Work
from beamsession.record.link import Link, Message

_TICK_S = 0.1
_log = logging.getLogger(__name__)


class ExternalProcess:
    """Takes the recorder's commands, and tells it when something has changed."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._link = Link(self._command)
        self._last: Told | None = None

    def run(self) -> None:
        """Serve until the parent is gone; the run in progress then ends in order."""
        while self._link.open:
            self._link.poll(_TICK_S if self._work.busy else None)
            self._go_on()
        self._work.stop(drain=True)
        while self._work.busy:
            time.sleep(_TICK_S)
            self._go_on()

    def _command(self, message: Message) -> Message | None:
        match message.pop("do"):
            case "check":
                return {"problems": [problem.model_dump(mode="json") for problem in self._work.problems()]}
            case "begin":
                self._work.begin(Begin.model_validate(message))
            case "arm":
                self._work.arm()
            case "pause":
                self._work.pause()
            case "resume":
                self._work.resume()
            case "stop":
                self._work.stop(drain=message["drain"])
            case "discard":
                self._work.discard()
            case "recover":
                self._last = None
                self._work.recover(Begin.model_validate(message))
            case unknown:
                raise ValueError(f"unknown command {unknown!r}")
        return None

    def _go_on(self) -> None:
        if self._work.busy:
            self._work.step()
        told = self._work.told()
        if told != self._last:
            self._last = told
            self._link.send(told.model_dump(mode="json"))


def work_of(config: ExternalConfig) -> Work:
    """The work for a detector; only what it needs is imported."""
    if isinstance(config, AreaDetector):
        from beamsession.record.external.filming import Filming

        return Filming(config)
    from beamsession.record.external.arming import Arming

    return Arming(config)


def main(arguments: list[str]) -> None:
    """Serve one detector until the parent process is gone."""
    adapter: TypeAdapter[Any] = TypeAdapter(ExternalConfig)
    ExternalProcess(work_of(adapter.validate_json(arguments[0]))).run()
