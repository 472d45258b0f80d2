"""The log is one unbroken chain, whoever writes, and any hand that touches it is found."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from beamsession.model.event import GENESIS, chain_hash
from beamsession.store import Store
from store_samples import CALLER, INSTRUMENT, note

WRITER = Path(__file__).with_name("writer_program.py")
TAMPERINGS = {
    "seq": "UPDATE events SET seq = 99 WHERE seq = 3",
    "time": "UPDATE events SET time = time + 1 WHERE seq = 3",
    "unreadable time": "UPDATE events SET time = 9223372036854775807 WHERE seq = 3",
    "instrument": "UPDATE events SET instrument = 'other' WHERE seq = 3",
    "kind": "UPDATE events SET kind = 'other' WHERE seq = 3",
    "principal": "UPDATE events SET principal = 'other' WHERE seq = 3",
    "role": "UPDATE events SET role = 'user' WHERE seq = 3",
    "face": "UPDATE events SET face = 'web' WHERE seq = 3",
    "session": "UPDATE events SET session_id = 1 WHERE seq = 3",
    "run": "UPDATE events SET run_number = 1 WHERE seq = 3",
    "payload": "UPDATE events SET payload = '{}' WHERE seq = 3",
    "unreadable payload": "UPDATE events SET payload = '{' WHERE seq = 3",
    "previous": f"UPDATE events SET previous = '{GENESIS}' WHERE seq = 3",
    "hash": f"UPDATE events SET hash = '{GENESIS}' WHERE seq = 3",
    "removal": "DELETE FROM events WHERE seq = 3",
}


@pytest.fixture
def chained(store: Store) -> Store:
    """A store with five events."""
    for number in range(5):
        note(store, number=number, text="Łukasz 2θ")
    return store


def alter(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount > 0
    engine.dispose()


def test_each_event_continues_the_one_before(chained: Store) -> None:
    previous = GENESIS
    for event in chained.events():
        assert event.previous == previous
        assert event.hash == chain_hash(event)
        previous = event.hash
    report = chained.verify_chain()
    assert (report.checked, report.first_bad, report.is_intact) == (5, None, True)


def test_an_empty_chain_is_intact(store: Store) -> None:
    assert store.head() == (0, GENESIS)
    assert store.verify_chain().is_intact


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_a_changed_event_is_found(url: str, chained: Store, tampering: str) -> None:
    alter(url, TAMPERINGS[tampering])
    report = chained.verify_chain()
    assert (report.checked, report.first_bad) == (2, 3)
    assert report.reason


def test_a_cut_tail_is_found(url: str, chained: Store) -> None:
    alter(url, "DELETE FROM events WHERE seq >= 4")
    assert chained.verify_chain().first_bad == 4


def test_an_event_put_in_before_the_first_is_found(url: str, chained: Store) -> None:
    alter(url, "INSERT INTO events SELECT -1, time, instrument, kind, principal, role, face, session_id, run_number,"
               " payload, previous, hash FROM events WHERE seq = 1")  # fmt: skip
    assert chained.verify_chain().first_bad == 1


def test_an_event_put_in_after_the_last_is_found(url: str, chained: Store) -> None:
    alter(url, "INSERT INTO events SELECT 9, time, instrument, kind, principal, role, face, session_id, run_number,"
               " payload, previous, hash FROM events WHERE seq = 5")  # fmt: skip
    assert chained.verify_chain().first_bad == 6


def test_a_changed_last_event_with_its_hash_made_new_is_found(url: str, chained: Store) -> None:
    alter(url, f"UPDATE chain_head SET hash = '{GENESIS}'")
    assert not chained.verify_chain().is_intact


def test_a_chain_longer_than_a_page_is_walked_to_its_end(store: Store) -> None:
    with store.transaction(CALLER, INSTRUMENT) as transaction:
        for number in range(2001):
            transaction.event("reading", number=number)
    assert store.verify_chain().checked == 2001


def test_processes_writing_at_once_make_one_chain(url: str, store: Store) -> None:
    writers = [
        subprocess.Popen([sys.executable, WRITER, url, f"beamline-{number}", "50"], stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    outputs = [writer.communicate(timeout=200)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    acknowledged = sorted(int(line.split()[0]) for output in outputs for line in output.splitlines())
    assert acknowledged == list(range(1, 201))
    report = store.verify_chain()
    assert (report.checked, report.first_bad) == (200, None)
    assert len({store.session_ids(f"beamline-{number}")[0] for number in range(4)}) == 4


def test_threads_writing_at_once_make_one_chain(store: Store) -> None:
    def write(instrument: str) -> None:
        for _ in range(50):
            note(store, instrument=instrument)

    threads = [threading.Thread(target=write, args=(f"beamline-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = store.verify_chain()
    assert (report.checked, report.first_bad) == (200, None)


def test_a_tailer_misses_no_event_of_many_writers(store: Store) -> None:
    """Numbers become visible in their order, so whoever has read up to a number has read all before it."""
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: [note(store) for _ in range(30)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    while len(seen) < 90:
        seen += [event.seq for event in store.events(after=seen[-1] if seen else 0, limit=7)]
        assert seen == list(range(1, len(seen) + 1))
        assert any(thread.is_alive() for thread in threads) or store.head()[0] == 90
    for thread in threads:
        thread.join()
