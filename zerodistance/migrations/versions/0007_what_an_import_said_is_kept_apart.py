"""what an import said is kept apart, so that it can be undone."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEYS = {
    "evidence": ["b", "a", "rule", "at", "origin"],
    "identity_vault": ["subject", "field", "origin"],
    "identity_fact": ["subject", "fact", "origin"],
}


def upgrade() -> None:
    """Make the step; what is there already counts as live."""
    op.add_column("batch", sa.Column("origin", sa.Integer(), nullable=False, server_default="0"))
    op.create_index(op.f("ix_batch_origin"), "batch", ["origin"], unique=False)
    op.add_column("subject", sa.Column("live_at", sa.BigInteger(), nullable=True))
    op.execute("update subject set live_at = first_at")
    lite = op.get_bind().dialect.name == "sqlite"
    for table, key in _KEYS.items():
        origin = sa.Column("origin", sa.Integer(), autoincrement=False, nullable=False, server_default="0")
        anew: Literal["always", "auto"] = "always" if lite else "auto"
        with op.batch_alter_table(table, recreate=anew, table_kwargs={"sqlite_with_rowid": False}) as changed:
            # At its place in the key: SQLite 3.40 takes values for null in a keyed table whose key is not in front.
            changed.add_column(origin, insert_after=key[-2] if lite else None)
            changed.drop_constraint(op.f(f"pk_{table}"), type_="primary")
            changed.create_primary_key(op.f(f"pk_{table}"), key)
    op.create_table(
        "identity_sighting",
        sa.Column("origin", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "subject", name=op.f("pk_identity_sighting")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_identity_sighting_subject"), "identity_sighting", ["subject"], unique=False)
    op.create_table(
        "undo_request",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("import_job", sa.Integer(), nullable=False),
        sa.Column("touches", sa.BigInteger(), nullable=True),
        sa.Column("counted", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_undo_request")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_undo_request_import_job"), "undo_request", ["import_job"], unique=False)
    op.create_table(
        "set_aside",
        sa.Column("batch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("touches", sa.Integer(), nullable=False),
        sa.Column("fingerprints", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("batch", name=op.f("pk_set_aside")),
    )
    op.create_index(op.f("ix_set_aside_at"), "set_aside", ["at"], unique=False)
    op.create_index(op.f("ix_set_aside_due"), "set_aside", ["due"], unique=False)
