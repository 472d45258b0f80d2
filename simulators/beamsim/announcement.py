"""Tells that a beamline runs: to other programs by a file, to a person by a table."""

from __future__ import annotations

import json
import os
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from beamsim.pvs import Pv
from beamsim.running import Beamline

_TABLE_WIDTH = 130


def write_ready_file(path: Path, beamline: Beamline) -> None:
    """JSON for other programs; the file appears all at once, complete."""
    content = {
        "prefix": beamline.prefix,
        "environment": beamline.environment,
        "pvs": {pv.name: _described(pv) for pv in beamline.pvs},
        "pids": beamline.pids | {"beamline": os.getpid()},
        "catalogue_url": beamline.catalogue_url,
        "tango_motor": beamline.tango_motor,
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")
    temporary.replace(path)


def print_table(beamline: Beamline) -> None:
    """The PVs for somebody at a terminal, and what to type to reach them from another."""
    table = Table("PV", "type", "unit", "", "protocols", "meaning", box=SIMPLE, title="Simulated beamline")
    for pv in beamline.pvs:
        access = "rw" if pv.writable else "r"
        table.add_row(pv.name, pv.type, pv.units, access, " ".join(pv.protocols), pv.description)
    console = Console()
    console.width = max(console.width, _TABLE_WIDTH)  # broken words are worse than a broken frame
    console.print(table)
    if beamline.catalogue_url is not None:
        console.print(f"Catalogue: {beamline.catalogue_url}")
    if beamline.tango_motor is not None:
        console.print(f"Tango motor: {beamline.tango_motor}#dbase=no")
    console.print("A client in another shell needs:")
    for name, value in beamline.environment.items():
        console.print(f'export {name}="{value}"', soft_wrap=True, highlight=False)


def _described(pv: Pv) -> dict[str, object]:
    return {
        "protocols": [str(protocol) for protocol in pv.protocols],
        "server": str(pv.server),
        "type": pv.type,
        "units": pv.units,
        "writable": pv.writable,
        "description": pv.description,
    }
