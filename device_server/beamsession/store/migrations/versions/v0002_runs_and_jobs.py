"""Runs that can be moved, disabled and imported; jobs; where a session came from."""

from __future__ import annotations

from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Whole = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_BATCH = 1000


def upgrade() -> None:
    """From 0001; what is there keeps its meaning."""
    _sessions()
    _runs()
    op.create_index("ix_files_path_hash", "files", ["path_hash"])
    _ingests()
    _jobs()


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def _sessions() -> None:
    op.add_column("sessions", sa.Column("source", sa.Text, server_default="", nullable=False))
    op.add_column("sessions", sa.Column("source_hash", sa.String(64), server_default="", nullable=False))
    op.add_column("sessions", sa.Column("run_count", sa.Integer, server_default="0", nullable=False))
    op.add_column("sessions", sa.Column("last_run_number", sa.Integer, server_default="0", nullable=False))
    op.create_index("ix_sessions_folder", "sessions", ["folder"])
    for noun in ("user", "proposal"):
        op.create_index(f"ix_sessions_instrument_{noun}_start", "sessions", ["instrument", noun, "start", "id"])
        by_state = ["instrument", noun, "state", "start", "id"]
        op.create_index(f"ix_sessions_instrument_{noun}_state_start", "sessions", by_state)
    _partial("ix_sessions_source", "sessions", ["instrument", "source_hash"], "source_hash != ''")
    op.execute(
        "UPDATE sessions SET run_count = (SELECT COUNT(*) FROM runs WHERE runs.session_id = sessions.id), "
        "last_run_number = (SELECT COALESCE(MAX(number), 0) FROM runs WHERE runs.session_id = sessions.id)"
    )


def _runs() -> None:
    op.add_column("runs", sa.Column("enabled", sa.Boolean, server_default=sa.true(), nullable=False))
    op.add_column("runs", sa.Column("recorded_in", Whole, server_default="0", nullable=False))
    op.add_column("runs", sa.Column("recorded_as", sa.Integer, server_default="0", nullable=False))
    op.add_column("runs", sa.Column("file_hash", sa.String(64), server_default="", nullable=False))
    op.execute("UPDATE runs SET recorded_in = session_id, recorded_as = number")
    _hash_files()
    op.drop_index("ix_runs_instrument_id", "runs")
    op.create_index("ix_runs_file_hash", "runs", ["file_hash", "session_id", "number"])
    op.create_index("ix_runs_session_id_stop", "runs", ["session_id", "stop", "number"])
    _partial("ix_runs_ours", "runs", ["instrument", "id"], "origin != 'imported'")
    _partial("ix_runs_moved", "runs", ["recorded_in", "id"], "recorded_in != session_id")


def _hash_files() -> None:
    """In pages of ids: SQLite has no SHA-256 of its own."""
    connection = op.get_bind()
    page = sa.text("SELECT id, file FROM runs WHERE id > :after ORDER BY id LIMIT :batch")
    change = sa.text("UPDATE runs SET file_hash = :digest WHERE id = :id")
    after = -1
    while rows := connection.execute(page, {"after": after, "batch": _BATCH}).all():
        after = rows[-1].id
        digests = [{"id": row.id, "digest": _digest(row.file)} for row in rows if row.file]
        if digests:
            connection.execute(change, digests)


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def _ingests() -> None:
    op.add_column("ingests", sa.Column("overlay", sa.Text, server_default="{}", nullable=False))
    op.add_column("ingests", sa.Column("dataset_name", sa.Text, server_default="", nullable=False))
    op.add_column("ingests", sa.Column("has_dataset", sa.Boolean, server_default=sa.false(), nullable=False))


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", Whole, autoincrement=False, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("session_id", Whole),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("cancel_asked", sa.Boolean, nullable=False),
        sa.Column("acknowledged", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_instrument_state_id", "jobs", ["instrument", "state", "id"])
    op.create_index("ix_jobs_instrument_id", "jobs", ["instrument", "id"])
    op.create_index("ix_jobs_session_id_id", "jobs", ["session_id", "id"])
    _partial("ix_jobs_unseen_failures", "jobs", ["instrument", "kind", "id"], "state = 'failed' AND NOT acknowledged")
