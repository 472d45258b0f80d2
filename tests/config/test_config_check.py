"""`beamsession config check`: each fault of a file with its key and what to do, before a beamline starts with it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from beamsession import config
from beamsession.config import Beamline, ConfigError, load, parse
from beamsession.faces.cli.main import app
from beamsession.model.errors import InvalidInputError

SIMULATED = Path(__file__).parents[2] / "simulators" / "beamsim" / "beamline.toml"
GOOD = """
state_dir = "/var/lib/beamsession"
[instrument]
name = "b1"
[data]
root = "/data"
"""
CATALOGUE = '[catalogue]\nurl = "http://scicat"\ncontact_email = "a@b.c"\n'
CAMERA = '[[detectors]]\nname = "camera"\npv = "A:Image"\nsource = "pva"\n'


@pytest.fixture(autouse=True)
def _no_state_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEAMSESSION_STATE", raising=False)


def check(file: Path) -> Result:
    return CliRunner().invoke(app, ["config", "check", str(file)])


def test_a_data_root_that_is_not_there_is_good_with_a_hint(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text(GOOD.replace('"/data"', f'"{tmp_path}/nowhere"'))
    done = check(file)
    assert done.exit_code == 0
    assert done.stderr.startswith(f"data.root: {tmp_path}/nowhere is no folder on this host.")


def simulated() -> dict[str, Any]:
    """The simulated beamline's file, its places filled in."""
    text = SIMULATED.read_text()
    for token, value in {"@PREFIX@": "SIM:", "@DATA@": "/data", "@STATE@": "/state"}.items():
        text = text.replace(token, value)
    return tomllib.loads(text)


def test_a_good_file_is_called_good(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text(GOOD.replace('"/data"', f'"{tmp_path}"') + CAMERA)
    done = check(file)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{file}: b1 with 1 detectors, 0 readings, 0 constants, 0 metadata keys: good.\n"


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("", ["instrument: Field required: add it", "data: Field required: add it"]),
        ("not toml", ["the file is not TOML"]),
        (GOOD.replace('"/data"', '"data"'), ["data.root: must be an absolute path, 'data' is not"]),
        (GOOD.replace('"b1"', '"1b"'), ["instrument.name: String should match pattern", "(given: '1b')"]),
        (
            GOOD + "rot = 1\n",
            ["data.rot: Extra inputs are not permitted (given: 1): remove it"],
        ),
        (GOOD + "[datta]\n", ["datta: Extra inputs are not permitted: remove it or correct its spelling"]),
        (GOOD + 'template = "{year}/{name}"\n', ["data.template: the template needs {session}"]),
        (GOOD + 'template = "{session:s}"\n', ["data.template: the template cannot be filled in"]),
        (GOOD + 'file_mode = "rw"\n', ["data.file_mode", "(given: 'rw')"]),
        (GOOD + "min_free_gib = -1\n", ["data.min_free_gib: Input should be greater than or equal to 0 (given: -1)"]),
        (GOOD + "[run]\nframes = 0\n", ["run.frames: Input should be greater than or equal to 1 (given: 0)"]),
        (GOOD + '[tango]\nmanager = "manager"\n', ["tango.manager: String should match pattern"]),
        (GOOD + CAMERA + CAMERA, ["'camera' names two things", "rename one"]),
        (GOOD + CAMERA.replace("camera", "readings"), ["a detector cannot be called 'readings'"]),
        (GOOD + CAMERA.replace('"pva"', '"tine"'), ["detectors.0", "set source to one of the expected tags"]),
        (
            GOOD + '[[detectors]]\nname = "c"\npv = "A"\n',
            ["detectors.0", 'add source = "pva", "ca", "tango", "pva_table", "areadetector" or "armed"'],
        ),
        (GOOD + CAMERA.replace('"camera"', '"the camera"'), ["detectors.0.name: must be letters, digits and '_'"]),
        (
            GOOD + '[[constants]]\nname = "e"\npv = "E"\npath = "/e"\n',
            ["constants.0.path: must be a path below"],
        ),
        (GOOD + CATALOGUE, ["catalogue: give either username and password_file, or token_file"]),
        (GOOD + '[operator]\nrole = "king"\n', ["operator.role: Input should be 'user', 'staff' or 'worker'"]),
    ],
)
def test_each_fault_is_named_with_its_key_and_the_remedy(tmp_path: Path, text: str, complaints: list[str]) -> None:
    file = tmp_path / "b.toml"
    file.write_text(text)
    done = check(file)
    assert (done.exit_code, done.stdout) == (2, "")
    for complaint in complaints:
        assert complaint in done.stderr


def test_all_faults_are_told_at_once_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text(GOOD.replace('"b1"', '""').replace('"/data"', '"x"') + CAMERA.replace("A:Image", ""))
    lines = check(file).stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["instrument.name", "data.root", "detectors.0.pv"]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert "cannot be read (No such file or directory)" in check(tmp_path / "absent.toml").stderr
    assert "cannot be read (Is a directory)" in check(tmp_path).stderr
    latin = tmp_path / "latin.toml"
    latin.write_bytes('title = "Größe"'.encode("latin-1"))
    assert "not UTF-8" in check(latin).stderr


def test_the_error_of_a_program_names_the_file_and_the_check(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text("")
    with pytest.raises(ConfigError) as broken:
        load(file)
    assert (broken.value.code, broken.value.value) == ("BAD_CONFIG", str(file))
    assert broken.value.remedy == f"Correct it and try `beamsession config check {file}`."
    assert len(broken.value.complaints) == 2


def test_the_schema_accepts_the_simulated_beamline_and_refuses_a_misspelt_key() -> None:
    done = CliRunner().invoke(app, ["config", "schema"])
    assert done.exit_code == 0
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(simulated(), schema)
    with pytest.raises(jsonschema.ValidationError, match="rooot"):
        jsonschema.validate(simulated() | {"data": {"root": "/data", "rooot": "/data"}}, schema)


def test_every_key_of_the_schema_is_explained() -> None:
    beamline = config.json_schema()
    bare = [
        f"{table}.{name}"
        for table, definition in beamline["$defs"].items()
        for name, field in definition.get("properties", {}).items()
        if table in ("DataTable", "StoreTable", "RunTable", "WorkerTable", "TangoTable")
        and not field.get("description")
    ]
    assert bare == []


def test_the_simulated_beamline_becomes_an_instrument() -> None:
    instrument = parse(simulated(), SIMULATED).instrument_value()
    assert (instrument.name, instrument.data_root) == ("sim01", Path("/data"))
    assert [detector.name for detector in instrument.detectors] == ["camera", "monitor"]
    assert instrument.min_free_bytes == int(0.2 * 2**30)
    assert instrument.roots == (Path("/data"),)
    assert not instrument.ingest_on_complete


def test_what_is_left_out_has_its_place_in_the_state_folder() -> None:
    beamline = Beamline.model_validate(tomllib.loads(GOOD))
    assert beamline.store_url == "sqlite:////var/lib/beamsession/store.sqlite"
    assert beamline.jobs_url == "sqlite:////var/lib/beamsession/jobs.sqlite"
    assert beamline.worker_token_file == Path("/var/lib/beamsession/worker.token")
    assert oct(beamline.data.rules.file_mode) == "0o640"


def test_the_state_folder_given_to_up_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "b.toml"
    file.write_text(GOOD)
    monkeypatch.setenv("BEAMSESSION_STATE", str(tmp_path / "told"))
    assert load(file).state == tmp_path / "told"
    monkeypatch.delenv("BEAMSESSION_STATE")
    file.write_text(GOOD.replace('state_dir = "/var/lib/beamsession"', ""))
    with pytest.raises(InvalidInputError) as missing:
        _ = load(file).state
    assert missing.value.remedy == "Set state_dir at the top of the file."


@pytest.mark.parametrize(("when", "by_itself"), [("on_complete", True), ("on_command", False)])
def test_the_catalogue_decides_whether_ingests_begin_by_themselves(when: str, by_itself: bool) -> None:
    text = f'{GOOD}{CATALOGUE}token_file = "/token"\nwhen = "{when}"\n'
    assert Beamline.model_validate(tomllib.loads(text)).instrument_value().ingest_on_complete is by_itself
