"""Fills a store with the sessions of years, faster than they could be taken: rows made inside the database itself.

What a row holds is of the size and the spread found in life. Two things are not: a run's report (850 bytes for two
detectors) is there for one session in twenty, those that are shown, because no list reads it and ten million would
take the disk of a small machine; and the log has two events for each session, whose hashes are no chain.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from beamsession.model.completeness import Completeness
from beamsession.model.plain import plain
from beamsession.model.plan import RunKey
from beamsession.model.report import RunReport
from beamsession.model.run import RunOrigin
from beamsession.model.states import IngestState, RunIntent, RunState
from beamsession.store import Store

INSTRUMENT = "beamline"
RUNS = 10
"""In each session."""
BYTES_PER_SESSION = 8_000
OPERATOR = "operator"
"""Who starts three sessions of ten, through a face without identity."""
FIRST = datetime(2006, 1, 1, tzinfo=UTC)
EVERY = timedelta(seconds=630)
"""A million sessions are twenty years."""
_BEAMTIME = 20
_SHOWN_EVERY, _SHOWN = 20, 7
_MICROSECONDS = 1_000_000
_HASH = "lower(hex(randomblob(32)))"
_FOLDER = "strftime('%Y', start / 1000000, 'unixepoch') || '/' || proposal || '/' || printf('%06d_%s', id, name)"

_METADATA = (
    """printf('{"sample":"sample %06d","composition":"CeO2","temperature":%d.15,"temperature_unit":"K","energy":15.2,"""
    """"energy_unit":"keV","technique":"powder diffraction","environment":"cryostream","local_contact":"ana","""
    """"comment":"second heating after the sample had been ground again","exposure":0.25,"frames":1000,"""
    """"automatic":true}', id, 80 + id % 400)"""
)

_SESSION = {
    "id": "id",
    "instrument": f"CASE id % 20 WHEN 0 THEN 'east' WHEN 10 THEN 'west' ELSE '{INSTRUMENT}' END",
    "name": "name",
    "title": "title",
    "search": "lower(name || char(10) || title)",
    "state": "state",
    "user": f"CASE WHEN (id / 7) % 10 < 3 THEN '{OPERATOR}' ELSE printf('visitor%05d', id / 60) END",
    "proposal": "proposal",
    "folder": _FOLDER,
    "start": "start",
    "stop": f"start + 500 * {_MICROSECONDS}",
    "metadata": _METADATA,
    "metadata_edited": "id % 2",
    "version": "3",
    "dataset_pid": "CASE state WHEN 'ARCHIVED' THEN '20.500.12269/' || lower(hex(randomblob(16))) ELSE '' END",
    "run_count": str(RUNS),
    "last_run_number": str(RUNS),
}
_RUN = {
    "id": f"(id - 1) * {RUNS} + number",
    "session_id": "id",
    "instrument": "instrument",
    "number": "number",
    "state": f"'{RunState.COMPLETED.value}'",
    "intent": f"'{RunIntent.STOP.value}'",
    "origin": f"'{RunOrigin.RECORDED.value}'",
    "start": f"start + number * 40 * {_MICROSECONDS}",
    "stop": f"start + (number * 40 + 30) * {_MICROSECONDS}",
    "title": "''",
    "file": "'/data/' || folder || printf('/run_%04d.nxs', number)",
    "frames": "1000",
    "detectors": """'["camera","eiger"]'""",
    "metadata": "'{}'",
    "report": f"CASE WHEN id % {_SHOWN_EVERY} = {_SHOWN} THEN :report ELSE '{{}}' END",
    "reason": "''",
    "recorder": "'recorder'",
    "acknowledged": "0",
    "version": "4",
    "recorded_in": "id",
    "recorded_as": "number",
    "file_hash": _HASH,
}
_FILE = {
    "session_id": "id",
    "path_hash": _HASH,
    "path": "'/data/' || folder || '/added/notes.txt'",
    "added": "start",
    "size": "1000",
    "modified": "start",
    "is_folder": "0",
}
_INGEST = {
    "session_id": "id",
    "instrument": "instrument",
    "state": f"'{IngestState.DONE.value}'",
    "updated": "stop",
    "pid": "dataset_pid",
    "step": "'done'",
    "detail": "''",
    "attempts": "1",
}
_EVENT = {
    "seq": "2 * id - 1 + ended",
    "time": "CASE ended WHEN 0 THEN start ELSE stop END",
    "instrument": "instrument",
    "kind": "CASE ended WHEN 0 THEN 'session_started' ELSE 'session_archived' END",
    "principal": "user",
    "role": "'user'",
    "face": "'tango'",
    "session_id": "id",
    "payload": "iif(ended, json_object('pid', dataset_pid), json_object('metadata', json(metadata)))",
    "previous": _HASH,
    "hash": _HASH,
}
_IDS = f"""(
    WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < :sessions)
    SELECT id,
        printf('%s_%06d', sample, id) AS name,
        printf('%s at %d K, part %d', sample, 80 + id % 400, id % {_BEAMTIME}) AS title,
        CASE WHEN chance < 5 THEN 'COMPLETED' WHEN chance < 20 THEN 'CANCELLED' ELSE 'ARCHIVED' END AS state,
        printf('p%06d', id / {_BEAMTIME}) AS proposal,
        :first + id * :every AS start
    FROM (
        SELECT id, id * 7919 % 1000 AS chance,
            CASE id / {_BEAMTIME} % 4
                WHEN 0 THEN 'ceria' WHEN 1 THEN 'lysozyme' WHEN 2 THEN 'zeolite' ELSE 'steel' END AS sample
        FROM ids
    )
)"""
_NUMBERS = f"""(
    WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {RUNS})
    SELECT number FROM numbers
)"""


def fill(path: Path, sessions: int) -> None:
    """Make the store `path` with so many sessions; it is on the disk when this returns."""
    Store.open(f"sqlite:///{path}").close()
    values = {
        "sessions": sessions,
        "first": int(FIRST.timestamp()) * _MICROSECONDS,
        "every": int(EVERY.total_seconds()) * _MICROSECONDS,
        "report": json.dumps(plain(_report()), separators=(",", ":")),
    }
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000", "locking_mode = EXCLUSIVE"):
            connection.execute(f"PRAGMA {setting}")
        connection.execute("BEGIN")
        for table, columns, source in (
            ("sessions", _SESSION, _IDS),
            ("runs", _RUN, f"sessions CROSS JOIN {_NUMBERS}"),
            ("files", _FILE, f"sessions WHERE id % {_SHOWN_EVERY} = {_SHOWN}"),
            ("ingests", _INGEST, "sessions WHERE state = 'ARCHIVED'"),
            ("events", _EVENT, "sessions CROSS JOIN (SELECT 0 AS ended UNION ALL SELECT 1)"),
        ):
            connection.execute(_insert(table, columns, source), values)
        connection.execute(
            f"UPDATE chain_head SET seq = 2 * :sessions, hash = (SELECT hash FROM events WHERE seq = 2 * :sessions), "
            f"last_session_id = :sessions, last_run_id = {RUNS} * :sessions",
            values,
        )
        connection.execute("COMMIT")
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def shown_ids(sessions: int) -> range:
    """The sessions that have everything a session has."""
    return range(_SHOWN, sessions + 1, _SHOWN_EVERY)


def is_on_instrument(session_id: int) -> bool:
    """Whether the session was taken on INSTRUMENT, as nine of ten are."""
    return session_id % 10 != 0


def proposal_of(session_id: int) -> str:
    """The beamtime of a session: twenty of them follow each other."""
    return f"p{session_id // _BEAMTIME:06d}"


def visitor_of(session_id: int) -> str:
    """Who came for this session and those of three beamtimes."""
    return f"visitor{session_id // (3 * _BEAMTIME):05d}"


def _insert(table: str, columns: dict[str, str], source: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {table} ({names}) SELECT {', '.join(columns.values())} FROM {source}"


def _report() -> RunReport:
    """What a recorder says of an ordinary run of two detectors."""
    folder = Path("/data/2016/p000000/000007_ceria_000007")
    names = ("camera", "eiger")
    return RunReport(
        key=RunKey(instrument=INSTRUMENT, session_id=_SHOWN, run_number=1),
        state=RunState.COMPLETED,
        start=FIRST,
        stop=FIRST + timedelta(seconds=30),
        accounts=tuple(Completeness(detector=name, expected=1000, received=1000, written=1000) for name in names),
        rate=1.2e8,
        readings=4000,
        master=folder / "run_0001.nxs",
        files=tuple(folder / f"run_0001_{name}.h5" for name in (*names, "readings")),
        check=(),
    )
