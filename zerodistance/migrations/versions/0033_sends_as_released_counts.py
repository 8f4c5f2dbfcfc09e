"""sends as released counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.add_column("outreach_send", sa.Column("persons_told", sa.Integer(), nullable=True))
    op.add_column("outreach_send", sa.Column("reach_told", sa.Integer(), nullable=True))
    op.add_column(
        "outreach_message", sa.Column("panel", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.drop_index("ix_outreach_message_send", table_name="outreach_message")
    op.create_index(
        "ix_outreach_message_send", "outreach_message", ["send", "state", "reason", "panel"], unique=False
    )
