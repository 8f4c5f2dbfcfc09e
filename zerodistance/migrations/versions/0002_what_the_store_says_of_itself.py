"""what the store says of itself, and the last number of a change beside the other numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "state_note",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_state_note")),
    )
    if (
        op.get_bind().dialect.name == "sqlite"
    ):  # the numbers of changes that were forgotten must not be given again
        op.execute(
            "insert into identity_number (key, value) select 'change', seq from sqlite_sequence where name = 'identity_change'"
        )
