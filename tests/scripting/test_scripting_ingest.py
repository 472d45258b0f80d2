"""Sending a session to the catalogue from a script, and being told its name and pid."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from beamsession.sessions import (
    BeamsessionError,
    ingest_cancel,
    ingest_dry_run,
    ingest_payload,
    ingest_retry,
    ingest_scicat,
    ingest_show,
    ingest_status,
    session_cancel,
    session_complete,
    session_get_info,
    session_get_metadata,
    session_get_state,
    session_ids,
    session_ingest_scicat,
    session_start,
    use,
)
from beamsim.scicat import Fault, FaultKind, running_catalogue
from scripting_rig import ScriptingRig, running_rig
from worker_rig import eventually

_LIMIT_S = 90.0
_INGESTS: tuple[Callable[..., Any], ...] = (session_ingest_scicat, ingest_scicat)


@pytest.fixture
def completed(rig: ScriptingRig) -> int:
    """A completed session with a file."""
    number = session_start("to be kept", {"sample": "CeO2"})
    rig.run("scan.nxs")
    session_complete()
    return number


def _document(rig: ScriptingRig, pid: str) -> dict[str, Any]:
    return rig.catalogue.state.datasets[pid]


def test_a_completed_session_is_sent_and_its_name_and_pid_are_told(rig: ScriptingRig, completed: int) -> None:
    name, pid = session_ingest_scicat(completed, timeout=_LIMIT_S)

    assert _document(rig, pid)["datasetName"] == name
    assert session_get_state(completed) == "archived"
    assert session_get_info(completed)["ingested"] == {"prod": pid}
    assert completed in session_ids("archived")


def test_words_of_the_script_are_in_the_document_and_not_in_the_session(rig: ScriptingRig, completed: int) -> None:
    words = {"description": "of the script", "temperature": 300}

    name, pid = session_ingest_scicat(completed, words, {"temperature": 301}, timeout=_LIMIT_S)

    document = _document(rig, pid)
    assert (document["datasetName"], document["description"]) == (name, "of the script")
    assert document["scientificMetadata"]["temperature"]["value"] == 301
    assert document["scientificMetadata"]["sample"]["value"] == "CeO2"
    assert session_get_metadata(completed) == {"sample": "CeO2"}
    assert words == {"description": "of the script", "temperature": 300}


def test_an_archived_session_is_not_sent_again(rig: ScriptingRig, completed: int) -> None:
    name, pid = session_ingest_scicat(completed, timeout=_LIMIT_S)
    datasets = len(rig.catalogue.state.datasets)

    assert session_ingest_scicat(completed) == (name, pid)
    assert ingest_scicat(completed) == pid
    assert len(rig.catalogue.state.datasets) == datasets
    with pytest.raises(BeamsessionError) as refused:
        session_ingest_scicat(completed, {"description": "too late"})
    assert refused.value.code == "ARCHIVED"


def test_the_older_function_returns_the_pid_alone(rig: ScriptingRig, completed: int) -> None:
    pid = ingest_scicat(completed, {"description": "of the script"}, timeout=_LIMIT_S)

    assert _document(rig, pid)["description"] == "of the script"


def test_parameters_of_a_command_line_are_refused_with_the_reason(rig: ScriptingRig, completed: int) -> None:
    with pytest.raises(BeamsessionError) as refused:
        ingest_scicat(completed, {}, "--ingest --noninteractive")
    assert refused.value.code == "NO_EXTERNAL_INGESTOR"
    assert session_get_state(completed) == "completed"


@pytest.mark.parametrize("ingest", _INGESTS)
def test_a_session_that_is_not_completed_is_refused(rig: ScriptingRig, ingest: Callable[..., Any]) -> None:
    number = session_start("open")
    for _ in ("started", "cancelled"):
        with pytest.raises(BeamsessionError) as refused:
            ingest(number)
        assert refused.value.code == "WRONG_STATE"
        session_cancel()
    with pytest.raises(BeamsessionError) as unknown:
        ingest(999_999)
    assert unknown.value.code == "SESSION_NOT_FOUND"


def test_a_parked_ingest_raises_its_reason_and_asking_again_sends_it(rig: ScriptingRig, completed: int) -> None:
    rig.catalogue.faults.add(Fault(FaultKind.FAIL_BEFORE, "POST /api/v4/datasets", status=400))
    with pytest.raises(BeamsessionError) as parked:
        session_ingest_scicat(completed, timeout=_LIMIT_S)
    assert parked.value.code == "INGEST_PARKED"
    assert "400" in parked.value.sentence
    assert session_get_state(completed) == "completed"

    _, pid = session_ingest_scicat(completed, timeout=_LIMIT_S)
    assert _document(rig, pid)["pid"] == pid


def test_waiting_has_a_limit_and_survives_a_restart_of_the_manager(tmp_path: Path) -> None:
    with running_catalogue() as catalogue, running_rig(tmp_path, catalogue) as rig, ThreadPoolExecutor(1) as pool:
        use(rig.address)
        number = session_start("patient")
        rig.run("scan.nxs")
        session_complete()
        rig.kill_worker()
        with pytest.raises(BeamsessionError) as late:
            session_ingest_scicat(number, timeout=0.2)
        assert late.value.code == "NOT_IN_TIME"

        sent = pool.submit(session_ingest_scicat, number, timeout=_LIMIT_S)
        eventually(lambda: len(rig.call("event_list", session=number)) >= 5, "it was asked for once more")
        rig.kill_manager()
        rig.start_manager()
        rig.start_worker()
        _, pid = sent.result(_LIMIT_S)
        assert catalogue.state.datasets[pid]["pid"] == pid
    use()


def test_a_script_tries_out_sends_and_looks(rig: ScriptingRig, completed: int) -> None:
    assert ingest_dry_run(completed, timeout=_LIMIT_S)["would_go"] is True
    document = ingest_payload(completed, timeout=_LIMIT_S)["datasets"][0]["document"]
    _, pid = session_ingest_scicat(completed, timeout=_LIMIT_S)
    assert document["pid"] == pid
    shown = ingest_show(completed)
    assert (shown["state"], shown["history"][-1]["kind"]) == ("done", "session_archived")
    assert ingest_status()["counts"]["done"] >= 1
    for refused in (ingest_retry, ingest_cancel):
        with pytest.raises(BeamsessionError) as caught:
            refused(completed)
        assert caught.value.code == "WRONG_STATE"
