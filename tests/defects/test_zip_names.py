"""ZIP archives: every file once, under a name of its own, and never half an archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from beamsession.archive.zip_file import ZipReport, write_zip
from beamsession.model.errors import RefusedError
from beamsession.model.plan import FileRules


def put(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def zipped(target: Path, root: Path, *paths: Path, keep_folders: bool = True) -> ZipReport:
    return write_zip(target, root, paths, keep_folders=keep_folders, rules=FileRules(), mark="job-1")


def entries(target: Path) -> dict[str, bytes]:
    """Name and content of every file in the archive."""
    with zipfile.ZipFile(target) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def test_two_files_of_one_name_are_both_in_the_archive(tmp_path: Path) -> None:
    """Elsewhere the second one was an error that left a truncated archive behind."""
    root = tmp_path / "session"
    paths = [put(root / "a" / "log.txt", "first"), put(root / "b" / "log.txt", "second")]
    report = zipped(tmp_path / "out.zip", root, *paths, keep_folders=False)
    assert sorted(entries(tmp_path / "out.zip").values()) == [b"first", b"second"]
    assert [path for path, _ in report.renamed] == [str(paths[1])]


def test_an_archive_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """Elsewhere half an archive stood in the place of the old one."""
    root = tmp_path / "session"
    root.mkdir()
    target = put(tmp_path / "out.zip", "the old one")
    with pytest.raises(RefusedError):
        zipped(target, root, root / "missing.h5")
    assert target.read_text() == "the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.zip", "session"]


def test_hidden_files_are_in_the_archive(tmp_path: Path) -> None:
    """Elsewhere they were dropped without a word."""
    root = tmp_path / "session"
    put(root / "added" / ".settings", "hidden")
    zipped(tmp_path / "out.zip", root, root / "added")
    assert entries(tmp_path / "out.zip")["added/.settings"] == b"hidden"


def test_a_folder_whose_name_only_begins_like_the_root_is_outside(tmp_path: Path) -> None:
    """Elsewhere the file /x/database/z of the root /x/data got an absolute name."""
    root, outside = tmp_path / "data", put(tmp_path / "database" / "z", "outside")
    inside = put(root / "a" / "y", "inside")
    zipped(tmp_path / "out.zip", root, inside, outside)
    assert entries(tmp_path / "out.zip") == {"a/y": b"inside", "z": b"outside"}
