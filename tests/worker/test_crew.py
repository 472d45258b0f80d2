"""Places among the workers that share a PostgreSQL: who has one, how it ends, and what all of them see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from beamsession.crew import shared
from beamsession.crew.closed import closed
from beamsession.crew.job_server import connect, prepare
from beamsession.crew.lease import Lease
from beamsession.crew.membership import only_worker
from beamsession.crew.roster import Roster
from beamsession.crew.shared import Shared
from beamsession.crew.shared_folder import MARK
from beamsession.model.errors import RefusedError, UnavailableError
from crew_rig import Databases
from worker_rig import eventually

Join = Callable[..., Shared]
_LONG_S = 60.0


@pytest.fixture
def url(databases: Databases) -> str:
    """A job database that nobody has used."""
    databases.make_empty()
    return databases.jobs_url


@pytest.fixture
def join(url: str, tmp_path: Path) -> Iterator[Join]:
    with ExitStack() as held:

        def take(name: str, instrument: str = "B1", *, version: int = 2, folder: str = "shared", **more: Any) -> Shared:
            given = {"version": version, "lease_s": _LONG_S, "folder": tmp_path / folder, "adopts_folder": False}
            member = Shared.join(url, instrument, name, on_lost=lambda: None, **(given | more))
            held.callback(vanish, member)
            return member

        yield take


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_NAME_WAIT", 0.005)


def vanish(member: Shared) -> None:
    """As if its process had been killed."""
    member._lease.close()  # pyright: ignore[reportPrivateUsage]


def roster(url: str) -> Roster:
    return Roster(connect(url, answer_s=5), "B1")


def refused(action: Callable[[], Any]) -> str:
    with pytest.raises(RefusedError) as caught:
        action()
    assert caught.value.remedy
    return caught.value.code


def test_a_lease_whose_connection_is_cut_is_lost_for_good_and_its_locks_are_anybodys(url: str) -> None:
    lost = Event()
    with closing(Lease(url, 1.0)) as first, closing(Lease(url, _LONG_S)) as second:
        first.keep(lost.set)
        assert first.take("it")
        assert not second.take("it")
        end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        with connect(url, answer_s=5).connect() as connection:
            connection.execute(text(end))
        assert lost.wait(30)
        assert not first.holds()
        assert not first.await_held()
        with pytest.raises(UnavailableError):
            first.take("it")
        assert second.take_within(30, "it")


def test_the_server_ends_a_lease_that_gives_no_sign_of_life(url: str) -> None:
    with closing(Lease(url, 1.0)) as silent, closing(Lease(url, _LONG_S)) as other:
        assert silent.take("it")
        assert other.take_within(30, "it")
        with pytest.raises(UnavailableError):
            silent.take("another")


def test_a_lease_is_not_trusted_for_its_last_third_until_the_server_has_answered_again(url: str) -> None:
    now = [0.0]
    with closing(Lease(url, _LONG_S, clock=lambda: now[0])) as lease:
        assert lease.take("it")
        now[0] = _LONG_S / 2
        assert lease.holds()
        now[0] = _LONG_S * 0.7
        assert not lease.holds()
        assert lease.take("it")
        assert lease.holds()


def test_workers_that_begin_at_one_time_all_find_their_place(url: str, join: Join) -> None:
    with ThreadPoolExecutor() as pool:
        members = list(pool.map(join, ["a", "b", "c", "d"]))
    with members[0].mustered() as versions:
        assert versions == {2}
    assert set(roster(url).living()) == {"a", "b", "c", "d"}


def test_a_name_is_one_workers_and_another_instruments_too(join: Join, impatient: None) -> None:
    member = join("a")
    join("a", "B2", folder="of B2")
    with member.absent("a") as is_absent:
        assert not is_absent
    with member.absent("b") as is_absent:
        assert is_absent
    assert refused(lambda: join("a")) == "WORKER_RUNNING"


def test_only_one_leads_and_another_as_soon_as_that_one_is_gone(url: str, join: Join) -> None:
    leads: list[str] = []
    first = join("a", lease_s=2.0)
    first.start(lambda: leads.append("a"), lambda: None)
    eventually(lambda: leads == ["a"], "the first leads")
    join("b", lease_s=2.0).start(lambda: leads.append("b"), lambda: None)
    vanish(first)
    eventually(lambda: leads == ["a", "b"], "the second leads")


def test_the_record_is_written_by_one_at_a_time(join: Join) -> None:
    first, second = join("a"), join("b")
    entered = Event()

    def write() -> None:
        with second.writing():
            entered.set()

    with ThreadPoolExecutor() as pool:
        with first.writing():
            written = pool.submit(write)
            assert not entered.wait(0.3)
        written.result(30)
    first.position.save(7)
    assert second.position.load() == 7


def test_an_older_version_is_refused_beside_a_newer_one(join: Join) -> None:
    join("a", version=3)
    assert refused(lambda: join("b", version=2)) == "JOBS_TOO_NEW"


def test_the_folder_is_proven_by_its_mark_and_another_one_is_adopted_only_by_the_first(
    join: Join, tmp_path: Path
) -> None:
    join("a")
    mark = (tmp_path / "shared" / MARK).read_text()
    join("b")
    assert refused(lambda: join("c", folder="elsewhere")) == "FOLDER_NOT_SHARED"
    assert not (tmp_path / "elsewhere").exists()
    assert refused(lambda: join("x", "B2")) == "FOLDER_NOT_SHARED"
    assert refused(lambda: join("c", folder="elsewhere", adopts_folder=True)) == "WORKER_RUNNING"
    assert (tmp_path / "shared" / MARK).read_text() == mark


def test_a_moved_folder_is_adopted_and_the_old_one_is_wrong_from_then_on(join: Join, url: str) -> None:
    gone = join("a")
    vanish(gone)
    join("b", folder="moved", adopts_folder=True)
    assert refused(lambda: join("c")) == "FOLDER_NOT_SHARED"
    join("c", folder="moved")


def test_a_store_is_closed_to_all_workers_only_while_none_lives(url: str, join: Join, databases: Databases) -> None:
    def close() -> None:
        with closed(url, databases.store_url, "B1"):
            raise AssertionError("it must not be closed")

    member = join("a")
    assert refused(close) == "WORKER_RUNNING"
    vanish(member)
    eventually(lambda: not roster(url).living(), "it is gone")
    with closed(url, databases.store_url, "B1") as found:
        assert found is not None
        found.hear(3)
        assert roster(url).heard() == 3


def test_a_worker_with_a_job_database_of_its_own_is_the_only_one_of_a_shared_store(databases: Databases) -> None:
    with closing(only_worker(databases.store_url, "B1", 3.0, lambda: None)):
        assert refused(lambda: only_worker(databases.store_url, "B1", 3.0, lambda: None)) == "WORKER_RUNNING"
        with pytest.raises(RefusedError), closed("sqlite:////nowhere", databases.store_url, "B1"):
            raise AssertionError("it must not be closed")
        only_worker(databases.store_url, "B2", 3.0, lambda: None).close()


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        prepare(connect(f"postgresql://postgres@/jobs?host={tmp_path}", answer_s=2))
    assert caught.value.code == "JOBS_UNAVAILABLE"
