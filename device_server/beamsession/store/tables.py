"""The tables. What they hold today; how they came about is in `migrations`."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TextClause,
    UniqueConstraint,
    false,
    text,
    true,
)

from beamsession.store.columns import JsonText, Moment, PlainText, Whole

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# Partial indexes serve only queries that repeat their condition literally: both are made from these.
IS_OPEN = text("state IN ('STARTED', 'PAUSED')")
IS_CLOSED = text("state IN ('COMPLETED', 'ARCHIVED')")
IS_LIVE = text("state IN ('PREPARING', 'RECORDING', 'PAUSED', 'DRAINING', 'LOST')")
IS_OURS = text("origin != 'imported'")
WAS_MOVED = text("recorded_in != session_id")
IS_UNSEEN_FAILURE = text("state = 'failed' AND NOT acknowledged")


def _partial(name: str, *columns: str, where: TextClause, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


chain_head = Table(
    "chain_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Whole, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("last_session_id", Whole, nullable=False),
    Column("last_run_id", Whole, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
"""One row: the newest event, and the highest ids ever given. Its lock is the right to write."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("instrument", PlainText, nullable=False),
    Column("name", PlainText, nullable=False),
    Column("title", PlainText, nullable=False),
    Column("search", PlainText, nullable=False),
    Column("state", String(16), nullable=False),
    Column("user", PlainText, nullable=False),
    Column("proposal", PlainText, nullable=False),
    Column("folder", PlainText, nullable=False),
    Column("start", Moment, nullable=False),
    Column("stop", Moment),
    Column("metadata", JsonText, nullable=False),
    Column("metadata_edited", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("dataset_pid", PlainText, nullable=False),
    Column("source", PlainText, nullable=False, server_default=""),
    Column("source_hash", String(64), nullable=False, server_default=""),
    Column("run_count", Integer, nullable=False, server_default="0"),
    Column("last_run_number", Integer, nullable=False, server_default="0"),
    Index("ix_sessions_folder", "folder"),
    Index("ix_sessions_instrument_id", "instrument", "id"),
    Index("ix_sessions_start", "start", "id"),
    Index("ix_sessions_state_start", "state", "start", "id"),
    Index("ix_sessions_instrument_start", "instrument", "start", "id"),
    Index("ix_sessions_instrument_state_start", "instrument", "state", "start", "id"),
    Index("ix_sessions_user_start", "user", "start", "id"),
    Index("ix_sessions_proposal_start", "proposal", "start", "id"),
    Index("ix_sessions_instrument_user_start", "instrument", "user", "start", "id"),
    Index("ix_sessions_instrument_user_state_start", "instrument", "user", "state", "start", "id"),
    Index("ix_sessions_instrument_proposal_start", "instrument", "proposal", "start", "id"),
    Index("ix_sessions_instrument_proposal_state_start", "instrument", "proposal", "state", "start", "id"),
    _partial("ux_sessions_open", "instrument", where=IS_OPEN, unique=True),
    _partial("ix_sessions_closed_stop", "instrument", "stop", "id", where=IS_CLOSED),
    _partial("ix_sessions_source", "instrument", "source_hash", where=text("source_hash != ''")),
)
"""`search` is name and title, case-folded: SQLite folds ASCII only. `source_hash` is the SHA-256 of `source`."""

runs = Table(
    "runs",
    metadata,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("session_id", Whole, ForeignKey("sessions.id"), nullable=False),
    Column("instrument", PlainText, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("intent", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("start", Moment, nullable=False),
    Column("stop", Moment),
    Column("title", PlainText, nullable=False),
    Column("file", PlainText, nullable=False),
    Column("frames", Whole),
    Column("detectors", JsonText, nullable=False),
    Column("metadata", JsonText, nullable=False),
    Column("report", JsonText, nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("recorder", PlainText, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("recorded_in", Whole, nullable=False, server_default="0"),
    Column("recorded_as", Integer, nullable=False, server_default="0"),
    Column("file_hash", String(64), nullable=False, server_default=""),
    UniqueConstraint("session_id", "number"),
    Index("ix_runs_file_hash", "file_hash", "session_id", "number"),
    Index("ix_runs_session_id_stop", "session_id", "stop", "number"),
    _partial("ix_runs_ours", "instrument", "id", where=IS_OURS),
    _partial("ix_runs_live", "instrument", "id", where=IS_LIVE),
    _partial("ix_runs_moved", "recorded_in", "id", where=WAS_MOVED),
)
"""`file_hash` is the SHA-256 of the file's path, which may be longer than what PostgreSQL puts into an index."""

files = Table(
    "files",
    metadata,
    Column("session_id", Whole, ForeignKey("sessions.id"), primary_key=True, autoincrement=False),
    Column("path_hash", String(64), primary_key=True),
    Column("path", PlainText, nullable=False),
    Column("added", Moment, nullable=False),
    Column("size", Whole, nullable=False),
    Column("modified", Moment, nullable=False),
    Column("is_folder", Boolean, nullable=False),
    Index("ix_files_path_hash", "path_hash"),
)
"""The key is the path's SHA-256: a path may be longer than what PostgreSQL puts into an index."""

ingests = Table(
    "ingests",
    metadata,
    Column("session_id", Whole, ForeignKey("sessions.id"), primary_key=True, autoincrement=False),
    Column("instrument", PlainText, nullable=False),
    Column("state", String(16), nullable=False),
    Column("updated", Moment, nullable=False),
    Column("pid", PlainText, nullable=False),
    Column("step", PlainText, nullable=False),
    Column("detail", PlainText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("overlay", JsonText, nullable=False, server_default="{}"),
    Column("dataset_name", PlainText, nullable=False, server_default=""),
    Column("has_dataset", Boolean, nullable=False, server_default=false()),
    Column("in_doubt", Boolean, nullable=False, server_default=false()),
    Column("due", Moment),
    Column("code", PlainText, nullable=False, server_default=""),
    Column("status", Integer, nullable=False, server_default="0"),
    Column("said", PlainText, nullable=False, server_default=""),
    Column("problems", JsonText, nullable=False, server_default="[]"),
    Column("next_try", Moment),
    Column("datasets", JsonText, nullable=False, server_default="[]"),
    Index("ix_ingests_instrument_state", "instrument", "state", "session_id"),
    Index("ix_ingests_instrument_state_updated", "instrument", "state", "updated"),
    Index("ix_ingests_state", "state", "session_id"),
)

catalogues = Table(
    "catalogues",
    metadata,
    Column("instrument", PlainText, primary_key=True),
    Column("target", PlainText, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("since", Moment, nullable=False),
    Column("reason", PlainText, nullable=False),
)
"""Whether they can be reached, as the worker found it last."""

jobs = Table(
    "jobs",
    metadata,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("instrument", PlainText, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("title", PlainText, nullable=False),
    Column("user", PlainText, nullable=False),
    Column("created", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("session_id", Whole),
    Column("arguments", JsonText, nullable=False),
    Column("progress", Float(), nullable=False),
    Column("detail", PlainText, nullable=False),
    Column("result", JsonText, nullable=False),
    Column("cancel_asked", Boolean, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Index("ix_jobs_instrument_state_id", "instrument", "state", "id"),
    Index("ix_jobs_instrument_id", "instrument", "id"),
    Index("ix_jobs_session_id_id", "session_id", "id"),
    _partial("ix_jobs_unseen_failures", "instrument", "kind", "id", where=IS_UNSEEN_FAILURE),
)
"""What the worker is asked to do; how it does it is in the job database."""

events = Table(
    "events",
    metadata,
    Column("seq", Whole, primary_key=True, autoincrement=False),
    Column("time", Moment, nullable=False),
    Column("instrument", PlainText, nullable=False),
    Column("kind", PlainText, nullable=False),
    Column("principal", PlainText, nullable=False),
    Column("role", PlainText, nullable=False),
    Column("face", PlainText, nullable=False),
    Column("session_id", Whole),
    Column("run_number", Integer),
    Column("payload", JsonText, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_events_instrument_seq", "instrument", "seq"),
    Index("ix_events_session_id_seq", "session_id", "seq"),
)
"""Append-only. No foreign key: the log tells what happened even where the record is gone."""

replies = Table(
    "replies",
    metadata,
    Column("instrument", PlainText, primary_key=True),
    Column("request_id", PlainText, primary_key=True),
    Column("time", Moment, nullable=False),
    Column("verb", PlainText, nullable=False),
    Column("arguments_hash", PlainText, nullable=False),
    Column("value", JsonText, nullable=False),
    Index("ix_replies_time", "time"),
)

refusals = Table(
    "refusals",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("time", Moment, nullable=False),
    Column("instrument", PlainText, nullable=False),
    Column("verb", PlainText, nullable=False),
    Column("principal", PlainText, nullable=False),
    Column("face", PlainText, nullable=False),
    Column("code", PlainText, nullable=False),
    Column("sentence", PlainText, nullable=False),
    Column("arguments", PlainText, nullable=False),
    Index("ix_refusals_instrument_id", "instrument", "id"),
    Index("ix_refusals_instrument_time", "instrument", "time"),
)
