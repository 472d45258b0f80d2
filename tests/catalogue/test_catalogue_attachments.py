"""Pictures become small enough, and are beside their dataset once, whoever sends them and whatever fails."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from beamsession.catalogue.attachments import Attachment, AttachmentDoor
from beamsession.catalogue.client import CatalogueClient
from beamsession.catalogue.fault import CatalogueError, Nature
from beamsession.catalogue.payload import dataset_document
from beamsession.catalogue.target import CatalogueTarget
from beamsession.catalogue.thumbnail import MAX_BYTES, MAX_SIDE, thumbnail_url
from beamsession.model.errors import RefusedError
from beamsim.scicat import Catalogue, Fault, FaultKind
from catalogue_case import Case

V3, V4 = "POST /api/v3/datasets/{pid}/attachments", "POST /api/v4/attachments"
RANDOM = np.random.default_rng(1)


@dataclass
class Marks:
    """Marks that live as long as the test."""

    is_marked: bool = False

    def mark(self) -> None:
        self.is_marked = True

    def unmark(self) -> None:
        self.is_marked = False


def saved(folder: Path, image: Image.Image, name: str = "look.png") -> Path:
    path = folder / name
    facts = PngImagePlugin.PngInfo()
    facts.add_text("Secret", "of the beamline")
    image.save(path, pnginfo=facts)
    return path


def decoded(url: str) -> tuple[Image.Image, bytes]:
    head, _, text = url.partition(",")
    content = base64.b64decode(text)
    image = Image.open(io.BytesIO(content))
    image.load()
    assert head == f"data:image/{(image.format or '').lower()};base64"
    return image, content


@pytest.mark.parametrize(
    ("pixels", "kind", "size"),
    [
        (RANDOM.integers(0, 255, (40, 60), np.uint8), "PNG", (60, 40)),
        (RANDOM.integers(0, 255, (700, 1400), np.uint8), "PNG", (512, 256)),
        (RANDOM.integers(0, 255, (900, 900, 3), np.uint8), "JPEG", (512, 512)),
        (RANDOM.integers(0, 65535, (50, 50), np.uint16), "PNG", (50, 50)),
        (RANDOM.integers(0, 255, (50, 50, 4), np.uint8), "PNG", (50, 50)),
        (np.zeros((1, 1), np.uint8), "PNG", (1, 1)),
    ],
    ids=["small", "large", "colours", "16 bits", "transparent", "one pixel"],
)
def test_a_picture_is_made_small_and_nothing_but_a_picture(
    tmp_path: Path, pixels: np.ndarray, kind: str, size: tuple[int, int]
) -> None:
    path = saved(tmp_path, Image.fromarray(pixels))
    image, content = decoded(thumbnail_url(path))
    assert (image.format, image.size) == (kind, size)
    assert max(image.size) <= MAX_SIDE
    assert len(content) <= MAX_BYTES
    assert b"Secret" not in content
    assert thumbnail_url(path) == thumbnail_url(path)


def test_sixteen_bits_keep_their_contrast(tmp_path: Path) -> None:
    image, _ = decoded(thumbnail_url(saved(tmp_path, Image.fromarray(np.array([[1000, 2000]], np.uint16)))))
    assert image.getextrema() == (0, 255)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "look.png"
    path.write_bytes(content)
    with pytest.raises(RefusedError) as caught:
        thumbnail_url(path)
    assert caught.value.code == "BAD_PICTURE"


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("1", (9000, 9000)))
    with pytest.raises(RefusedError, match="9000 x 9000"):
        thumbnail_url(path)


@pytest.fixture
def attachment(client: CatalogueClient, target: CatalogueTarget, case: Case, tmp_path: Path) -> Attachment:
    """A picture of a dataset that is in the catalogue."""
    document = dataset_document(case.session, case.runs, instrument=case.instrument, target=target)
    pid = client.create_dataset(document)
    url = thumbnail_url(saved(tmp_path, Image.fromarray(np.zeros((4, 4), np.uint8))))
    return Attachment(pid, "Run 1: first", url, document["ownerGroup"], tuple(document["accessGroups"]))


@pytest.fixture(params=["ingestor", "admin"])
def sender(request: pytest.FixtureRequest, target: CatalogueTarget, tmp_path: Path) -> Iterator[CatalogueClient]:
    """The privileged account, and an administrator's."""
    password = tmp_path / f"{request.param}.password"
    password.write_text(request.param)
    password.chmod(0o600)
    changed = target.model_copy(update={"username": request.param, "password_file": password})
    with CatalogueClient(changed) as client:
        yield client


@pytest.mark.parametrize("api", ["auto", "v3"])
def test_each_account_stores_a_picture_once_however_often_it_is_sent(
    sender: CatalogueClient, target: CatalogueTarget, catalogue: Catalogue, attachment: Attachment, api: str
) -> None:
    marks = Marks()
    for _ in range(2):
        door = AttachmentDoor(sender, target.model_copy(update={"attachments": api}))
        assert door.store(attachment, marks) == ""
    (stored,) = catalogue.state.attachments.values()
    assert (stored["caption"], stored["ownerGroup"], stored["thumbnail"]) == ("Run 1: first", "p12345", attachment.url)
    assert (stored["accessGroups"], stored["isPublished"]) == (["ingestor"], False)
    assert [relation["targetId"] for relation in stored["relationships"]] == [attachment.pid]
    shown = sender.read(f"/api/v3/datasets/{attachment.pid.replace('/', '%2F')}/thumbnail")
    assert shown == {"thumbnail": attachment.url}


def tried(door: AttachmentDoor, attachment: Attachment, marks: Marks) -> Nature | None:
    """The nature of what went wrong."""
    try:
        assert door.store(attachment, marks) == ""
    except CatalogueError as fault:
        return fault.nature
    return None


@pytest.mark.parametrize(
    "kind",
    [FaultKind.FAIL_BEFORE, FaultKind.FAIL_AFTER, FaultKind.CUT_BEFORE, FaultKind.CUT_AFTER, FaultKind.WRONG_JSON],
)
@pytest.mark.parametrize("api", ["auto", "v3"])
def test_after_any_fault_there_is_one_picture(
    client: CatalogueClient,
    target: CatalogueTarget,
    catalogue: Catalogue,
    attachment: Attachment,
    kind: FaultKind,
    api: str,
) -> None:
    door, marks = AttachmentDoor(client, target.model_copy(update={"attachments": api})), Marks()
    route = V4 if api == "auto" and catalogue.backend.modern else V3
    catalogue.faults.add(Fault(kind, route, status=500))
    natures = [nature for _ in range(3) if (nature := tried(door, attachment, marks)) is not None]
    assert set(natures) <= {Nature.AMBIGUOUS}
    assert len(natures) <= 1
    assert len(catalogue.state.attachments) == 1
    assert catalogue.faults.pending() == []


def test_where_nobody_may_look_a_picture_in_doubt_is_not_sent_again(
    client: CatalogueClient, target: CatalogueTarget, catalogue: Catalogue, attachment: Attachment
) -> None:
    catalogue.state.datasets[attachment.pid]["accessGroups"] = []
    door, marks = AttachmentDoor(client, target.model_copy(update={"attachments": "v3"})), Marks()
    catalogue.faults.add(Fault(FaultKind.CUT_AFTER, V3))
    with pytest.raises(CatalogueError):
        door.store(attachment, marks)
    assert "may or may not" in door.store(attachment, marks)
    assert len(catalogue.state.attachments) == 1
    assert door.store(Attachment(attachment.pid, "Run 2", attachment.url, "p12345"), Marks()) == ""
    assert len(catalogue.state.attachments) == 2


def test_a_refusal_leaves_no_doubt(client: CatalogueClient, target: CatalogueTarget, attachment: Attachment) -> None:
    door, marks = AttachmentDoor(client, target), Marks()
    with pytest.raises(CatalogueError) as caught:
        door.store(Attachment(attachment.pid, "x", attachment.url, owner_group=None), marks)  # type: ignore[arg-type]
    assert caught.value.nature is Nature.PERMANENT
    assert not marks.is_marked
