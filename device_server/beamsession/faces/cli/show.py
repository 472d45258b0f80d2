"""Answers for a person: tables for lists, lines for objects; `--json` is for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from beamsession.faces.cli import cells
from beamsession.faces.cli.columns import LINES, NESTED, TABLES, Column, Record

_ENDLESS = 100_000  # nothing is cut for a program that reads on
_MAX_CELL = 60
_NEVER_CUT = 20
_LEAST = 8
_GAP = 3


def show(answer: Any, verb: str = "", *, as_json: bool = False) -> None:
    """Print a verb's answer on stdout; times are the terminal's local ones, JSON has them exactly."""
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    elif isinstance(answer, list):
        _show_list(answer, TABLES.get(verb))
    elif isinstance(answer, dict):
        _show_object(_console(), answer, verb)
    elif answer is not None:
        print(cells.text(answer))


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=_ENDLESS, highlight=False)


def _show_list(answer: list[Any], columns: Sequence[Column] | None) -> None:
    if not answer:
        Console(stderr=True).print("nothing", style="dim")
    elif isinstance(answer[0], dict):
        console = _console()
        console.print(_table(console, answer, columns or _all_columns(answer)))
    else:
        for item in answer:
            print(cells.text(item))


def _all_columns(records: list[Record]) -> list[Column]:
    keys = dict.fromkeys(key for item in records for key in item)
    return [Column(key, lambda item, key=key: cells.text(item.get(key))) for key in keys]


def _table(console: Console, records: list[Record], columns: Sequence[Column]) -> Table:
    """One row each, without the columns that are empty in all of them, and without those that find no room."""
    made = {column: [_cell(column.of(item)) for item in records] for column in columns}
    found = {column: max(cell.cell_len for cell in row) for column, row in made.items()}
    wanted = {column: max(width, len(column.heading)) for column, width in found.items() if width}
    widths = _fitted(wanted, console.width) if console.is_terminal else wanted
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for column, width in widths.items():
        justify = "right" if column.right else "left"
        table.add_column(column.heading, no_wrap=True, overflow="ellipsis", max_width=width, justify=justify)
    for row in zip(*(made[column] for column in widths), strict=True):
        table.add_row(*row)
    if left_out := [column.heading for column in wanted if column not in widths]:
        table.caption, table.caption_justify = f"{', '.join(left_out)}: see --json or a wider terminal", "left"
    return table


def _cell(made: str | Text) -> Text:
    """A cell is one line: a line break inside would tear the table."""
    return made if isinstance(made, Text) else Text(" ".join(made.splitlines()))


def _fitted(wanted: dict[Column, int], width: int) -> dict[Column, int]:
    """Short columns keep their width, long ones share what is left; the last ones go where that is too little."""
    long = [column for column, most in wanted.items() if most > _NEVER_CUT]
    left = width - _GAP * (len(wanted) - 1) - sum(most for column, most in wanted.items() if column not in long)
    share = left // len(long) if long else _LEAST + min(left, 0)
    if share < _LEAST and len(wanted) > 1:
        return _fitted(dict(list(wanted.items())[:-1]), width)
    return {column: min(most, share, _MAX_CELL) if column in long else most for column, most in wanted.items()}


def _show_object(console: Console, answer: Record, verb: str) -> None:
    columns = LINES.get(verb) or _all_columns([answer])
    shown = {column.heading: made for column in columns if (made := column.of(answer))}
    width = max((len(heading) for heading in shown), default=0)
    for heading, made in shown.items():
        lines = [made] if isinstance(made, Text) else [Text(line) for line in made.splitlines()]
        for number, line in enumerate(lines):
            label = heading if number == 0 else ""
            console.print(Text(f"{label:>{width}}  ", style="bold").append_text(line), soft_wrap=True)
    for key, table in NESTED.get(verb, {}).items():
        if records := answer.get(key):
            console.print(Text(f"\n{key}", style="bold"))
            console.print(_table(console, records, table))
