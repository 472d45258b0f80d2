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
_HIDDEN_IN_TABLES = _HIDDEN | {"role"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_PIPED_WIDTH = 1000  # nothing is cut for a program that reads on
_MAX_CELL = 60
_NEVER_CUT = 20
_LEAST = 8
_GAP = 3


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
        console.print(_table(console, answer))
    else:
        for item in answer:
            console.print(Text(_text(item)))


def _table(console: Console, answer: list[dict[str, Any]]) -> Table:
    """One row each, without the columns that are empty in all of them, and without those that find no room."""
    keys = dict.fromkeys(key for item in answer for key in item if key not in _HIDDEN_IN_TABLES)
    found = {key: max(len(_text(item.get(key))) for item in answer) for key in keys}
    wanted = {key: max(width, len(key)) for key, width in found.items() if width}
    widths = _fitted(wanted, console.width)
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for key, width in widths.items():
        table.add_column(key, no_wrap=True, overflow="ellipsis", max_width=width)
    for item in answer:
        table.add_row(*(Text(_text(item.get(key))) for key in widths))
    if left_out := [key for key in wanted if key not in widths]:
        table.caption, table.caption_justify = f"{', '.join(left_out)}: see --json or a wider terminal", "left"
    return table


def _fitted(wanted: dict[str, int], width: int) -> dict[str, int]:
    """Short columns keep their width, long ones share what is left; the last ones go where that is too little."""
    long = [key for key, most in wanted.items() if most > _NEVER_CUT]
    left = width - _GAP * len(wanted) - sum(most for key, most in wanted.items() if key not in long)
    share = left // len(long) if long else _LEAST + min(left, 0)
    if share < _LEAST and len(wanted) > 1:
        return _fitted(dict(list(wanted.items())[:-1]), width)
    return {key: min(most, share, _MAX_CELL) if key in long else most for key, most in wanted.items()}


def _show_object(console: Console, answer: dict[str, Any]) -> None:
    shown = {key: value for key, value in answer.items() if key not in _HIDDEN and _text(value)}
    width = max((len(key) for key in shown), default=0)
    for key, value in shown.items():
        if isinstance(value, list) and isinstance(value[0], dict):
            console.print(Text(key, style="bold"))
            console.print(_table(console, value))
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
