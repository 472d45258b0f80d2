"""What the shell offers where a value is typed: what the beamline has, if it answers soon."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

import typer

from beamsession.faces.cli.place import locate
from beamsession.model.verb import Verb

Offer = list[str | tuple[str, str]]
_LIMIT_S = 1.0
_PATIENCE = "BEAMSESSION_COMPLETION_S"
_LONGEST_S = 60.0
_MANY = 30


def completion_of(verb: Verb, argument: str) -> Callable[..., Offer] | None:
    """What completes this argument of `verb`; None where it is not the beamline that knows."""
    match argument:
        case "session" | "before_id":
            return _sessions
        case "to" if verb.name == "run_move":
            return _sessions
        case "run" | "runs":
            return _runs
        case "job":
            return _jobs
        case "detector" | "detectors":
            return _detectors
        case "metadata" | "values":
            return _keys
        case _:
            return None


def _sessions(ctx: typer.Context, incomplete: str) -> Offer:
    return [
        (str(item["id"]), item.get("title") or item["name"])
        for item in _ask(ctx, "session_list", limit=_MANY)
        if str(item["id"]).startswith(incomplete)
    ]


def _runs(ctx: typer.Context, incomplete: str) -> Offer:
    session = {"session": ctx.params["session"]} if ctx.params.get("session") else {}
    return [
        (str(item["number"]), item["title"] or item["state"])
        for item in reversed(_ask(ctx, "run_list", **session))
        if str(item["number"]).startswith(incomplete)
    ]


def _jobs(ctx: typer.Context, incomplete: str) -> Offer:
    return [
        (str(item["id"]), f"{item['state']}: {item['title']}")
        for item in _ask(ctx, "job_list")
        if str(item["id"]).startswith(incomplete)
    ]


def _keys(ctx: typer.Context, incomplete: str) -> Offer:
    if "=" in incomplete:
        return []
    return [
        (f"{item['name']}=", item.get("help") or str(item.get("type", "")))
        for item in _ask(ctx, "metadata_definition")
        if item["name"].startswith(incomplete)
    ]


def _detectors(ctx: typer.Context, incomplete: str) -> Offer:
    def configured() -> list[Any]:
        from beamsession.config import load  # takes its time, and is not always needed

        config = locate(*_told(ctx)).config
        return [detector.name for detector in load(config).detectors] if config else []

    return [name for name in _within_limit(configured) if name.startswith(incomplete)]


def _ask(ctx: typer.Context, verb: str, **arguments: Any) -> list[Any]:
    def answer() -> list[Any]:
        from beamsession.faces.cli.road import Road  # takes its time, and is not always needed

        return Road(locate(*_told(ctx))).ask(verb, arguments)

    return _within_limit(answer)


def _told(ctx: typer.Context) -> tuple[str, str]:
    params = ctx.find_root().params
    return params.get("device") or "", params.get("config") or ""


def _within_limit(ask: Callable[[], list[Any]]) -> list[Any]:
    """The answer, or nothing: whoever presses Tab wants neither to wait nor to read why there is none."""
    found: list[Any] = []

    def work() -> None:
        with suppress(Exception):  # there is nobody to tell
            found.extend(ask())

    _be_silent()
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(_limit())
    return list(found)


def _limit() -> float:
    """Seconds; a slow host may be given more of them."""
    try:
        return min(max(0.0, float(os.environ[_PATIENCE])), _LONGEST_S)
    except (KeyError, ValueError):
        return _LIMIT_S


def _be_silent() -> None:
    """Libraries in C complain on the file descriptor itself."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
