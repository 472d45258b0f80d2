"""`beamsession`: the verbs, `up`, and the checking of configuration files."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from beamsession import __version__
from beamsession.config import ConfigError, json_schema, load
from beamsession.faces.cli.generate import add_verbs
from beamsession.faces.cli.place import locate
from beamsession.faces.cli.road import do
from beamsession.faces.cli.show import show
from beamsession.model.errors import BeamsessionError

_REFUSED = 1
app = typer.Typer(
    no_args_is_help=True,
    help="Sessions and runs of a beamline.",
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(no_args_is_help=True)
app.add_typer(config_app, name="config", help="The beamline's configuration file.")
_told: dict[str, Any] = {}


@app.callback(invoke_without_command=True)
def options(
    ctx: typer.Context,
    device: Annotated[str, typer.Option(help="the SessionManager device to ask")] = "",
    config: Annotated[str, typer.Option(help="the beamline's TOML file, for work without a server")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for programs")] = False,
    version: Annotated[bool, typer.Option("--version", help="print the version and leave")] = False,
) -> None:
    """Sessions and runs of a beamline, from the command line."""
    if version:
        print(__version__)
        raise typer.Exit
    _told.update(device=device, config=config, as_json=as_json)
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def up(ctx: typer.Context) -> None:
    """Start everything of one beamline and keep it running until Ctrl-C (`beamsession up --help`)."""
    os.execv(sys.executable, [sys.executable, "-m", "beamsession.servers.up", *ctx.args])


@config_app.command("check")
def config_check(file: Path) -> None:
    """Check a configuration file: each error with its key and the remedy; exit code 1 if there is one."""
    try:
        beamline = load(file)
    except ConfigError as error:
        for complaint in error.complaints:
            print(complaint, file=sys.stderr)
        raise typer.Exit(_REFUSED) from error
    counts = (
        f"{len(beamline.detectors)} detectors, {len(beamline.readings)} readings, {len(beamline.constants)} constants"
    )
    print(f"{file}: {beamline.instrument.name} with {counts}: good.")


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON schema of the configuration file, for editors."""
    print(json.dumps(json_schema(), indent=2))


def _run(verb: str, arguments: dict[str, Any], as_json: bool) -> None:
    _told["as_json"] = as_json or _told.get("as_json", False)
    answer = do(locate(_told.get("device", ""), _told.get("config", "")), verb, arguments)
    show(answer, as_json=_told["as_json"])


add_verbs(app, _run)


def main() -> None:
    """Entry point: a refusal is one sentence on stderr and exit code 1."""
    try:
        app()
    except BeamsessionError as error:
        if _told.get("as_json"):
            print(json.dumps(error.as_json(), ensure_ascii=False), file=sys.stderr)
        else:
            Console(stderr=True).print(f"[red]{error.code}[/red] ", end="")
            print(error.text, file=sys.stderr)
        sys.exit(_REFUSED)


if __name__ == "__main__":
    main()
