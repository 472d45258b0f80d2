"""Where the server makes the pid, a session comes into the catalogue once all the same; or it waits for a person."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from beamsession.catalogue.target import BlockLimits, CatalogueTarget
from beamsession.model.ingest import complaints
from beamsession.model.states import SessionState
from beamsession.record.recorder import Recorder
from beamsession.servers.worker.outcome import Ending
from beamsim.scicat import Catalogue, Fault, FaultKind, running_catalogue
from beamsim.scicat.site import demo_site
from steps_rig import StepsRig, steps_rig
from verb_desk import open_recorder

FILES = {"run_0001.nxs": b"master", "notes.txt": b"two theta"}
DATASETS = "POST /api/v4/datasets"


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with open_recorder(tmp_path_factory.mktemp("recorder")) as running:
        yield running


@contextmanager
def served(
    folder: Path, recorder: Recorder, *, group: str = "ingestor", **options: object
) -> Iterator[tuple[Catalogue, StepsRig]]:
    """A catalogue that takes no pid which begins with `forbidden`, and sessions on their way there."""
    secret = folder / "secret"
    secret.write_text("ingestor")
    with running_catalogue(site=replace(demo_site(), pid_pattern="(?!forbidden).*")) as catalogue:
        told = {
            "url": catalogue.url,
            "username": "ingestor",
            "password_file": secret,
            "ingestor_group": group,
            "owner_group_without_proposal": "visitors",
            "contact_email": "beamline@your.site",
            "blocks": BlockLimits(files=2),
            "settle_s": 0.2,
            "pid_mode": "server",
            **options,
        }
        with steps_rig(folder / "rig", recorder, CatalogueTarget.model_validate(told)) as rig:
            yield catalogue, rig


def stored(catalogue: Catalogue) -> tuple[str, list[str]]:
    """The pid of the one dataset, and the paths in its blocks."""
    ((pid, dataset),) = catalogue.state.datasets.items()
    paths = [file["path"] for block in catalogue.state.blocks.values() for file in block["dataFileList"]]
    assert dataset["numberOfFiles"] == len(paths) == len(set(paths))
    assert {block["datasetId"] for block in catalogue.state.blocks.values()} == {pid}
    return pid, paths


def test_the_server_s_pid_is_kept_with_the_session(tmp_path: Path, recorder: Recorder) -> None:
    with served(tmp_path, recorder) as (catalogue, rig):
        session = rig.completed_session(FILES)
        assert rig.ingest(session.id).ending is Ending.DONE
        pid, paths = stored(catalogue)
        assert {*FILES} <= {*paths}
        ingest = rig.desk.store.ingest(session.id)
        assert ingest is not None
        assert [dataset.pid for dataset in ingest.datasets] == [pid]
        assert pid.startswith("beamsim/")
        ours = rig.desk.ask("ingest_show", session=session.id)
        assert ours["datasets"][0]["pid"] == pid


@pytest.mark.parametrize(
    "kind", [FaultKind.CUT_AFTER, FaultKind.CUT_BEFORE, FaultKind.FAIL_AFTER, FaultKind.WRONG_JSON]
)
def test_a_lost_answer_makes_no_second_dataset(kind: FaultKind, tmp_path: Path, recorder: Recorder) -> None:
    with served(tmp_path, recorder) as (catalogue, rig):
        catalogue.faults.add(Fault(kind, DATASETS))
        session = rig.completed_session(FILES)
        assert rig.ingest(session.id).ending is Ending.DONE
        assert not catalogue.faults.pending()
        stored(catalogue)


def test_a_worker_that_lost_its_folder_finds_the_dataset_again(tmp_path: Path, recorder: Recorder) -> None:
    with served(tmp_path, recorder) as (catalogue, rig):
        session = rig.completed_session(FILES)
        rig.steps.freeze(session.id, lambda detail: None)
        rig.steps.take_checksums(session.id, lambda detail: None)
        pid = rig.steps.create_dataset(session.id, 1)
        shutil.rmtree(rig.folder)
        assert rig.ingest(session.id).ending is Ending.DONE
        assert stored(catalogue)[0] == pid


def test_what_is_in_doubt_and_cannot_be_seen_waits_for_a_person(tmp_path: Path, recorder: Recorder) -> None:
    with served(tmp_path, recorder, group="") as (catalogue, rig):
        seen = rig.completed_session(FILES)
        assert rig.ingest(seen.id).ending is Ending.DONE  # without a fault nothing is in doubt
        catalogue.faults.add(Fault(FaultKind.CUT_AFTER, DATASETS))
        session = rig.completed_session(FILES)
        outcome = rig.ingest(session.id)
        assert (outcome.ending, outcome.code) == (Ending.PARK, "CATALOGUE_BLIND")
        assert "catalogue.ingestor_group" in outcome.text
        again = rig.ingest(session.id)
        assert (again.ending, again.code) == (Ending.PARK, "CATALOGUE_BLIND")
        assert len(catalogue.state.datasets) == 2


def test_a_session_that_was_sent_and_is_another_one_now_waits_for_a_person(tmp_path: Path, recorder: Recorder) -> None:
    with served(tmp_path, recorder) as (catalogue, rig):
        session = rig.completed_session(FILES)
        rig.steps.freeze(session.id, lambda detail: None)
        rig.steps.create_dataset(session.id, 1)
        shutil.rmtree(rig.folder)
        rig.desk.ask("session_rename", session=session.id, title="Another one")
        outcome = rig.ingest(session.id)
        assert (outcome.ending, outcome.code) == (Ending.PARK, "CATALOGUE_CONFLICT")
        assert rig.session(session.id).state is SessionState.COMPLETED
        assert len(catalogue.state.datasets) == 1


def test_a_pid_of_ours_that_is_not_liked_is_told_with_what_to_set(tmp_path: Path, recorder: Recorder) -> None:
    with served(tmp_path, recorder, pid_mode="client", pid_prefix="forbidden") as (catalogue, rig):
        session = rig.completed_session(FILES)
        outcome = rig.ingest(session.id)
        (problem,) = complaints(outcome.problems)
        assert (outcome.ending, outcome.status) == (Ending.PARK, 400)
        assert (problem.field, problem.setting) == ("pid", "catalogue.pid_prefix")
        assert problem.said == "PID is not following required standards"
        assert "catalogue.pid_mode" in problem.remedy
        assert rig.steps.is_in_doubt(session.id) is False
        assert not catalogue.state.datasets
