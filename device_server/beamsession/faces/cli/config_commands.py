"""`beamsession config`: the beamline's configuration file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from beamsession.faces.cli.exit_codes import ExitCode

config_app = typer.Typer(no_args_is_help=True)


@config_app.command("check")
def config_check(file: Annotated[Path, typer.Argument(help="the TOML file")]) -> None:
    """Check a configuration file: each error with its key and the remedy; exit code 2 if there is one."""
    from beamsession.config import ConfigError, load

    try:
        beamline = load(file)
    except ConfigError as error:
        for complaint in error.complaints:
            print(complaint, file=sys.stderr)
        raise typer.Exit(ExitCode.USAGE) from error
    metadata = beamline.metadata
    if metadata.definition_file:
        for key, word in metadata.definition_file.unknown_types.items():
            print(f"metadata.definition_file: '{word}' of '{key}' is no type, String is taken", file=sys.stderr)
    if not beamline.data.root.is_dir():
        print(
            f"data.root: {beamline.data.root} is no folder on this host. It is not made for you: make or mount it on "
            "the recorder's host before the first session, which is refused without it.",
            file=sys.stderr,
        )
    counts = (
        f"{len(beamline.detectors)} detectors, {len(beamline.readings)} readings, {len(beamline.constants)} constants, "
        f"{len(metadata.definition.keys)} metadata keys"
    )
    print(f"{file}: {beamline.instrument.name} with {counts}: good.")


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON schema of the configuration file, for editors."""
    from beamsession.config import json_schema

    print(json.dumps(json_schema(), indent=2))
