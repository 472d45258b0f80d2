"""What was made of the data is known as ours by its content, and replaces nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamsession.archive.derived_files import is_derived, place_quick_look
from beamsession.model.derived import QUICK_LOOK_MARK, copy_end
from beamsession.model.errors import ConflictError
from zip_case import RULES, only, put

OURS = b"\x89PNG " + QUICK_LOOK_MARK


def made(root: Path, **files: bytes) -> tuple[Path, list[str]]:
    for name, content in files.items():
        put(root.parent / "made" / name, OURS + content)
    return root.parent / "made", list(files)


def test_a_later_quick_look_replaces_the_earlier_one_whole(root: Path) -> None:
    folder = root / "s" / "run_0001_quicklook"
    place_quick_look(root, folder, *made(root, a=b"1", b=b"1"), RULES)
    paths = place_quick_look(root, folder, *made(root, b=b"2", c=b"2"), RULES)
    assert paths == (folder / "b", folder / "c")
    assert only(folder) == ["b", "c"]
    assert (folder / "b").read_bytes() == OURS + b"2"
    assert (folder / "b").stat().st_mode & 0o777 == RULES.file_mode


@pytest.mark.parametrize("is_link", [False, True], ids=["file", "link"])
def test_somebody_elses_file_stops_it_before_anything_is_changed(root: Path, is_link: bool) -> None:
    folder = root / "s" / "run_0001_quicklook"
    place_quick_look(root, folder, *made(root, a=b"1"), RULES)
    if is_link:
        put(root / "elsewhere", OURS)
        (folder / "b").symlink_to(root / "elsewhere")
    else:
        put(folder / "b", b"my notes")
    with pytest.raises(ConflictError) as caught:
        place_quick_look(root, folder, *made(root, a=b"2", b=b"2"), RULES)
    assert caught.value.code == "FILE_EXISTS"
    assert (folder / "a").read_bytes() == OURS + b"1"
    assert only(folder) == ["a", "b"]


def test_somebody_elses_file_beside_it_stays(root: Path) -> None:
    folder = root / "s" / "run_0001_quicklook"
    put(folder / "notes.txt", b"my notes")
    place_quick_look(root, folder, *made(root, a=b"1"), RULES)
    assert only(folder) == ["a", "notes.txt"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("run_0001_quicklook/run_0001_eiger.png", OURS, True),
        ("run_12345_quicklook/run_12345_quicklook.json", OURS, True),
        ("run_0001_quicklook/notes.png", b"PNG of mine", False),
        ("pictures/run_0001_eiger.png", OURS, False),
        ("run_0001_single.nxs", b"HDF" + copy_end("B1-job-7"), True),
        ("run_0001_single.nxs", b"HDF", False),
        ("run_0001_single.nxs", b"", False),
        ("run_0001_single.nxs", copy_end("B1-job-7") + b"\n", False),
        ("run_0001_mine.nxs", b"HDF" + copy_end("B1-job-7"), False),
        ("run_0001.nxs", b"HDF", False),
    ],
)
def test_only_what_is_ours_counts_as_made_of_the_data(root: Path, name: str, content: bytes, expected: bool) -> None:
    assert is_derived(put(root / name, content)) is expected
