"""devices that several accounts use in turn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "identity_turn",
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "at", "account", "origin", name=op.f("pk_identity_turn")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_identity_turn_account"), "identity_turn", ["account"], unique=False)
    op.create_index(op.f("ix_identity_turn_turn"), "identity_turn", ["turn"], unique=False)
    op.add_column("subject", sa.Column("turned", sa.SmallInteger(), server_default="0", nullable=False))
