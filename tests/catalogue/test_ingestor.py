"""What an ingestor is given, which words may be chosen for it, and what its end means."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from beamsession.catalogue.ingestor import IngestorTarget, is_dry_run, words_of
from beamsession.catalogue.ingestor_document import ingestor_document, listing_lines
from beamsession.catalogue.ingestor_verdict import End, Ending, Kind, Verdict, judge, last_words, pids_in, plain_text
from beamsession.catalogue.payload import dataset_document
from beamsession.model.errors import InvalidInputError, RefusedError
from beamsim.scicat import Catalogue
from catalogue_case import Case

UUID = "7f9a1b2c-0d4e-4f8a-9b1c-2d3e4f5a6b7c"
TABLE: dict[str, Any] = {
    "kind": "command",
    "command": ["datasetIngestor"],
    "contact_email": "beamline@your.site",
    "creation_location": "/SITE/FACILITY/B1",
    "principal_investigators": ["ada@your.site", "bob@your.site"],
}


def target(**more: Any) -> IngestorTarget:
    return IngestorTarget.model_validate(TABLE | more)


def given(case: Case, configured: IngestorTarget) -> dict[str, Any]:
    document = dataset_document(case.session, case.runs, instrument=case.instrument, target=configured)
    return ingestor_document(document, configured, "/real/folder")


def ended(
    printed: bytes, code: int | None = 0, how: Ending = Ending.ENDED, *, is_dry: bool = False, words: str = ""
) -> Verdict:
    pids = pids_in(io.BytesIO(printed), target().pid_pattern)
    return judge(End(how=how, code=code), pids, program="it", last_words=words, is_dry_run=is_dry, limit_h=2)


@pytest.mark.parametrize("style", ["quantities", "flat"])
def test_what_it_is_given_is_a_raw_dataset_of_version_3(catalogue: Catalogue, case: Case, style: str) -> None:
    document = given(case, target(metadata_style=style))

    with httpx.Client(base_url=f"{catalogue.url}/api/v3") as http:
        account = {"username": "ingestor", "password": "ingestor"}
        http.headers["Authorization"] = f"Bearer {http.post('/auth/login', json=account).json()['access_token']}"
        answer = http.post("/datasets/isValid", json=document).json()

    assert answer == {"valid": True}
    assert "pid" not in document
    assert document["sourceFolder"] == "/real/folder"
    assert (document["proposalId"], document["principalInvestigator"]) == ("p12345", "ada@your.site; bob@your.site")
    assert document["endTime"].endswith("T09:30:00.000Z")
    assert "null" not in json.dumps(document)
    metadata = document["scientificMetadata"]
    if style == "flat":
        assert (metadata["energy"], metadata["energy_unit"]) == (12.4, "keV")
        assert metadata["runs"]["run_0001"]["frames_missing"] == 2
    else:
        assert (metadata["energy"]["value"], metadata["energy"]["unit"]) == (12.4, "keV")


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a*", "a\\b", "a   b"])
def test_a_name_that_would_not_arrive_is_refused(name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        list(listing_lines(["good", name], target()))
    assert refused.value.code == "BAD_FILE_NAME"
    assert list(listing_lines(["2θ *"], target(refused_in_names=[]))) == ["2θ *".encode()]


@pytest.mark.parametrize(
    "line",
    [
        f"20.500.11935/{UUID}",
        UUID,
        f"PID.PREFIX/{UUID.upper()}",
        f"\x1b[32m  20.500.11935/{UUID}\x1b[0m\r",
        f"50 %\r100 %\r{UUID}",
    ],
)
def test_one_line_that_is_a_pid_archives(line: str) -> None:
    verdict = ended(f"noise\n{line}\nnoise {UUID}\n".encode())
    assert verdict.kind is Kind.STORED
    assert line.rstrip().removesuffix("\x1b[0m").endswith(verdict.pid)


@pytest.mark.parametrize(
    ("printed", "code", "kind", "stable"),
    [
        (f"{UUID}\n{UUID}\n", 0, Kind.STORED, ""),
        (f"{UUID}\n20.500/x\n", 0, Kind.UNKNOWN, "INGESTOR_SEVERAL_PIDS"),
        (f'- PID: "{UUID}", sourceFolder: "/x"\n', 0, Kind.UNKNOWN, "INGESTOR_NO_PID"),
        ("", 0, Kind.UNKNOWN, "INGESTOR_NO_PID"),
        (f"{UUID}\n", 1, Kind.FAILED, "INGESTOR_FAILED"),
        (f"{UUID}\n", -9, Kind.FAILED, "INGESTOR_FAILED"),
        (f"{UUID}\n", None, Kind.UNKNOWN, "INGESTOR_UNKNOWN"),
    ],
)
def test_exit_code_and_pid_decide_together(printed: str, code: int | None, kind: Kind, stable: str) -> None:
    verdict = ended(printed.encode(), code)
    assert (verdict.kind, verdict.code) == (kind, stable)
    assert bool(verdict.pid) == (kind is Kind.STORED)


@pytest.mark.parametrize("how", [Ending.TIME_LIMIT, Ending.OUTPUT_LIMIT, Ending.CANCELLED, Ending.LOST])
def test_one_that_was_stopped_may_have_stored_and_its_pid_is_a_hint(how: Ending) -> None:
    verdict = ended(f"{UUID}\n".encode(), -15 if how is not Ending.LOST else None, how, words="copying")
    assert (verdict.kind, verdict.pid) == (Kind.UNKNOWN, "")
    assert UUID in verdict.sentence
    assert "'copying'" in verdict.sentence


def test_a_dry_run_is_called_so() -> None:
    assert ended(b"noise\n", is_dry=True).kind is Kind.DRY_RUN
    assert is_dry_run(("--noninteractive",))
    assert is_dry_run(("--ingest=false",))
    assert not is_dry_run(("-ingest",))


def test_lines_without_end_are_no_pids_and_are_not_held_in_memory() -> None:
    assert pids_in(io.BytesIO(b"x" * 1_000_000 + UUID.encode() + b"\n" + UUID.encode()), r"\S+") == (UUID,)


def test_what_it_said_is_shown_without_what_terminals_do_with_it() -> None:
    text = plain_text(b"\x1b]0;title\x07\x1b[1;31mred\x1b[0m\r\n\x00\xff 2\xce\xb8\n\n")
    assert text.splitlines() == ["red", "\ufffd\ufffd 2θ", ""]
    assert last_words("1\n2\n\n3\n4\n") == "2 / 3 / 4"
    assert len(last_words("x" * 5000)) < 1000


def test_parameters_are_words_as_in_a_shell_and_only_harmless_options() -> None:
    allowed = target().request_options
    assert words_of("-ingest --addcaption 'Powder at 2θ' --tapecopies=2", allowed) == (
        *("-ingest", "--addcaption", "Powder at 2θ", "--tapecopies=2"),
    )
    assert words_of("", allowed) == ()


@pytest.mark.parametrize(
    "parameters",
    [
        "--token x",
        "--scicat-url=http://elsewhere",
        "--ingest; --user=a",
        "--tapecopies 2 folderlisting.txt",
        "other.json",
        "'open",
        "--addcaption 'two\nlines'",
        "--addcaption " + "x" * 3000,
        "-",
        "--",
    ],
)
def test_other_parameters_are_refused(parameters: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        words_of(parameters, target().request_options)
    assert refused.value.code == "BAD_PARAMETERS"
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"command": []}, "command"),
        ({"command": ["a\0b"]}, "NUL"),
        ({"creation_location": " "}, "creation_location"),
        ({"secret_variable": "TOKEN"}, "secret_file"),
        ({"secret_file": "/x"}, "secret_variable or secret_option"),
        ({"secret_file": "/x", "secret_variable": "T", "secret_option": "--token"}, "either"),
        ({"folder": "here"}, "absolute"),
        ({"pid_pattern": "("}, "regular expression"),
        ({"pid_prefix": "20.500"}, "pid_prefix"),
        ({"checksum": "none"}, "checksum"),
        ({"time_limit_h": 0}, "time_limit_h"),
    ],
)
def test_a_table_that_cannot_work_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        target(**changes)


def test_the_environment_makes_words_and_says_whether_anything_is_archived() -> None:
    assert (target().environment_words, target().is_archiving) == ((), True)
    assert (target(environment="test").environment_words, target(environment="test").is_archiving) == (
        ("--testenv",),
        False,
    )
    free = target(environment=["--scicat-url", "https://x"])
    assert (free.environment_words, free.is_archiving) == (("--scicat-url", "https://x"), True)
    assert target(archives=False).is_archiving is False
    assert Path(target().command[0]).name == "datasetIngestor"
