"""a source's record is stronger than a phone or an e-mail address, and subjects have the mark of their name.

Namespaces are kept as their rank: record 5 becomes 3, phone 3 becomes 5, email 4 becomes 6, device_id 6 becomes 7, anonymous_id 7 becomes 8; evidence between
records and contact data is turned round.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_RANK = (
    "case {column} when 5 then 3 when 3 then 5 when 4 then 6 when 6 then 7 when 7 then 8 else {column} end"
)


def upgrade() -> None:
    """Make the step; `unnamed` asks the next rebuild to read the names of the subjects there are."""
    op.add_column("subject", sa.Column("named", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("subject", sa.Column("named_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "identity_mention",
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("mentions", sa.Integer(), nullable=False),
        sa.Column("lowest", sa.BigInteger(), nullable=False),
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("batch", name=op.f("pk_identity_mention")),
    )
    op.create_index(op.f("ix_identity_mention_origin"), "identity_mention", ["origin"], unique=False)
    op.create_table(
        "identity_match",
        sa.Column("b", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("a", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bits", sa.BigInteger(), nullable=False),
        sa.Column("linked", sa.SmallInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("b", "a", name=op.f("pk_identity_match")),
    )
    op.create_index("ix_identity_match_a", "identity_match", ["a"], unique=False)
    op.create_index("ix_identity_match_linked", "identity_match", ["linked", "bits"], unique=False)
    op.create_table(
        "identity_decision",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("a", sa.BigInteger(), nullable=False),
        sa.Column("b", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("bits", sa.BigInteger(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False, server_default=""),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_identity_decision")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_identity_decision_a"), "identity_decision", ["a"], unique=False)
    op.create_index(op.f("ix_identity_decision_b"), "identity_decision", ["b"], unique=False)
    op.execute(
        "insert into identity_number (key, value) select 'unnamed', 0 from subject where number = (select min(number) from subject)"
    )
    for table, column in (("subject", "namespace"), ("identity_shared", "by")):
        op.execute(f"update {table} set {column} = {_RANK.format(column=column)} where {column} > 2")
    op.execute(
        "update evidence set a = b, b = a where exists (select 1 from subject s where s.number = evidence.b and s.namespace = 3) "
        "and exists (select 1 from subject s where s.number = evidence.a and s.namespace in (5, 6))"
    )
