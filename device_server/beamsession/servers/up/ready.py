"""The ready file: what other programs need to know of a running beamline, and the same for a person."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def write_ready(path: Path, ready: dict[str, Any]) -> None:
    """Write `ready` as JSON; the file appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(ready, indent=2), encoding="utf-8")
    temporary.replace(path)


def print_ready(console: Console, ready: dict[str, Any]) -> None:
    """Every address, and what to type next."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for key in ("tango_host", "session_managers", "run_recorders", "catalogue_url", "data_root", "state_dir", "config"):
        value = ready.get(key)
        if value:
            table.add_row(key.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value))
    console.print(table)
    console.print("A client in another shell needs:")
    ours = {"TANGO_HOST": ready["tango_host"], "BEAMSESSION_STATE": ready["state_dir"]}
    for name, value in {**ours, **ready["environment"]}.items():
        console.print(f'  export {name}="{value}"', soft_wrap=True, highlight=False)
    console.print("Try: [bold]beamsession session start first[/bold]. Ctrl-C stops everything.")
