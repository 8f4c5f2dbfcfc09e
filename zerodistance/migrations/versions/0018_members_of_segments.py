"""members of segments that are frozen or followed, their changes, and sizes day by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "segment_kept",
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("frozen", sa.Integer(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.Column("persons", sa.BigInteger(), nullable=False),
        sa.Column("visitors", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment"], ["segment.number"], name=op.f("fk_segment_kept_segment_segment")
        ),
        sa.PrimaryKeyConstraint("segment", name=op.f("pk_segment_kept")),
    )
    op.create_table(
        "segment_change",
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("entering", sa.LargeBinary(), nullable=False),
        sa.Column("leaving", sa.LargeBinary(), nullable=False),
        sa.Column("entered_persons", sa.BigInteger(), nullable=False),
        sa.Column("entered_visitors", sa.BigInteger(), nullable=False),
        sa.Column("left_persons", sa.BigInteger(), nullable=False),
        sa.Column("left_visitors", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment"], ["segment.number"], name=op.f("fk_segment_change_segment_segment")
        ),
        sa.PrimaryKeyConstraint("segment", "number", name=op.f("pk_segment_change")),
    )
    op.create_index(op.f("ix_segment_change_said_at"), "segment_change", ["said_at"], unique=False)
    op.create_table(
        "segment_size",
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("persons", sa.BigInteger(), nullable=False),
        sa.Column("visitors", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment"], ["segment.number"], name=op.f("fk_segment_size_segment_segment")
        ),
        sa.PrimaryKeyConstraint("segment", "day", name=op.f("pk_segment_size")),
    )
