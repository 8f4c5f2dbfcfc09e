"""months of warranty."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.add_column("category", sa.Column("warranty_months", sa.Integer(), nullable=True))
    op.add_column("product", sa.Column("warranty_months", sa.Integer(), nullable=True))
