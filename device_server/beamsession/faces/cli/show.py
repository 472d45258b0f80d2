"""Answers for a person: tables for lists, lines for objects; `--json` is for programs."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table

_HIDDEN = {"version", "metadata_edited", "previous", "hash", "report", "acknowledged", "intent"}
_MAX_CELL = 60


def show(answer: Any, *, as_json: bool) -> None:
    """Print a verb's answer on stdout."""
    console = Console()
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
        columns = [key for key in answer[0] if key not in _HIDDEN]
        table = Table(*columns, header_style="bold")
        for item in answer:
            table.add_row(*(_cell(item.get(column)) for column in columns))
        console.print(table)
    else:
        for item in answer:
            console.print(_cell(item), markup=False)


def _show_object(console: Console, answer: dict[str, Any]) -> None:
    for key, value in answer.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            console.print(f"[bold]{key}[/bold]")
            _show_list(console, value)
        elif key not in _HIDDEN:
            console.print(f"[bold]{key:>18}[/bold]  ", end="")
            console.print(_text(value), markup=False)


def _cell(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= _MAX_CELL else f"{text[: _MAX_CELL - 1]}…"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
