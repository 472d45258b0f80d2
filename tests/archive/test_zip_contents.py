"""What is in a ZIP of a session: every file once, under a name that is harmless wherever it is unpacked."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamsession.archive.zip_file import ZipReport
from beamsession.archive.zip_names import EntryNames, harmless
from zip_case import OLD, entries, put, zipped


def test_a_session_folder_comes_whole_with_hidden_files_and_empty_folders(root: Path, target: Path) -> None:
    put(root / "run_0001.nxs", "master")
    put(root / "added" / "deep" / "Łukasz 2θ.txt", "θ")
    put(root / ".hidden", "h")
    (root / "empty").mkdir()
    report = zipped(target, root, root)
    assert entries(target) == {
        ".hidden": b"h",
        "run_0001.nxs": b"master",
        "added/deep/Łukasz 2θ.txt": "θ".encode(),
        "empty/": b"",
    }
    assert report == ZipReport(files=3, size=9)


def test_only_what_truly_lies_under_the_root_keeps_its_folders(root: Path, target: Path) -> None:
    inside = put(root / "sub" / "a.dat", "a")
    beside = put(root.parent / "database" / "z.dat", "z")
    put(root.parent / "calibration" / "deep" / "c.dat", "c")
    zipped(target, root, inside, beside, root.parent / "calibration")
    assert set(entries(target)) == {"sub/a.dat", "z.dat", "calibration/deep/c.dat"}


def test_without_folders_files_go_to_the_top_and_a_folder_keeps_what_is_in_it(root: Path, target: Path) -> None:
    a = put(root / "sub" / "a.dat", "a")
    put(root / "scans" / "first" / "b.dat", "b")
    zipped(target, root, a, root / "scans", keep_folders=False)
    assert set(entries(target)) == {"a.dat", "scans/first/b.dat"}


def test_the_order_is_the_one_given_and_each_file_is_there_once(root: Path, target: Path) -> None:
    for name in ("b", "a", "sub/c"):
        put(root / name, name)
    (root.parent / "other_way").symlink_to(root)
    report = zipped(target, root, root / "b", root.parent / "other_way" / "sub" / ".." / "b", root, root / "sub" / "c")
    assert list(entries(target)) == ["b", "a", "sub/c"]
    assert (report.files, report.renamed) == (3, ())


def test_of_equal_names_the_later_gets_a_number_and_is_reported(root: Path, target: Path) -> None:
    paths = [put(root / place / name, place) for place, name in (("1", "a.txt"), ("2", "A.TXT"), ("3", "a.txt"))]
    taken = put(root / "4" / "a_2.txt", "4")
    accents = [put(root / place / name, place) for place, name in (("5", "\u00e9"), ("6", "e\u0301"))]
    report = zipped(target, root, *paths, taken, *accents, keep_folders=False)
    assert entries(target) == {
        "a.txt": b"1",
        "A_2.TXT": b"2",
        "a_3.txt": b"3",
        "a_2_2.txt": b"4",
        "\u00e9": b"5",
        "e\u0301_2": b"6",
    }
    assert report.renamed[:2] == ((str(paths[1]), "A_2.TXT"), (str(paths[2]), "a_3.txt"))
    assert len(report.renamed) == 4


def test_a_folder_of_a_taken_name_is_renamed_as_a_whole_so_that_links_inside_still_hold(
    root: Path, target: Path
) -> None:
    for place in ("one", "two"):
        put(root.parent / place / "scan" / "run_0001.nxs", place)
        put(root.parent / place / "scan" / "run_0001_eiger.h5", place)
    one, two = (root.parent / place / "scan" for place in ("one", "two"))
    report = zipped(target, root, one, two, put(root / "scan", "a file"))
    assert entries(target) == {
        "scan/run_0001.nxs": b"one",
        "scan/run_0001_eiger.h5": b"one",
        "scan_2/run_0001.nxs": b"two",
        "scan_2/run_0001_eiger.h5": b"two",
        "scan_3": b"a file",
    }
    assert report.renamed == ((str(two), "scan_2/"), (str(root / "scan"), "scan_3"))


@pytest.mark.parametrize("keep_folders", [True, False])
def test_files_that_lie_elsewhere_as_guests_stay_together_under_their_own_names(
    root: Path, target: Path, keep_folders: bool
) -> None:
    own = [put(root / name, "own") for name in ("run_0001.nxs", "run_0001_camera.h5")]
    other = root.parent / "other"
    guests = [put(other / name, "guest") for name in ("run_0001.nxs", "run_0001_camera.h5", "in/side.h5")]
    third = put(root.parent / "third" / "run_0001.nxs", "third")
    places = {other: "moved/000007", root.parent / "third": "moved/000009"}
    report = zipped(target, root, *own, *guests, third, keep_folders=keep_folders, guests=places)
    assert report.renamed == ()
    assert {name: content.decode() for name, content in entries(target).items()} == {
        "run_0001.nxs": "own",
        "run_0001_camera.h5": "own",
        "moved/000007/run_0001.nxs": "guest",
        "moved/000007/run_0001_camera.h5": "guest",
        "moved/000007/in/side.h5": "guest",
        "moved/000009/run_0001.nxs": "third",
    }


def test_names_that_are_no_utf8_or_dangerous_elsewhere_are_made_harmless(root: Path, target: Path) -> None:
    for name in (b"caf\xe9.txt", b"..\\evil", b"two\nlines", b"C:auto"):
        put(root / os.fsdecode(name))
    report = zipped(target, root, root)
    assert set(entries(target)) == {"caf%E9.txt", "..%5Cevil", "two%0Alines", "C%3Aauto"}
    assert len(report.renamed) == 4
    assert (f"{root}/caf%E9.txt", "caf%E9.txt") in report.renamed


def test_our_locks_and_half_written_files_are_no_data_and_look_alikes_are(root: Path, target: Path) -> None:
    ours = (
        *(".run_0001_eiger.h5.lock", ".run_0001_readings.h5.lock", ".run_0001.nxs.new"),
        *(".session.json.4711.tmp", ".copy.dat.tmp", ".other.zip.job-7.part"),
    )
    theirs = ("run_0001_eiger.h5", "notes.tmp", "half.part", ".~lock.table.ods#", ".mine.lock", ".mine.new")
    for name in (*ours, *theirs):
        put(root / name)
    zipped(target, root, root)
    assert set(entries(target)) == set(theirs)
    zipped(target, root, root, root / ".copy.dat.tmp")
    assert set(entries(target)) == {*theirs, ".copy.dat.tmp"}, "what is listed by its name is data"


def test_links_give_content_once_and_never_lead_out(root: Path, target: Path) -> None:
    put(root / "deep" / "run.h5", "data")
    (root / "a_link").symlink_to(root / "deep" / "run.h5")
    put(root.parent / "secret", "s")
    for name, aim in (("out", "../secret"), ("gone", "nowhere"), ("loop", "loop"), ("again", "."), ("device", "/dev")):
        (root / name).symlink_to(aim)
    report = zipped(target, root, root)
    assert entries(target) == {"deep/run.h5": b"data"}
    assert report.renamed == ((str(root / "a_link"), "deep/run.h5"),)
    assert set(report.skipped) == {str(root / name) for name in ("out", "gone", "loop", "again", "device")}


def test_a_link_to_a_file_that_is_not_listed_brings_its_content(root: Path, target: Path) -> None:
    put(root / "kept" / "run.h5", "data")
    (root / "listed").mkdir()
    (root / "listed" / "latest.h5").symlink_to("../kept/run.h5")
    zipped(target, root, root / "listed")
    assert entries(target) == {"listed/latest.h5": b"data"}


def test_a_pipe_is_left_out_and_not_waited_for(root: Path, target: Path) -> None:
    put(root / "a")
    os.mkfifo(root / "pipe")
    report = zipped(target, root, root, root / "pipe")
    assert set(entries(target)) == {"a"}
    assert set(report.skipped) == {str(root / "pipe")}


def test_files_that_are_not_there_are_named_and_the_rest_is_written(root: Path, target: Path) -> None:
    here, gone = put(root / "here"), root / "gone"
    assert zipped(target, root, gone, here, here / "below").missing == (str(gone), str(here / "below"))
    assert set(entries(target)) == {"here"}


def test_the_archive_is_never_in_itself(root: Path) -> None:
    put(root / "a")
    target = put(root / "exports" / "all.zip", OLD)
    (root / "link").symlink_to(target)
    zipped(target, root, root, target)
    assert set(entries(target)) == {"a", "exports/"}


file_names = st.binary(min_size=1, max_size=30).map(lambda raw: raw.replace(b"/", b"").replace(b"\0", b"")).filter(
    lambda raw: raw not in (b"", b".", b"..")
) | st.sampled_from([b"a.txt", b"A.txt", b"a_2.txt", b"..\\x", b"C:x", "ß".encode(), b"ss", b"\xff", b"%FF", b"..."])


@given(st.lists(file_names, min_size=1, max_size=12))
def test_whatever_files_are_called_all_come_back_under_safe_and_distinct_names(names: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "data"
        paths = [put(root / str(number) / os.fsdecode(name), name) for number, name in enumerate(names)]
        for keep_folders in (True, False):
            target = Path(place) / "x.zip"
            report = zipped(target, root, *paths, keep_folders=keep_folders)
            found = entries(target)
            assert sorted(found.values()) == sorted(names)
            assert len({name.casefold() for name in found}) == len(names)
            for name in found:
                name.encode()
                parts = name.split("/")
                assert not set(name) & set("\\\n\0")
                assert "" not in parts
                assert ".." not in parts
                assert name[1:2] != ":"
            own = {path.relative_to(root).as_posix() if keep_folders else path.name for path in paths}
            assert set(found) - own <= {name for _, name in report.renamed} <= set(found)


@given(st.lists(st.text(max_size=6), max_size=30), st.sampled_from(["", "folder/"]))
def test_no_two_claims_get_one_name(names: list[str], folder: str) -> None:
    claimed = EntryNames()
    given_out = [claimed.claim(folder, name) for name in names]
    assert len({name.casefold() for name in given_out}) == len(names)
    assert all(name.startswith(folder) and "/" not in name.removeprefix(folder) for name in given_out)


@given(st.text())
def test_a_harmless_name_stays_as_it_is(name: str) -> None:
    assert harmless(harmless(name)) == harmless(name)
    assert harmless(name) not in ("", ".", "..")
