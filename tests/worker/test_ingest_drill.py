"""Each fault at each request, for each kind of account and both generations: in the catalogue once, or parked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

import pytest

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.pid import session_pid
from beamsession.catalogue.target import BlockLimits, CatalogueTarget, Unit
from beamsession.model.session import Session
from beamsession.model.states import SessionState
from beamsession.record.recorder import Recorder
from beamsession.servers.worker.outcome import Ending, Outcome
from beamsim.scicat import Catalogue, FaultKind, running_catalogue
from ingest_drill import BLOCK, DRILLS, EVERY_TIME, LATE_S, PASSING, Drill, at_random, drill_site, judge
from steps_rig import StepsRig, steps_rig
from verb_desk import open_recorder

FILES = {"run_0001.nxs": b"master", "run_0001_eiger.h5": b"x" * 3000, "notes.txt": b"two theta"}
IDS = [drill.name for drill in DRILLS]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with open_recorder(tmp_path_factory.mktemp("recorder")) as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: what is tested has no need of a disk."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as name:
        yield Path(name)


@contextmanager
def drilled(
    drill: Drill, folder: Path, recorder: Recorder, unit: Unit = Unit.SESSION
) -> Iterator[tuple[Catalogue, StepsRig]]:
    """The catalogue of that drill, and sessions on their way there."""
    secret = folder / "secret"
    secret.write_text(drill.account)
    with running_catalogue(drill.profile, drill_site()) as catalogue:
        target = CatalogueTarget(
            url=catalogue.url,
            username=drill.account,
            password_file=secret,
            ingestor_group="ingestor" if drill.options else "",
            owner_group_without_proposal="visitors",
            contact_email="beamline@your.site",
            pid_prefix="drill",
            unit=unit,
            blocks=BlockLimits(files=2),
            settle_s=2 * LATE_S,
        )
        with steps_rig(folder / "rig", recorder, target) as rig:
            yield catalogue, rig


@pytest.mark.parametrize("turn", range(len(DRILLS)), ids=IDS)
def test_each_fault_at_each_request_leaves_each_file_in_the_catalogue_once(
    turn: int, folder: Path, recorder: Recorder
) -> None:
    """The faults are dealt out to the drills, one for each request; the benchmark has each alone, for each drill."""
    drill, sessions = DRILLS[turn], list[Session]()
    with drilled(drill, folder, recorder) as (catalogue, rig):
        for first in range(turn, len(PASSING), len(DRILLS)):
            session = rig.completed_session(FILES)
            catalogue.backend.tokens.forget_all()
            faults = [
                replace(PASSING[(first + 5 * place) % len(PASSING)], route=route)
                for place, route in enumerate(EVERY_TIME)
            ]
            catalogue.faults.add(*faults)
            outcome = rig.ingest(session.id)
            assert not catalogue.faults.pending()
            if drill.is_blind and outcome.ending is Ending.PARK:
                assert outcome.code == "CATALOGUE_BLIND", (faults, outcome)
            else:
                assert outcome.ending is Ending.DONE, (faults, outcome)
            sessions.append(rig.session(session.id))
        verdict = judge(catalogue, rig.desk.instrument.data_root, sessions)
    assert verdict.is_exact, verdict
    if not drill.is_blind:
        assert {session.state for session in sessions} == {SessionState.ARCHIVED}


def test_a_run_at_a_time_each_file_is_there_once_in_its_dataset(folder: Path, recorder: Recorder) -> None:
    runs = tuple(f"run_{number:04d}.nxs" for number in range(1, 4))
    files = {name: name.encode() for name in (*runs, "a.txt", "b.txt", "c.txt")}
    dice = at_random(20261121, EVERY_TIME)
    with drilled(DRILLS[0], folder, recorder, Unit.RUN) as (catalogue, rig):
        sessions: list[Session] = []
        for _ in range(2):
            session = rig.completed_session(files, runs)
            catalogue.faults.add(*(replace(next(dice), kind=FaultKind.CUT_AFTER, nth=nth) for nth in (1, 2, 4)))
            assert rig.ingest(session.id).ending is Ending.DONE
            sessions.append(rig.session(session.id))
        verdict = judge(catalogue, rig.desk.instrument.data_root, sessions)
    assert verdict.is_exact, verdict
    assert verdict.datasets == len(sessions) * (len(runs) + 1)


@pytest.mark.parametrize("is_blind", [False, True], ids=["", "blind"])
def test_a_foreign_dataset_under_our_pid_gets_none_of_our_files_however_often_it_is_tried(
    folder: Path, recorder: Recorder, is_blind: bool
) -> None:
    drill = next(drill for drill in DRILLS if drill.account == "ingestor" and drill.is_blind == is_blind)
    with drilled(drill, folder, recorder) as (catalogue, rig):
        session = rig.completed_session(FILES)
        pid = session_pid(rig.target, instrument=rig.desk.instrument.name, session_id=session.id)
        foreign = {
            "pid": pid,
            "type": "raw",
            "owner": "somebody",
            "contactEmail": "a@your.site",
            "ownerGroup": "visitors",
            "accessGroups": ["ingestor"] if drill.options else [],
            "sourceFolder": "/elsewhere",
            "creationTime": "2026-11-21T10:00:00.000Z",
            "datasetName": "not ours",
        }
        rig.client.create_dataset(foreign)
        for _ in range(3):
            outcome = rig.ingest(session.id)
            assert outcome.ending is Ending.PARK
            assert outcome.code == ("CATALOGUE_BLIND" if is_blind else "CATALOGUE_CONFLICT")
            assert pid in outcome.text
        assert not catalogue.state.blocks


def test_two_workers_at_one_session_at_once_store_each_thing_once(folder: Path, recorder: Recorder) -> None:
    """Each has a client, and threads of its own: nothing but the lock is between them."""
    files = {f"file_{number}": b"x" * number for number in range(24)}
    for profile in ("4.27", "5.2"):
        place = folder / profile
        place.mkdir()
        drill = next(drill for drill in DRILLS if drill.profile == profile)
        with drilled(drill, place, recorder) as (catalogue, rig), CatalogueClient(rig.target) as another:
            session = rig.completed_session(files)
            together = Barrier(2)

            def ingest(
                client: CatalogueClient, rig: StepsRig = rig, together: Barrier = together, number: int = session.id
            ) -> Outcome:
                steps = rig.steps_with(client, rig.folder)
                together.wait(20)
                return rig.ingest(number, steps)

            with ThreadPoolExecutor(2) as pool:
                outcomes = list(pool.map(ingest, (rig.client, another)))
            assert Ending.DONE in {outcome.ending for outcome in outcomes}
            assert {outcome.ending for outcome in outcomes} <= {Ending.DONE, Ending.DROP}
            verdict = judge(catalogue, rig.desk.instrument.data_root, [rig.session(session.id)])
            assert verdict.is_exact, verdict
            assert catalogue.requests.count(BLOCK) == len(catalogue.state.blocks)
