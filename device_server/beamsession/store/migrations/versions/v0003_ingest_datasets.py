"""An ingest may make several datasets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """From 0002; of the ingests that are there nobody knows the datasets."""
    op.add_column("ingests", sa.Column("datasets", sa.Text, server_default="[]", nullable=False))
