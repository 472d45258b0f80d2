"""The ingest desk on the command line: what a person reads, and what a script goes by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from beamsim.waiting import wait_until
from command_line import Done
from served_beamline import ServedBeamline, served_beamline

CATALOGUE = """
[catalogue]
url = "http://127.0.0.1:9"
username = "ingestor"
password_file = "secret"
contact_email = "a@your.site"
when = "on_command"
link = "https://scicat.your.site/datasets/{pid}"
"""
RESULT = {
    "session": 1,
    "level": "local",
    "would_go": True,
    "problems": [],
    "warnings": [],
    "datasets": [
        {
            "pid": "b/1",
            "run": None,
            "name": "Ceria",
            "owner_group": "p1",
            "access_groups": [],
            "files": 3,
            "bytes": 2048,
            "document_bytes": 900,
            "blocks": {"count": 2, "json_bytes": 3000, "largest_json_bytes": 2000, "first": []},
        }
    ],
    "dataset_count": 1,
    "files": 3,
    "bytes": 2048,
    "outside": [],
}
PROBLEM = {
    "field": "contactEmail",
    "setting": "catalogue.contact_email",
    "said": "Expected an email",
    "remedy": "Set catalogue.contact_email.",
    "severity": "error",
}


@pytest.fixture(scope="module")
def beamline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBeamline]:
    with served_beamline(tmp_path_factory.mktemp("beamline"), CATALOGUE) as served:
        yield served


def dry_run(beamline: ServedBeamline, result: dict[str, object], *words: str) -> Done:
    """A dry run whose job ends with this result."""
    before = beamline.ask("job_list", limit=1)
    process = beamline.begin("ingest", "dry-run", *words)
    job = _next_job(beamline, before[0]["id"] if before else 0)
    beamline.report(job, "running")
    beamline.report(job, "done", result=result, detail="Tried out.")
    out, err = process.communicate(timeout=120)
    return Done(process.returncode, out, err)


def _next_job(beamline: ServedBeamline, after: int) -> int:
    def look() -> int | None:
        newest = beamline.ask("job_list", limit=1)
        return newest[0]["id"] if newest and newest[0]["id"] > after else None

    return wait_until("the job is asked for", look)


def test_a_dry_run_that_would_go_ends_with_0_and_shows_the_plan(beamline: ServedBeamline) -> None:
    beamline("session", "start", "ceria")
    done = dry_run(beamline, RESULT)
    assert done.code == 0, done.err
    assert "would go" in done.out
    assert re.search(r"b/1.*Ceria.*p1.*3.*2.0 KiB.*2", done.out)


def test_a_dry_run_with_problems_ends_with_1_and_says_what_to_set(beamline: ServedBeamline) -> None:
    beamline("session", "start", "ceria")
    done = dry_run(beamline, {**RESULT, "would_go": False, "problems": [PROBLEM]}, "--remote")
    assert done.code == 1
    assert re.search(r"contactEmail\s+catalogue\.contact_email\s+Expected an email", done.out)


def test_status_show_cancel_and_retry_are_commands(beamline: ServedBeamline) -> None:
    session = json.loads(beamline("session", "start", "ceria", "--json").out)
    beamline("session", "complete")
    beamline("ingest", "request", str(session))
    status = beamline("ingest", "status")
    assert (status.code, re.search(r"ingests\s+pending = 1", status.out) is not None) == (0, True), status.out
    assert f"session {session}" in status.out
    shown = beamline("ingest", "show", str(session))
    assert "ingest_requested" in shown.out
    given_up = beamline("ingest", "cancel", str(session), "--reason", "a test")
    assert given_up.code == 0, given_up.err
    assert "a test" in beamline("ingest", "show", str(session)).out
    assert beamline("ingest", "retry", "--session", str(session)).out.split() == [str(session)]
