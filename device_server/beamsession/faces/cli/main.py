"""`beamsession`: the verbs, `up`, and the checking of configuration files."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any

import typer

from beamsession import __version__
from beamsession.faces.cli.afterwords import afterword
from beamsession.faces.cli.config_commands import config_app
from beamsession.faces.cli.exit_codes import EPILOG, ExitCode, answer_code, exit_code
from beamsession.faces.cli.generate import Order, add_verbs, begins_a_job
from beamsession.faces.cli.paging import next_page
from beamsession.faces.cli.place import locate
from beamsession.faces.cli.road import Road
from beamsession.faces.cli.show import show
from beamsession.faces.cli.store_commands import store_app
from beamsession.faces.cli.waiting import StoppedWaitingError, wait_for_job
from beamsession.model.errors import BeamsessionError, InvalidInputError

_COMPLETES = "_BEAMSESSION_COMPLETE"
app = typer.Typer(
    no_args_is_help=True,
    help="Sessions and runs of a beamline.",
    epilog=EPILOG,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.add_typer(config_app, name="config", help="The beamline's configuration file.")
app.add_typer(store_app, name="store", help="The database of sessions: make a lost one again, verify it.")
_ALWAYS_JSON = ("ingest_payload",)
_told: dict[str, Any] = {}


@app.callback(invoke_without_command=True)
def options(
    ctx: typer.Context,
    device: Annotated[str, typer.Option(help="the SessionManager device to ask")] = "",
    config: Annotated[str, typer.Option(help="the beamline's TOML file, for work without a server")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for programs", metavar="")] = False,
    version: Annotated[bool, typer.Option("--version", help="print the version and leave", metavar="")] = False,
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


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def worker(ctx: typer.Context) -> None:
    """Run a worker by itself, as on a host of its own (`beamsession worker --help`)."""
    os.execv(sys.executable, [sys.executable, "-m", "beamsession.servers.worker", *ctx.args])


@app.command("scripting-path")
def scripting_path() -> None:
    """Print the folder to put into PYTHONPATH, so that scripts find the module `sessions`."""
    from beamsession.faces.scripting.path import FOLDER

    print(FOLDER)


@app.command("taurus")
def taurus() -> None:
    """Open the panel: session, metadata, runs, last frame and alarms in one window (needs the extra 'taurus')."""
    from beamsession.faces.cli.taurus_command import open_panel

    open_panel(_told.get("device", ""), _told.get("config", ""))


def _run(order: Order) -> None:
    _told["as_json"] = as_json = order.as_json or _told.get("as_json", False)
    road = Road(locate(_told.get("device", ""), _told.get("config", "")))
    name = order.verb.name
    answer = road.ask(name, order.arguments)
    if begins_a_job(order.verb) and order.wait and _is_worked_on(road, answer):
        answer = wait_for_job(answer, lambda: road.ask("job_show", {"job": answer}))["result"]
    show(answer, name, as_json=as_json or name in _ALWAYS_JSON)
    if not as_json and (told := afterword(road, name, answer)):
        print(told, file=sys.stderr)
    if not as_json and (option := next_page(order.verb, order.arguments, answer, lambda rest: road.ask(name, rest))):
        print(f"… more: {option}", file=sys.stderr)
    if code := answer_code(name, answer):
        raise typer.Exit(code)


def _is_worked_on(road: Road, job_id: int) -> bool:
    if not road.by_server:
        print(f"No server runs: job {job_id} waits until the beamline is started.", file=sys.stderr)
    return road.by_server


add_verbs(app, _run)


def main() -> None:
    """Entry point: whatever goes wrong is one sentence on stderr and an exit code."""
    if _COMPLETES in os.environ:
        _complete()
    try:
        sys.exit(app(standalone_mode=False) or ExitCode.DONE)
    except StoppedWaitingError as error:
        _complain(error)
        sys.exit(ExitCode.INTERRUPTED)
    except BeamsessionError as error:
        _complain(error)
        sys.exit(exit_code(error))
    except typer.TyperException as error:
        _complain_of_usage(error)
        sys.exit(ExitCode.USAGE)
    except typer.Abort:
        sys.exit(ExitCode.INTERRUPTED)


def _complete() -> None:
    """Answer the shell, and leave without waiting for whom was asked in vain."""
    try:
        app(prog_name="beamsession", complete_var=_COMPLETES)
    finally:
        sys.stdout.flush()
        os._exit(ExitCode.DONE)


def _complain_of_usage(error: typer.TyperException) -> None:
    text = error.format_message().strip()
    if not text:  # a group without a command has shown its help already
        return
    context = getattr(error, "ctx", None)
    remedy = f"Try `{context.command_path} --help`." if context else ""
    _complain(InvalidInputError(text if text.endswith(("?", ".")) else f"{text}.", code="USAGE", remedy=remedy))


def _complain(error: BeamsessionError) -> None:
    if _told.get("as_json") or "--json" in sys.argv:
        print(json.dumps(error.as_json(), ensure_ascii=False), file=sys.stderr)
        return
    red, end = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    print(f"{red}{error.code}{end} {error.text}", file=sys.stderr)


if __name__ == "__main__":
    main()
