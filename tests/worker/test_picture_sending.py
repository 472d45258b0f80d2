"""Which pictures a dataset has, and that each is sent once, or left out with a word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.fault import CatalogueError, Nature
from beamsession.catalogue.target import CatalogueTarget, ChecksumAlgorithm
from beamsession.model.instrument import Instrument
from beamsession.model.plan import InstrumentFacts
from beamsession.model.run import Run, RunOrigin
from beamsession.model.session import Session
from beamsession.model.states import RunIntent, RunState, SessionState
from beamsession.servers.worker.ingest.attempt import SESSION_S_OWN, Attempt, Frozen, Parcel
from beamsession.servers.worker.ingest.attempt_writing import new_attempt
from beamsession.servers.worker.ingest.picture_sending import PictureSender
from beamsession.servers.worker.ingest.run_pictures import RunPicture, run_pictures, session_pictures
from beamsession.store import Reads
from beamsim.scicat import Catalogue, Fault, FaultKind, running_catalogue

START = datetime(2026, 11, 21, 8, tzinfo=UTC)
SESSION = Session(7, "B1", "n", "", SessionState.COMPLETED, "anna", "p1", "s7", START, START)
NO_READS = cast("Reads", None)
V4 = "POST /api/v4/attachments"


@pytest.fixture
def target(tmp_path: Path, catalogue: Catalogue) -> CatalogueTarget:
    password = tmp_path / "password"
    password.write_text("ingestor")
    password.chmod(0o600)
    return CatalogueTarget(
        url=catalogue.url, username="ingestor", password_file=password, contact_email="a@your.site", pid_prefix="x"
    )


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    with running_catalogue("5.2") as running:
        yield running


def run(number: int, state: RunState = RunState.COMPLETED, title: str = "") -> Run:
    return Run(number, 7, number, state, RunIntent.STOP, RunOrigin.RECORDED, START, START, title=title)


def looked_at(root: Path, number: int, summary: Any = None) -> Path:
    """The quick look of a run: its folder."""
    folder = root / "s7" / f"run_{number:04d}_quicklook"
    folder.mkdir(parents=True)
    Image.new("L", (8, 8), number).save(folder / f"run_{number:04d}_eiger.png")
    told = {"thumbnail": f"run_{number:04d}_eiger.png"} if summary is None else summary
    (folder / f"run_{number:04d}_quicklook.json").write_text(told if isinstance(told, str) else json.dumps(told))
    return folder


def captions(pictures: list[RunPicture]) -> list[str]:
    return [picture.caption for picture in pictures]


def test_a_session_shows_its_newest_complete_runs_and_a_run_itself(tmp_path: Path, target: CatalogueTarget) -> None:
    instrument = Instrument(facts=InstrumentFacts(name="B1"), data_root=tmp_path)
    states = {4: RunState.INCOMPLETE, 6: RunState.ABORTED}
    runs = [run(number, states.get(number, RunState.COMPLETED), "2θ" if number == 8 else "") for number in range(1, 11)]
    for number in range(1, 9):
        looked_at(tmp_path, number)
    looked_at(tmp_path, 9, {"thumbnail": "../../s7/run_0008_quicklook/run_0008_eiger.png"})
    looked_at(tmp_path, 10, "{half a fi")
    shown = session_pictures(NO_READS, instrument, target, SESSION, runs)
    assert captions(shown) == ["Run 8: 2θ", "Run 7", "Run 5", "Run 3", "Run 2"]
    assert captions(run_pictures(NO_READS, instrument, target, SESSION, runs[3])) == ["Run 4"]
    fewer = target.model_copy(update={"thumbnails": 1})
    assert captions(session_pictures(NO_READS, instrument, fewer, SESSION, runs)) == ["Run 8: 2θ"]
    none = target.model_copy(update={"thumbnails": 0})
    assert session_pictures(NO_READS, instrument, none, SESSION, runs) == []
    assert run_pictures(NO_READS, instrument, none, SESSION, runs[3]) == []


def parcel_with(folder: Path, client: CatalogueClient, pictures: list[RunPicture]) -> tuple[Attempt, Parcel]:
    """An attempt with a dataset that is in the catalogue, and these pictures to be sent."""
    document = {
        "pid": "x/1",
        "type": "raw",
        "owner": "anna",
        "contactEmail": "a@your.site",
        "ownerGroup": "p1",
        "accessGroups": ["ingestor"],
        "sourceFolder": "/data",
        "datasetName": "n",
        "isPublished": False,
        "creationTime": "2026-11-21T08:00:00.000Z",
    }
    client.create_dataset(document)
    attempt = Attempt(folder / "attempt")
    attachments = [picture.model_dump(mode="json") for picture in pictures]
    with new_attempt(attempt) as writer:
        writer.add_parcel(pid="x/1", run=SESSION_S_OWN, document=document, blocks=0, attachments=attachments)
        writer.add_header(Frozen(folder, ChecksumAlgorithm.NONE, START))
    return attempt, attempt.parcel(1)


def test_each_picture_is_sent_once_and_a_bad_one_is_told_of(
    tmp_path: Path, target: CatalogueTarget, catalogue: Catalogue
) -> None:
    good = looked_at(tmp_path, 1) / "run_0001_eiger.png"
    bad = tmp_path / "bad.png"
    bad.write_bytes(good.read_bytes()[:20])
    paths = {"gone": tmp_path / "gone.png", "bad": bad, "good": good, "folder": tmp_path}
    with CatalogueClient(target) as client:
        pictures = [RunPicture(caption=caption, path=path) for caption, path in paths.items()]
        attempt, parcel = parcel_with(tmp_path, client, pictures)
        remarks = PictureSender(client, target).send(attempt, parcel)
        assert all(str(paths[name]) in told for name, told in zip(("gone", "bad", "folder"), remarks, strict=True))
        assert PictureSender(client, target).send(attempt, parcel) == []
    assert [item["caption"] for item in catalogue.state.attachments.values()] == ["good"]
    assert catalogue.requests.count(V4) == 1


@pytest.mark.parametrize("kind", [FaultKind.FAIL_BEFORE, FaultKind.CUT_BEFORE, FaultKind.TOO_LARGE])
def test_a_picture_that_fails_three_times_is_left_out_and_the_next_one_sent(
    tmp_path: Path, target: CatalogueTarget, catalogue: Catalogue, kind: FaultKind
) -> None:
    path = looked_at(tmp_path, 1) / "run_0001_eiger.png"
    tries = 1 if kind is FaultKind.TOO_LARGE else 3
    catalogue.faults.add(Fault(kind, V4, times=tries, status=500))
    with CatalogueClient(target) as client:
        attempt, parcel = parcel_with(tmp_path, client, [RunPicture(caption=name, path=path) for name in ("a", "b")])
        for _ in range(tries - 1):
            with pytest.raises(CatalogueError) as caught:
                PictureSender(client, target).send(attempt, parcel)
            assert (caught.value.nature, caught.value.status) == (Nature.AMBIGUOUS, 0)
        (remark,) = PictureSender(client, target).send(attempt, parcel)
    assert "'a' is left out" in remark
    assert [item["caption"] for item in catalogue.state.attachments.values()] == ["b"]


def test_a_catalogue_that_is_down_is_waited_for(tmp_path: Path, target: CatalogueTarget, catalogue: Catalogue) -> None:
    path = looked_at(tmp_path, 1) / "run_0001_eiger.png"
    with CatalogueClient(target) as client:
        attempt, parcel = parcel_with(tmp_path, client, [RunPicture(caption="a", path=path)])
        catalogue.refuse()
        for _ in range(5):
            with pytest.raises(CatalogueError) as caught:
                PictureSender(client, target).send(attempt, parcel)
            assert caught.value.nature is Nature.TRANSIENT
        catalogue.restart()
        assert PictureSender(client, target).send(attempt, parcel) == []
    assert len(catalogue.state.attachments) == 1


def test_a_run_that_came_from_elsewhere_has_its_picture_there(tmp_path: Path, target: CatalogueTarget) -> None:
    class Elsewhere:
        def session(self, session_id: int) -> Session:
            assert session_id == 3
            return replace(SESSION, id=3, folder="s3")

    instrument = Instrument(facts=InstrumentFacts(name="B1"), data_root=tmp_path)
    looked_at(tmp_path, 2)
    (tmp_path / "s7").rename(tmp_path / "s3")
    moved = replace(run(5), recorded_in=3, recorded_as=2)
    shown = session_pictures(cast("Reads", Elsewhere()), instrument, target, SESSION, [moved])
    assert captions(shown) == ["Run 5"]
    assert shown[0].path.is_file()
