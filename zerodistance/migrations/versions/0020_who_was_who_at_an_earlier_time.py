"""who was who at an earlier time, and tag indexes of earlier moments that somebody waits for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "profile_past",
        sa.Column("moment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("moment", name=op.f("pk_profile_past")),
    )
    op.create_index(op.f("ix_identity_change_old_person"), "identity_change", ["old_person"], unique=False)
