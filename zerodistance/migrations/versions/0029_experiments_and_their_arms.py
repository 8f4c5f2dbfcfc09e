"""experiments and their arms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "experiment",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("share_held", sa.Float(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("everywhere", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_experiment")),
        sa.UniqueConstraint("key", name=op.f("uq_experiment_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "experiment_arm",
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("band", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("treated", sa.LargeBinary(), nullable=False),
        sa.Column("held", sa.LargeBinary(), nullable=False),
        sa.Column("aside", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiment.number"], name=op.f("fk_experiment_arm_experiment_experiment")
        ),
        sa.PrimaryKeyConstraint("experiment", "number", "stratum", "band", name=op.f("pk_experiment_arm")),
    )
    op.create_table(
        "experiment_assignment",
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("assigned_at", sa.BigInteger(), nullable=False),
        sa.Column("assigned_by", sa.Text(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("again", sa.LargeBinary(), nullable=False),
        sa.Column("persons", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiment.number"], name=op.f("fk_experiment_assignment_experiment_experiment")
        ),
        sa.PrimaryKeyConstraint("experiment", "number", name=op.f("pk_experiment_assignment")),
    )
    op.create_index(
        "ix_experiment_assignment_asked", "experiment_assignment", ["experiment", "asked"], unique=False
    )
    op.create_table(
        "experiment_cost",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Float(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("per_message", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("booked_by", sa.Text(), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiment.number"], name=op.f("fk_experiment_cost_experiment_experiment")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_experiment_cost")),
    )
    op.create_index(op.f("ix_experiment_cost_experiment"), "experiment_cost", ["experiment"], unique=False)
    op.create_table(
        "experiment_look",
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("treated", sa.BigInteger(), nullable=False),
        sa.Column("treated_reached", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("held_reached", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiment.number"], name=op.f("fk_experiment_look_experiment_experiment")
        ),
        sa.PrimaryKeyConstraint("experiment", "looked_at", name=op.f("pk_experiment_look")),
    )
