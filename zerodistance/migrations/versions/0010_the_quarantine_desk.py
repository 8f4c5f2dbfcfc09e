"""refused rows are grouped by field, mended by rule, dismissed, and taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step; of the rows that are there the field is not known."""
    op.add_column("quarantine", sa.Column("field", sa.Text(), nullable=False, server_default=""))
    op.add_column("quarantine", sa.Column("mended_at", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("came", sa.LargeBinary(), nullable=True))
    op.add_column("quarantine", sa.Column("remapping", sa.Integer(), nullable=True))
    op.add_column("quarantine", sa.Column("dismissed_at", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("dismissed_by", sa.Text(), nullable=True))
    op.add_column("quarantine", sa.Column("dismissed_why", sa.Text(), nullable=True))
    op.drop_index("ix_quarantine_source_reason", table_name="quarantine")
    op.create_index(
        "ix_quarantine_group",
        "quarantine",
        ["source", "reason", "field", "replayed_at", "dismissed_at", "at"],
        unique=False,
    )
    op.create_table(
        "remapping",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_remapping")),
        sqlite_autoincrement=True,
    )
