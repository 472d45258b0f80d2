"""The disk as the recorder sees it: facts and folders."""

from __future__ import annotations

import grp
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from beamsession.model.clock import utc_now
from beamsession.model.errors import RefusedError, UnavailableError
from beamsession.model.plan import FileRules, InstrumentFacts, RunKey, RunPlan, SessionFacts
from beamsession.record.deadline import DiskHand
from beamsession.record.disk import disk_facts, disk_problems
from beamsession.record.folders import file_facts, make_folder


def test_facts_of_a_folder_that_will_be_are_those_of_its_nearest_parent(tmp_path: Path) -> None:
    facts = disk_facts(tmp_path / "2026" / "p1" / "000001_x")
    assert facts.writable
    assert 0 < facts.free <= facts.total
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_found_by_writing() -> None:
    facts = disk_facts(Path("/proc/1/nowhere"))
    assert not facts.writable
    assert "/proc/1 cannot be written" in facts.problem


def test_a_full_disk_is_told_in_units_that_fit_with_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = disk_facts(tmp_path)
    plan = RunPlan(
        key=RunKey(instrument="i", session_id=1, run_number=1),
        data_root=tmp_path,
        folder=tmp_path,
        session=SessionFacts(id=1, name="s", start=utc_now()),
        instrument=InstrumentFacts(name="i"),
        min_free_bytes=10 << 20,
    )
    full = {"free": 4096, "writable": False, "problem": f"{tmp_path} cannot be written (No space left on device)."}
    monkeypatch.setattr("beamsession.record.disk.disk_facts", lambda _: facts.model_copy(update=full))
    found = [(problem.code, problem.sentence, problem.remedy) for problem in disk_problems(plan)]
    assert found == [
        ("ROOT_NOT_WRITABLE", full["problem"], "Free some space."),
        (
            "DISK_FULL",
            f"Only 4 KiB are free below {tmp_path}: below 10 MiB no run starts (data.min_free_gib).",
            "Free some space.",
        ),
    ]
    monkeypatch.undo()
    (problem,) = disk_problems(plan.model_copy(update={"min_free_bytes": 1 << 62}))
    assert problem.remedy == "Free some space, or lower data.min_free_gib."


def test_made_folders_have_the_mode_and_group_of_the_rules_whatever_the_umask(tmp_path: Path) -> None:
    group = grp.getgrgid(os.getgid()).gr_name
    before = os.umask(0o077)
    try:
        made = make_folder(tmp_path, tmp_path / "2026" / "p1", FileRules(folder_mode=0o2770, group=group))
    finally:
        os.umask(before)
    assert made == [tmp_path / "2026", tmp_path / "2026" / "p1"]
    for folder in made:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o2770
        assert folder.stat().st_gid == os.getgid()


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir(mode=0o700)
    make_folder(tmp_path, tmp_path / "2026" / "p1", FileRules(folder_mode=0o2750))
    assert stat.S_IMODE((tmp_path / "2026").stat().st_mode) == 0o700


@pytest.mark.parametrize("where", ["../beside", ".", "link/inside"])
def test_no_folder_is_made_outside_the_data_root(tmp_path: Path, where: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError) as refusal:
        make_folder(root, root / where, FileRules())
    assert refusal.value.code == "OUTSIDE_ROOT"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_missing_data_root_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refusal:
        make_folder(tmp_path / "unmounted", tmp_path / "unmounted" / "x", FileRules())
    assert refusal.value.code == "ROOT_MISSING"
    assert not (tmp_path / "unmounted").exists()


def test_an_unknown_group_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refusal:
        make_folder(tmp_path, tmp_path / "x", FileRules(group="no-such-group"))
    assert refusal.value.code == "GROUP_REFUSED"
    assert refusal.value.value == "no-such-group"


def test_facts_of_a_path_follow_links(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    facts = file_facts(tmp_path / "link")
    assert (facts.path, facts.exists, facts.size, facts.is_folder) == (tmp_path / "file", True, 5, False)
    assert facts.modified is not None
    assert not file_facts(tmp_path / "file" / "below").exists


def test_a_disk_that_hangs_costs_its_deadline_and_no_more_threads_than_places() -> None:
    hand = DiskHand(places=2, patience_s=0.1)
    before = threading.active_count()
    let_go = threading.Event()
    begin = time.monotonic()
    for _ in range(5):
        with pytest.raises(UnavailableError) as refusal:
            hand.do("hang", lambda: let_go.wait(60))
        assert refusal.value.code == "DISK_TIMEOUT"
    assert threading.active_count() <= before + 2
    assert time.monotonic() - begin < 10
    let_go.set()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert hand.do("answer again", lambda: 42) == 42


def test_an_error_of_the_disk_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        DiskHand().do("read", (tmp_path / "nothing").read_bytes)
