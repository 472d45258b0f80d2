"""The files of a session: which they are, that they held still, and how their list is cut."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beamsession.catalogue.blocks import BlockCutter, block_document
from beamsession.catalogue.checksum import checksum
from beamsession.catalogue.manifest import ListedFile, list_files
from beamsession.catalogue.target import BlockLimits, ChecksumAlgorithm
from beamsession.model.errors import RefusedError

FILES = st.lists(
    st.builds(
        ListedFile,
        path=st.text(alphabet="abcθ/_", min_size=1, max_size=12),
        size=st.integers(0, 1000),
        mtime_ns=st.integers(0, 2 * 10**18),
    ),
    max_size=40,
    unique_by=lambda file: file.path,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "session"
    (folder / "added").mkdir(parents=True)
    (folder / "run_0001.nxs").write_bytes(b"master")
    (folder / "added" / "2θ.txt").write_bytes(b"notes")
    return folder


def test_locks_half_written_files_and_later_events_are_no_data(folder: Path) -> None:
    hidden = (".run_0001_eiger.h5.lock", ".run_0001.nxs.new", ".session.json.12.tmp", ".collected.json")
    for name in (*hidden, ".all.zip.B1-job-7.part", ".nfs00000000012a3b4c00000001", "later_events.jsonl"):
        (folder / name).write_text("")
    assert [(file.path, file.size) for file in listed(folder)] == [("added/2θ.txt", 5), ("run_0001.nxs", 6)]


def test_hidden_files_and_folders_that_are_not_ours_are_data(folder: Path) -> None:
    (folder / ".hidden").mkdir()
    for name in (".hidden/file", ".mask.json", "added/later_events.jsonl"):
        (folder / name).write_text("")
    paths = [file.path for file in listed(folder)]
    assert paths == [".hidden/file", ".mask.json", "added/2θ.txt", "added/later_events.jsonl", "run_0001.nxs"]


def test_what_is_expected_is_listed_whatever_its_name(folder: Path) -> None:
    (folder / ".mine.tmp").write_text("")
    assert ".mine.tmp" in [file.path for file in list_files(folder, (folder / ".mine.tmp",))]


def test_links_out_of_the_folder_and_pipes_are_left_out_and_named(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "pipe")
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "inside").symlink_to(folder / "run_0001.nxs")
    (folder / "nowhere").symlink_to(folder / "gone")
    (folder / "again").symlink_to(folder / "added")
    skipped: list[str] = []
    files = list(list_files(folder, skip=skipped.append))
    assert sorted(skipped) == ["again", "link", "nowhere", "pipe"]
    assert "inside" in [file.path for file in files]


def test_a_file_that_belongs_to_the_session_and_lies_outside_is_refused(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("")
    with pytest.raises(RefusedError) as caught:
        list(list_files(folder, (outside,)))
    assert caught.value.code == "FILE_OUTSIDE"


def test_a_name_that_is_not_utf8_is_refused_by_name(folder: Path) -> None:
    (folder / os.fsdecode(b"bad\xff")).write_bytes(b"")
    with pytest.raises(RefusedError) as caught:
        list(list_files(folder))
    assert caught.value.code == "BAD_FILE_NAME"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        list(list_files(tmp_path / "gone"))
    assert caught.value.code == "FOLDER_MISSING"


def test_what_is_left_out_is_not_listed_and_links_to_it_are_not_either(folder: Path) -> None:
    (folder / "moved" / "000003").mkdir(parents=True)
    (folder / "moved" / "000003" / "run_0001.nxs").write_bytes(b"stale")
    (folder / "run_0002.nxs").write_bytes(b"disabled")
    (folder / "shortcut").symlink_to(folder / "run_0002.nxs")
    left_out = (folder / "moved", folder / "run_0002.nxs", folder / "never.there")
    assert [file.path for file in listed(folder, left_out)] == ["added/2θ.txt", "run_0001.nxs"]


def test_what_is_left_out_is_known_by_any_name_of_its_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(folder)
    assert [file.path for file in listed(tmp_path / "alias", (folder.resolve() / "run_0001.nxs",))] == ["added/2θ.txt"]


@pytest.mark.parametrize("algorithm", [ChecksumAlgorithm.SHA256, ChecksumAlgorithm.BLAKE2B, ChecksumAlgorithm.MD5])
def test_a_checksum_is_that_of_the_content(tmp_path: Path, algorithm: ChecksumAlgorithm) -> None:
    content = os.urandom(9_000_001)
    (tmp_path / "data").write_bytes(content)
    (file,) = list_files(tmp_path)
    chunks: list[int] = []
    digest = checksum(tmp_path, file, algorithm, lambda count: chunks.append(count))
    assert digest == hashlib.new(algorithm.value, content).hexdigest()
    assert (len(chunks), sum(chunks)) == (3, len(content))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"x" * 9_000_000)
    (file,) = list_files(tmp_path)

    def write(count: int) -> None:
        with path.open("ab") as stream:
            stream.write(b"more")

    with pytest.raises(RefusedError) as caught:
        checksum(tmp_path, file, ChecksumAlgorithm.SHA256, write)
    assert caught.value.code == "FILE_CHANGED"


@settings(max_examples=50, deadline=None)
@given(files=FILES, limit=st.integers(1, 7), data=st.integers(1, 2000), text=st.integers(1000, 3000))
def test_blocks_hold_every_file_once_within_the_limits_and_always_the_same(
    files: list[ListedFile], limit: int, data: int, text: int
) -> None:
    limits = BlockLimits(files=limit, data_bytes=data, json_bytes=text)
    checked = [replace(file, checksum="0" * 64) for file in files]
    blocks = cut(checked, limits)
    assert [file for block in blocks for file in block] == sorted(checked, key=lambda file: file.path)
    for block in blocks:
        assert 1 <= len(block) <= limit
        assert len(block) == 1 or sum(file.size for file in block) <= data
        body = json.dumps(block_document("p" * 100, block, ChecksumAlgorithm.SHA256), separators=(",", ":"))
        assert len(block) == 1 or len(body) <= text
    for block, later in pairwise(blocks):
        joined = [*block, later[0]]
        size = len(json.dumps(block_document("", joined, ChecksumAlgorithm.SHA256)))
        assert len(joined) > limit or sum(file.size for file in joined) > data or size + 500 > text


def cut(files: list[ListedFile], limits: BlockLimits) -> list[list[ListedFile]]:
    cutter = BlockCutter(limits, ChecksumAlgorithm.SHA256)
    numbered = [(cutter.block_of(file.path, file.size), file) for file in sorted(files, key=lambda file: file.path)]
    assert cutter.count == len({number for number, _ in numbered})
    assert [number for number, _ in numbered] == sorted(number for number, _ in numbered)
    return [[file for own, file in numbered if own == number] for number in range(cutter.count)]


def listed(folder: Path, left_out: Sequence[Path] = ()) -> list[ListedFile]:
    return sorted(list_files(folder, left_out=left_out), key=lambda file: file.path)
