"""Why an ingest waits or is parked, since when it is due, when it is tried again; which catalogues can be reached."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"


def upgrade() -> None:
    """What is there keeps its meaning; what was on its way is due since it was told of last."""
    op.add_column("ingests", sa.Column("in_doubt", sa.Boolean, server_default=sa.false(), nullable=False))
    op.add_column("ingests", sa.Column("due", sa.BigInteger))
    op.add_column("ingests", sa.Column("code", sa.Text, server_default="", nullable=False))
    op.add_column("ingests", sa.Column("status", sa.Integer, server_default="0", nullable=False))
    op.add_column("ingests", sa.Column("said", sa.Text, server_default="", nullable=False))
    op.add_column("ingests", sa.Column("problems", sa.Text, server_default="[]", nullable=False))
    op.add_column("ingests", sa.Column("next_try", sa.BigInteger))
    # An older version did not note whether a request to create the dataset was on its way.
    op.execute(
        "UPDATE ingests SET due = updated, in_doubt = (step = 'dataset') "
        "WHERE state IN ('pending', 'running', 'parked')"
    )
    op.create_index("ix_ingests_instrument_state_updated", "ingests", ["instrument", "state", "updated"])
    op.create_table(
        "catalogues",
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("instrument", "target", name=op.f("pk_catalogues")),
    )
