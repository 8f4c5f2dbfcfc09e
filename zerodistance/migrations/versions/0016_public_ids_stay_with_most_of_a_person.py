"""public ids stay with most of a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.add_column("subject", sa.Column("settled", sa.BigInteger(), server_default="0", nullable=False))
