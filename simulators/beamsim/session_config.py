"""The beamline described for a session manager: its TOML file, filled in with what was chosen at the start."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

_CATALOGUE = """
[catalogue]
url = "{url}"
username = "ingestor"
password_file = "{password_file}"
owner_group_without_proposal = "sim01"
ingestor_group = "ingestor"
contact_email = "beamline@example.org"
principal_investigators = ["Ada Example"]
creation_location = "/SIM/SIM01"
pid_prefix = "20.500.99999"
keywords = ["simulated"]
first_retry_s = 1.0
"""


_MOTOR = """
[[readings]]
name = "m3"
source = "tango"
pv = "{device}/position#dbase=no"
"""


def write_session_config(
    path: Path,
    *,
    prefix: str,
    data_root: Path,
    state: Path,
    catalogue_url: str | None,
    tango_motor: str | None = None,
) -> None:
    """Write the TOML file `path`; the catalogue's password goes into a file of its own beside it, mode 0600."""
    text = files("beamsim").joinpath("beamline.toml").read_text(encoding="utf-8")
    password_file = path.with_name("catalogue.password")
    for token, value in {"@PREFIX@": prefix, "@DATA@": str(data_root), "@STATE@": str(state)}.items():
        text = text.replace(token, value)
    lines = [line for line in text.splitlines() if "are filled in" not in line]
    text = "\n".join(lines) + "\n"
    data_root.mkdir(parents=True, exist_ok=True)
    if tango_motor is not None:
        text += _MOTOR.format(device=tango_motor)
    if catalogue_url is not None:
        password_file.touch(mode=0o600)
        password_file.write_text("ingestor\n", encoding="utf-8")
        text += _CATALOGUE.format(url=catalogue_url, password_file=password_file)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
