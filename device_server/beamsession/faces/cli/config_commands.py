"""`beamsession config`: the beamline's configuration file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from beamsession.faces.cli.exit_codes import ExitCode
from beamsession.model.errors import ConflictError, UnavailableError

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


@config_app.command("phoebus")
def config_phoebus(
    file: Annotated[Path, typer.Argument(help="the TOML file")],
    folder: Annotated[Path, typer.Argument(help="where the files go; made if it does not exist")],
    displays: Annotated[
        str, typer.Option(help="where Phoebus will find the screens: a folder or a URL, if not FOLDER", metavar="PLACE")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="write over files that differ", metavar="")] = False,
) -> None:
    """Write the beamline's Phoebus screens, alarm tree, save-and-restore set and settings into a folder."""
    from beamsession.config import load
    from beamsession.faces.phoebus.site import site_of

    try:
        from beamsession.faces.phoebus.files import phoebus_files
    except ModuleNotFoundError as fault:
        if fault.name != "phoebusgen":
            raise
        raise UnavailableError(
            "The screens are made with phoebusgen, which is not installed.",
            code="NOT_INSTALLED",
            remedy="Install the extra 'phoebus'.",
        ) from fault
    written = phoebus_files(site_of(load(file), displays or str(folder.absolute())))
    differing = [name for name, text in written.items() if (old := folder / name).exists() and _text(old) != text]
    if differing and not force:
        raise ConflictError(
            f"{folder} has other files of these names: {', '.join(differing)}. Nothing was written.",
            code="FILES_EXIST",
            value=str(folder),
            remedy="Give another folder, or --force to write over them.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"{folder}: {len(written)} files. Open beamsession.bob; settings.ini has the lines for Phoebus.")


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")
