"""names are marked by their sound."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step; `unheard` asks the next rebuild to mark the names of the subjects there are anew."""
    op.execute(
        "insert into identity_number (key, value) select 'unheard', 0 from subject where number = (select min(number) from subject)"
    )
