"""A child process for the tests of `child` and `link`: answers, sends, fails and ends as it is told."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from beamsession.model.errors import RefusedError
from beamsession.record.link import Link, Message


def main() -> None:
    def handle(message: Message) -> Message | None:
        match message:
            case {"echo": value}:
                return {"echo": value}
            case {"refuse": value}:
                raise RefusedError("No.", code="NO", value=value, remedy="Ask again.")
            case {"crash": text}:
                raise ValueError(text)
            case {"tell": value}:
                print("this goes to the log")
                link.send({"told": value})
            case {"sleep": seconds}:
                time.sleep(seconds)
            case {"exit": code}:
                os._exit(code)
        return None

    link = Link(handle)
    link.run()
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text("finished in order")


main()
