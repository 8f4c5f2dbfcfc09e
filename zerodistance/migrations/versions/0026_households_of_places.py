"""places: how many homes a community has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.add_column("place", sa.Column("households", sa.Integer(), nullable=True))
