"""A site's ingestor brings sessions to the catalogue: judged by exit code and pid, called once, whatever is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "docs"))

from beamsession.model.states import IngestState, SessionState
from beamsession.servers.worker.hooks.leftovers import MARK
from beamsession.sessions import (
    ingest_scicat,
    session_complete,
    session_get_root,
    session_ingest_scicat,
    session_start,
    use,
)
from beamsim.scicat import Fault, FaultKind, running_catalogue
from ingestor_rig import PID, STORES, IngestorRig, running_ingestor_rig
from markdown_blocks import examples
from worker_rig import eventually

FILES = {"run_0001.nxs": b"master", 'Łukasz 2θ/it\'s $HOME "x".h5': b"12", "added/-rf": b"notes"}
NOISE = r"""
printf '\033[0;31mWarning!\033[1;33m old scripts\033[0m\n'
printf '\033[32mYou are about to interact with the === production === environment...\033[0m\n'
echo 'Warning! The following datasets have been found with the same sourceFolders: '
echo '  - PID: "20.500.11935/00000000-0000-0000-0000-000000000000", sourceFolder: "/data"'
echo 'Next planned downtime is at 2026-12-24'
"""


def table() -> str:
    """The page's own configuration, with its program and secret where this test has them."""
    (example,) = [item for item in examples("toml fragment") if "keep-your-ingestor" in str(item)]
    text = example.text.replace('command = ["datasetIngestor"]', 'command = ["@FOLDER@/bin/datasetIngestor", "a b"]')
    return text.replace("/etc/beamsession/", "@FOLDER@/")


@pytest.fixture(scope="module")
def beamline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IngestorRig]:
    folder = tmp_path_factory.mktemp("ingestor")
    with running_catalogue() as catalogue, running_ingestor_rig(folder, catalogue, table()) as rig:
        yield rig


@pytest.fixture
def rig(beamline: IngestorRig) -> Iterator[IngestorRig]:
    beamline.forget_calls()
    use(beamline.address)
    yield beamline
    use("")


def test_the_real_ones_imitation_stores_every_file_and_the_session_is_archived(rig: IngestorRig) -> None:
    rig.program_is_the_stand_in()
    session = rig.completed_session(FILES, metadata={"energy": {"value": 12.4, "unit": "keV"}}, proposal="p12345")

    pid = rig.archived(session).dataset_pid

    dataset = rig.catalogue.state.datasets[pid]
    listed = [file for block in rig.catalogue.state.blocks.values() for file in block["dataFileList"]]
    folder = rig.folder_of(session.id)
    on_disk = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    kept = {name: size for name, size in on_disk.items() if not Path(name).name.startswith((".", "later_"))}
    assert {file["path"]: file["size"] for file in listed} == kept
    assert dataset["sourceFolder"] == str(folder.resolve())
    assert (dataset["ownerGroup"], dataset["principalInvestigators"]) == ("p12345", ["ada@example.org"])
    assert dataset["scientificMetadata"]["energy"]["value"] == 12.4
    shown = rig.call("ingest_show", session=session.id)
    assert (shown["state"], shown["dataset_name"]) == ("done", "Łukasz 2θ")
    assert "=== custom ===" in shown["output"]
    assert "ingestor:ingestor" not in shown["output"]


def test_noise_around_the_pid_is_ignored_and_words_arrive_as_they_are(rig: IngestorRig) -> None:
    rig.program_is(NOISE + f"printf '\\033[0m%s\\r\\n' {PID}; echo $SECRET; echo done >&2")
    session = rig.completed_session(FILES)

    assert rig.archived(session).dataset_pid == PID

    ((first, *options, _, _),) = rig.calls
    assert (first, options) == ("a b", ["--ingest", "--noninteractive", "--allowexistingsource", "--autoarchive"])
    metadata, listing = rig.given()
    assert set(FILES) <= set(listing)
    assert metadata["datasetName"] == "Łukasz 2θ"
    assert None not in metadata.values()
    output = rig.call("ingest_show", session=session.id)["output"]
    assert "***" in output
    assert "\x1b" not in output


def test_a_failure_is_told_with_its_last_words_and_only_a_request_calls_again(rig: IngestorRig) -> None:
    rig.program_is(f"{NOISE} echo 'metadata is not valid: contactEmail' >&2; exit 1")
    session = rig.completed_session(FILES)

    parked = rig.ingest_in(session, IngestState.PARKED)

    assert "exit code 1" in parked["detail"]
    assert "metadata is not valid: contactEmail" in parked["detail"]
    assert str(rig.folder_of(session.id)) in parked["detail"]
    assert rig.store.session(session.id).state is SessionState.COMPLETED
    rig.call("metadata_set", session=session.id, values={"corrected": True})
    rig.program_is(STORES)
    rig.kill_worker()
    rig.start_worker()
    rig.call("ingest_request", session=session.id)
    assert rig.archived(session).dataset_pid == PID
    assert len(rig.calls) == 2
    assert rig.given()[0]["scientificMetadata"]["corrected"]["value"] is True


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("true", "told no pid"),
        (f"echo {PID}; echo 20.500.11935/another", "2 different pids"),
        (f"echo '{PID} is the pid'", "told no pid"),
        (f"echo {PID}; kill -9 $$", "SIGKILL"),
    ],
)
def test_what_is_not_sure_is_parked(rig: IngestorRig, script: str, word: str) -> None:
    rig.program_is(script)
    session = rig.completed_session(FILES)

    assert word in rig.ingest_in(session, IngestState.PARKED)["detail"]

    assert rig.store.session(session.id).state is SessionState.COMPLETED
    assert len(rig.calls) == 1


def test_a_program_that_is_not_there_parks_before_anything_is_called(rig: IngestorRig) -> None:
    rig.program.unlink(missing_ok=True)
    session = rig.completed_session(FILES)

    assert "is not there" in rig.ingest_in(session, IngestState.PARKED)["detail"]


@pytest.mark.parametrize("name", ["two\nlines", "a*b", "a   b", "back\\slash", "end\r"])
def test_a_name_that_would_not_arrive_is_refused_before_anything_is_called(rig: IngestorRig, name: str) -> None:
    rig.program_is(STORES)
    session = rig.completed_session({name: b"data"})

    assert "The name of the file" in rig.ingest_in(session, IngestState.PARKED)["detail"]

    assert rig.calls == []


def test_a_dry_run_of_ours_says_what_would_be_given_and_calls_nothing(rig: IngestorRig) -> None:
    rig.program_is("exit 1")
    session = rig.open_session({"good.h5": b"12", "bad*.h5": b"1"})

    tried = rig.ended(rig.call("ingest_dry_run", session=session.id))
    shown = rig.ended(rig.call("ingest_payload", session=session.id))
    asked = rig.ended(rig.call("ingest_dry_run", session=session.id, remote=True))

    assert tried.result["would_go"] is False
    assert ["bad*.h5" in problem["said"] for problem in tried.result["problems"]] == [True]
    assert shown.result["problems"] == tried.result["problems"]
    assert "by the site's ingestor alone" in asked.detail
    (rig.folder_of(session.id) / "bad*.h5").unlink()
    shown = rig.ended(rig.call("ingest_payload", session=session.id))
    ((dataset),) = shown.result["datasets"]
    assert (dataset["pid"], dataset["document"]["principalInvestigator"]) == ("", "ada@example.org")
    assert "pid" not in dataset["document"]
    assert rig.calls == []
    rig.call("session_complete")
    rig.ingest_in(session, IngestState.PARKED)


def test_a_script_chooses_the_options_of_one_call(rig: IngestorRig) -> None:
    rig.program_is("true")
    number = session_start("Łukasz 2θ")
    folder = Path(session_get_root())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run_0001.nxs").write_bytes(b"data")
    session_complete()
    session = rig.store.session(number)
    rig.ingest_in(session, IngestState.PARKED)

    with pytest.raises(Exception, match="dry run") as dry:
        ingest_scicat(session.id, {}, "--noninteractive --addcaption 'Powder at 2θ'", timeout=60)
    assert getattr(dry.value, "code", "") == "INGEST_PARKED"
    assert rig.calls[-1][1:-2] == ["--noninteractive", "--addcaption", "Powder at 2θ"]

    rig.program_is(STORES)
    sent = session_ingest_scicat(session.id, {"description": "of the script"}, parameters="-ingest", timeout=60)
    assert sent == ("Łukasz 2θ", PID)
    assert rig.calls[-1][1:-2] == ["-ingest"]
    assert rig.given()[0]["description"] == "of the script"


@pytest.mark.crash
def test_killed_while_the_program_works_the_worker_waits_for_its_end(rig: IngestorRig) -> None:
    gate = rig.folder / "gate"
    rig.program_is(f'while [ ! -e "{gate}" ]; do sleep 0.05; done; {STORES}')
    session = rig.completed_session(FILES)
    eventually(lambda: rig.calls, "the program runs")
    rig.kill_worker()
    gate.touch()
    rig.start_worker()

    assert rig.archived(session).dataset_pid == PID

    assert len(rig.calls) == 1
    gate.unlink()


@pytest.mark.crash
def test_where_the_program_was_killed_with_the_worker_a_person_has_to_look(rig: IngestorRig) -> None:
    rig.program_is_the_stand_in()
    rig.catalogue.faults.add(slow := Fault(FaultKind.DELAY, "POST /api/v3/datasets", seconds=60))
    datasets = len(rig.catalogue.state.datasets)
    session = rig.completed_session(FILES)
    eventually(lambda: slow not in rig.catalogue.faults.pending(), "the request has come")
    rig.kill_worker()
    kill_all_of(rig)
    rig.start_worker()

    parked = rig.ingest_in(session, IngestState.PARKED)

    assert "ended unseen" in parked["detail"]
    assert str(rig.folder_of(session.id)) in parked["detail"]
    assert len(rig.catalogue.state.datasets) == datasets
    rig.call("ingest_request", session=session.id)
    rig.archived(session)
    assert len(rig.catalogue.state.datasets) == datasets + 1


def kill_all_of(rig: IngestorRig) -> None:
    """Kill the program and its guard at once, as a host that loses its power does."""
    mark = f"of {rig.state.resolve()}/ingest/".encode()

    def alive() -> list[int]:
        found: list[int] = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.startswith(f"{MARK}=".encode()) and mark in word for word in words):
                found.append(int(path.parent.name))
        return found

    for pid in sorted(alive()):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(), "all are gone")


def test_where_the_catalogue_is_one_for_tests_the_session_stays_completed(tmp_path: Path) -> None:
    tests_only = table().replace('environment = "prod"', 'environment = "test"')
    with running_catalogue() as catalogue, running_ingestor_rig(tmp_path, catalogue, tests_only) as rig:
        rig.program_is(STORES)
        session = rig.completed_session(FILES)

        stored = rig.ingest_in(session, IngestState.DONE)

        assert (stored["pid"], stored["dataset_name"]) == (PID, "Łukasz 2θ")
        assert [(item["pid"], item["files"]) for item in stored["datasets"]] == [(PID, len(rig.given()[1]))]
        assert rig.store.session(session.id).state is SessionState.COMPLETED
        assert rig.calls[0][1] == "--testenv"
        rig.call("metadata_set", session=session.id, values={"again": True})
        rig.call("ingest_request", session=session.id)
        eventually(lambda: len(rig.calls) == 2, "it is called again on request")
        rig.ingest_in(session, IngestState.DONE)
        assert rig.given()[0]["scientificMetadata"]["again"]["value"] is True
