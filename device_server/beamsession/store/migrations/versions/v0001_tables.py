"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Whole = sa.BigInteger().with_variant(sa.Integer, "sqlite")
IS_OPEN = sa.text("state IN ('STARTED', 'PAUSED')")
IS_CLOSED = sa.text("state IN ('COMPLETED', 'ARCHIVED')")
IS_LIVE = sa.text("state IN ('PREPARING', 'RECORDING', 'PAUSED', 'DRAINING', 'LOST')")


def upgrade() -> None:
    """From nothing."""
    _chain()
    _sessions()
    _runs()
    _files()
    _ingests()
    _replies()
    _refusals()


def _chain() -> None:
    head = op.create_table(
        "chain_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("seq", Whole, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("last_session_id", Whole, nullable=False),
        sa.Column("last_run_id", Whole, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_chain_head_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_head")),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": "0" * 64, "last_session_id": 0, "last_run_id": 0}])
    op.create_table(
        "events",
        sa.Column("seq", Whole, autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("face", sa.Text, nullable=False),
        sa.Column("session_id", Whole),
        sa.Column("run_number", sa.Integer),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
    )
    op.create_index("ix_events_instrument_seq", "events", ["instrument", "seq"])
    op.create_index("ix_events_session_id_seq", "events", ["session_id", "seq"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", Whole, autoincrement=False, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("proposal", sa.Text, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("stop", sa.BigInteger),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("metadata_edited", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("dataset_pid", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    for name, columns in {
        "ix_sessions_instrument_id": ["instrument", "id"],
        "ix_sessions_start": ["start", "id"],
        "ix_sessions_state_start": ["state", "start", "id"],
        "ix_sessions_instrument_start": ["instrument", "start", "id"],
        "ix_sessions_instrument_state_start": ["instrument", "state", "start", "id"],
        "ix_sessions_user_start": ["user", "start", "id"],
        "ix_sessions_proposal_start": ["proposal", "start", "id"],
    }.items():
        op.create_index(name, "sessions", columns)
    _partial_index("ux_sessions_open", "sessions", ["instrument"], IS_OPEN, unique=True)
    _partial_index("ix_sessions_closed_stop", "sessions", ["instrument", "stop", "id"], IS_CLOSED)


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", Whole, autoincrement=False, nullable=False),
        sa.Column("session_id", Whole, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("intent", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("stop", sa.BigInteger),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("frames", Whole),
        sa.Column("detectors", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recorder", sa.Text, nullable=False),
        sa.Column("acknowledged", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_runs_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("session_id", "number", name=op.f("uq_runs_session_id_number")),
    )
    op.create_index("ix_runs_instrument_id", "runs", ["instrument", "id"])
    _partial_index("ix_runs_live", "runs", ["instrument", "id"], IS_LIVE)


def _files() -> None:
    op.create_table(
        "files",
        sa.Column("session_id", Whole, autoincrement=False, nullable=False),
        sa.Column("path_hash", sa.String(64), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("added", sa.BigInteger, nullable=False),
        sa.Column("size", Whole, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("is_folder", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_files_session_id")),
        sa.PrimaryKeyConstraint("session_id", "path_hash", name=op.f("pk_files")),
    )


def _ingests() -> None:
    op.create_table(
        "ingests",
        sa.Column("session_id", Whole, autoincrement=False, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("pid", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_ingests_session_id")),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_ingests")),
    )
    op.create_index("ix_ingests_instrument_state", "ingests", ["instrument", "state", "session_id"])
    op.create_index("ix_ingests_state", "ingests", ["state", "session_id"])


def _replies() -> None:
    op.create_table(
        "replies",
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("arguments_hash", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("instrument", "request_id", name=op.f("pk_replies")),
    )
    op.create_index("ix_replies_time", "replies", ["time"])


def _refusals() -> None:
    op.create_table(
        "refusals",
        sa.Column("id", Whole, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("face", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusals")),
    )
    op.create_index("ix_refusals_instrument_id", "refusals", ["instrument", "id"])
    op.create_index("ix_refusals_instrument_time", "refusals", ["instrument", "time"])


def _partial_index(name: str, table: str, columns: list[str], where: sa.TextClause, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
