"""units of accounts, approved audiences and the record of exact counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.add_column("account", sa.Column("units", sa.Text(), nullable=True))
    op.add_column("api_key", sa.Column("units", sa.Text(), nullable=True))
    op.create_table(
        "segment_approval",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("means", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["segment"], ["segment.number"], name=op.f("fk_segment_approval_segment_segment")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_segment_approval")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_segment_approval_segment"), "segment_approval", ["segment"], unique=False)
    op.create_table(
        "segment_exact",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("persons", sa.BigInteger(), nullable=False),
        sa.Column("visitors", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_exact")),
    )
    op.create_index("ix_segment_exact_said_at", "segment_exact", ["said_at"], unique=False)
