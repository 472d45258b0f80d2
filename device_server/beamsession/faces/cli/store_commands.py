"""`beamsession store`: a lost store made again from the data folders, and the proof that one is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

store_app = typer.Typer(no_args_is_help=True)
_Configs = Annotated[list[Path], typer.Option("--config", help="a beamline's TOML file; once for each instrument")]
_AsJson = Annotated[bool, typer.Option("--json", help="print JSON for programs")]


@store_app.command("rebuild")
def store_rebuild(
    config: _Configs,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be restored")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="move the SQLite file that is there aside")] = False,
    allow_gaps: Annotated[bool, typer.Option("--allow-gaps", help="do without events that are lost for good")] = False,
    as_json: _AsJson = False,
) -> None:
    """Make the store again from the data folders: sessions, runs, files and events, with their ids and hashes.

    Everything else of the beamline must be stopped. A store that several instruments share needs the configuration of
    each. Nothing is written unless all of it can be.
    """
    from beamsession.faces.cli import store_rebuilding
    from beamsession.faces.cli.store_report import show_rebuild

    plan = store_rebuilding.read(config, allow_gaps=allow_gaps)
    show_rebuild(plan, as_json=as_json)
    if not dry_run:
        store_rebuilding.write(plan, replace=replace)


@store_app.command("verify")
def store_verify(config: _Configs, as_json: _AsJson = False) -> None:
    """Check that every event in the store is there as it was written; exit code 1 if not."""
    from beamsession.config import load
    from beamsession.faces.cli.store_report import show_verified
    from beamsession.store import Store

    whole = True
    for url in dict.fromkeys(load(path).store_url for path in config):
        store = Store.open(url, migrate=False)
        try:
            report = store.verify_chain()
        finally:
            store.close()
        whole = whole and report.is_intact
        show_verified(report, as_json=as_json)
    if not whole:
        raise typer.Exit(1)
