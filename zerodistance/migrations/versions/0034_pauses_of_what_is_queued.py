"""pauses of what is queued."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step; campaigns that have begun and do not run now hold what is queued of them."""
    op.create_table(
        "outreach_pause",
        sa.Column("experiment", sa.Text(), nullable=False),
        sa.Column("ends", sa.SmallInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment", name=op.f("pk_outreach_pause")),
    )
    op.execute(
        "insert into outreach_pause (experiment, ends, made_by, made_at) "
        "select experiment, 0, 'marketing', started_at from campaign where state in ('paused', 'draft', 'asked', 'approved') and experiment is not null"
    )
