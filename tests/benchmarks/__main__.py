"""`python -m tests.benchmarks [NAME …]`: run the benchmarks, print their table, write `build/bench.json`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_FOLDER = Path(__file__).parent
_RESULT = Path("build/bench.json")
_COLUMNS = 120


def main() -> None:
    """Exit code 1 if a benchmark could not be run; a missed goal is shown, never an error."""
    wanted = sys.argv[1:] or sorted(path.stem.removeprefix("bench_") for path in _FOLDER.glob("bench_*.py"))
    sys.path.insert(0, str(_FOLDER))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_COLUMNS)
    rows: list[dict[str, Any]] = []
    for name in wanted:
        console.print(f"measuring {name} …")
        rows += importlib.import_module(f"bench_{name}").rows()
        _RESULT.parent.mkdir(exist_ok=True)
        _RESULT.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    console.print(_table(rows))
    console.print(f"The same as JSON: {_RESULT}")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table("name", "value", "unit", "reference", "ratio", "goal", "", "cpu s", "peak MiB")
    for row in rows:
        table.add_row(
            row["name"],
            f"{row['value']:.4g}",
            row["unit"],
            f"{row['reference']:.4g}",
            "" if row["ratio"] is None else f"{row['ratio']:.2f}",
            *_judged(row),
            *("" if row[key] is None else f"{row[key]:.1f}" for key in ("cpu_s", "peak_mib")),
        )
    return table


def _judged(row: dict[str, Any]) -> tuple[str, str]:
    """The goal and whether it is reached; a row without a goal is a reference."""
    ratio, goal = row["ratio"], row["goal"]
    if ratio is None or goal is None:
        return "", ""
    reached = ratio >= goal if row["higher_is_better"] else ratio <= goal
    sign = "≥" if row["higher_is_better"] else "≤"
    return f"{sign} {goal:g}", "[green]yes[/green]" if reached else "[red]no[/red]"


if __name__ == "__main__":
    main()
