"""households: members, homes, and old numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "household_alias",
        sa.Column("old", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("household", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("old", name=op.f("pk_household_alias")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_household_alias_household"), "household_alias", ["household"], unique=False)
    op.create_table(
        "household_home",
        sa.Column("household", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("home", sa.LargeBinary(length=16), nullable=False),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("household", "home", "subject", name=op.f("pk_household_home")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_household_home_subject"), "household_home", ["subject"], unique=False)
    op.create_table(
        "household_member",
        sa.Column("household", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("household", "subject", "since", name=op.f("pk_household_member")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_household_member_subject"), "household_member", ["subject"], unique=False)
