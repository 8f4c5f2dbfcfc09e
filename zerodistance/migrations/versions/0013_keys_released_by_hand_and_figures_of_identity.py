"""keys released by hand, figures of identity, and how a decision came about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "identity_figure",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_identity_figure")),
    )
    op.create_table(
        "identity_release",
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("by", sa.SmallInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_identity_release")),
    )
    op.add_column("identity_decision", sa.Column("asked", sa.Text(), server_default="hand", nullable=False))
