"""channels, links, receipts and the inbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "outreach_channel",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("is_on", sa.SmallInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_outreach_channel")),
    )
    op.create_table(
        "outreach_inbox",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("put_at", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outreach_inbox")),
        sa.UniqueConstraint("message", name=op.f("uq_outreach_inbox_message")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outreach_inbox_put_at"), "outreach_inbox", ["put_at"], unique=False)
    op.create_index("ix_outreach_inbox_subject", "outreach_inbox", ["subject", "number"], unique=False)
    op.create_table(
        "outreach_link",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outreach_link")),
        sa.UniqueConstraint("digest", name=op.f("uq_outreach_link_digest")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "outreach_receipt",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("link", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message", "what", "link", name=op.f("pk_outreach_receipt")),
    )
    op.create_index("ix_outreach_receipt_first_at", "outreach_receipt", ["first_at"], unique=False)
    op.create_index(op.f("ix_outreach_receipt_subject"), "outreach_receipt", ["subject"], unique=False)
    op.create_table(
        "outreach_reference",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "reference", name=op.f("pk_outreach_reference")),
    )
    op.create_index(op.f("ix_outreach_reference_kept_at"), "outreach_reference", ["kept_at"], unique=False)
    op.create_index(op.f("ix_outreach_reference_subject"), "outreach_reference", ["subject"], unique=False)
