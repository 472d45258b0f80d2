"""Answers for a person: tables for lists, lines for objects; `--json` is for programs."""

from __future__ import annotations

import json
import re
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from beamsession.model.clock import from_text

_HIDDEN = {"version", "metadata_edited", "previous", "hash", "report", "acknowledged", "intent", "instrument"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_PIPED_WIDTH = 1000  # nothing is cut for a program that reads on
_MAX_CELL = 60
_NEVER_CUT = 20


def show(answer: Any, *, as_json: bool) -> None:
    """Print a verb's answer on stdout; times are the terminal's local ones, JSON has them exactly."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_WIDTH)
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    elif isinstance(answer, list):
        _show_list(console, answer)
    elif isinstance(answer, dict):
        _show_object(console, answer)
    elif answer is not None:
        print(answer)


def _show_list(console: Console, answer: list[Any]) -> None:
    if not answer:
        console.print("nothing")
    elif isinstance(answer[0], dict):
        console.print(_table(answer))
    else:
        for item in answer:
            console.print(Text(_text(item)))


def _table(answer: list[dict[str, Any]]) -> Table:
    """One row each, without the columns that are empty in all of them."""
    keys = dict.fromkeys(key for item in answer for key in item if key not in _HIDDEN)
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    columns = [key for key in keys if any(_text(item.get(key)) for item in answer)]
    for column in columns:
        widest = max(len(_text(item.get(column))) for item in answer)
        least = max(widest, len(column)) if widest <= _NEVER_CUT else None
        table.add_column(column, no_wrap=True, overflow="ellipsis", min_width=least, max_width=_MAX_CELL)
    for item in answer:
        table.add_row(*(Text(_text(item.get(column))) for column in columns))
    return table


def _show_object(console: Console, answer: dict[str, Any]) -> None:
    shown = {key: value for key, value in answer.items() if key not in _HIDDEN and _text(value)}
    width = max((len(key) for key in shown), default=0)
    for key, value in shown.items():
        if isinstance(value, list) and isinstance(value[0], dict):
            console.print(Text(key, style="bold"))
            console.print(_table(value))
        else:
            console.print(Text(f"{key:>{width}}", style="bold"), Text(_text(value)), sep="  ")


def _text(value: Any) -> str:
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and _TIME.fullmatch(value):
        return f"{from_text(value).astimezone():%Y-%m-%d %H:%M:%S}"
    return str(value)
