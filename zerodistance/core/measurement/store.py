"""Tables of measurement in the state store, and their queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from zerodistance.kernel.state import Number, metadata

experiment = Table(
    "experiment",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("unit_id", Integer),  # number of the unit; null: everybody's
    Column("share_held", Float, nullable=False),
    Column("said", Text, nullable=False),  # JSON: goal, plan, stratify, score, channel
    Column("everywhere", Integer, nullable=False),  # 1: the global holdout
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("ended_by", Text),
    Column("ended_at", BigInteger),
    sqlite_autoincrement=True,
)

experiment_assignment = Table(
    "experiment_assignment",
    metadata,
    Column("experiment", Integer, ForeignKey("experiment.number"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1 on
    Column("assigned_at", BigInteger, nullable=False),
    Column("assigned_by", Text, nullable=False),
    Column("asked", BigInteger, nullable=False),  # keyed hash of who was given: asked again it is the same
    Column("again", LargeBinary, nullable=False),  # subjects of those given who had been assigned before
    Column("persons", BigInteger, nullable=False),  # newly assigned, when they were
    Column("held", BigInteger, nullable=False),  # held out of these, those held out of everything included
    Column("reason", Text),  # why nobody is held out; null: there is a holdout
    Index("ix_experiment_assignment_asked", "experiment", "asked"),
)

experiment_arm = Table(
    "experiment_arm",
    metadata,
    Column("experiment", Integer, ForeignKey("experiment.number"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("stratum", Text, primary_key=True),  # nodes with | between; empty: there is one only
    Column("band", Integer, primary_key=True, autoincrement=False),  # tenth of the score, -1: none
    Column("treated", LargeBinary, nullable=False),  # subjects, see packing.py
    Column("held", LargeBinary, nullable=False),
    Column("aside", LargeBinary, nullable=False),  # held out of everything: in neither arm
)

experiment_cost = Table(
    "experiment_cost",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("experiment", Integer, ForeignKey("experiment.number"), nullable=False, index=True),
    Column("amount", Float, nullable=False),  # of the home's currency
    Column("what", Text, nullable=False),
    Column("per_message", Integer, nullable=False),
    Column("channel", Text),
    Column("booked_by", Text, nullable=False),
    Column("booked_at", BigInteger, nullable=False),
)

experiment_look = Table(
    "experiment_look",
    metadata,
    Column("experiment", Integer, ForeignKey("experiment.number"), primary_key=True),
    Column("looked_at", BigInteger, primary_key=True, autoincrement=False),
    Column("treated", BigInteger, nullable=False),  # persons
    Column("treated_reached", BigInteger, nullable=False),  # of them, who had reached the goal
    Column("held", BigInteger, nullable=False),
    Column("held_reached", BigInteger, nullable=False),
)

BLOBS = ("treated", "held", "aside")


def add(tx: Connection, **row: Any) -> int:
    """Add an experiment; return its number."""
    made = tx.execute(insert(experiment).values(row)).inserted_primary_key
    assert made is not None
    return int(made[0])


def found(tx: Connection, key: str | None = None, *, everywhere: bool = False) -> list[Mapping[str, Any]]:
    """Return experiments, the newest first, with what was assigned: one, all, or the global holdouts that have not ended."""
    e, a = experiment.c, experiment_assignment.c
    sums = (
        select(
            a.experiment,
            func.max(a.number).label("assignments"),
            func.sum(a.persons).label("persons"),
            func.sum(a.held).label("held"),
            func.max(a.assigned_at).label("last_at"),
        )
        .group_by(a.experiment)
        .subquery()
    )
    asked = select(experiment, sums.c.assignments, sums.c.persons, sums.c.held, sums.c.last_at).select_from(
        experiment.outerjoin(sums, sums.c.experiment == e.number)
    )
    if key is not None:
        asked = asked.where(e.key == key)
    if everywhere:
        asked = asked.where(e.everywhere == 1, e.ended_at.is_(None))
    return [dict(row) for row in tx.execute(asked.order_by(e.number.desc())).mappings()]


def end(tx: Connection, number: int, by: str, at: int) -> None:
    """Note that an experiment has ended."""
    e = experiment
    tx.execute(update(e).where(e.c.number == number, e.c.ended_at.is_(None)).values(ended_by=by, ended_at=at))


def last(tx: Connection, number: int) -> int:
    """Return the number of the last assignment of an experiment, 0 before the first."""
    a = experiment_assignment.c
    return int(
        tx.execute(select(func.coalesce(func.max(a.number), 0)).where(a.experiment == number)).scalar_one()
    )


def add_assignment(tx: Connection, row: Mapping[str, Any], arms: Sequence[Mapping[str, Any]]) -> None:
    """Add an assignment with its arms."""
    tx.execute(insert(experiment_assignment).values(dict(row)))
    if arms:
        tx.execute(insert(experiment_arm), [dict(one) for one in arms])


def assignments(
    tx: Connection, number: int, *, which: int | None = None, asked: int | None = None
) -> list[Mapping[str, Any]]:
    """Return the assignments of an experiment in order: all, one, or those of who was asked for with a hash."""
    a = experiment_assignment
    wanted = select(a).where(a.c.experiment == number)
    wanted = wanted if which is None else wanted.where(a.c.number == which)
    wanted = wanted if asked is None else wanted.where(a.c.asked == asked)
    return [dict(row) for row in tx.execute(wanted.order_by(a.c.number)).mappings()]


class Arm(NamedTuple):
    """Who was put where by an assignment, of one stratum and tenth: subjects, see `packing`."""

    number: int
    stratum: str
    band: int
    treated: bytes
    held: bytes
    aside: bytes
    assigned_at: int


def arms(tx: Connection, number: int, after: int = 0) -> list[Arm]:
    """Return the arms of the assignments of an experiment after one, in order."""
    a, b = experiment_assignment.c, experiment_arm.c
    wanted = (
        select(b.number, b.stratum, b.band, b.treated, b.held, b.aside, a.assigned_at)
        .join(experiment_assignment, (a.experiment == b.experiment) & (a.number == b.number))
        .where(b.experiment == number, b.number > after)
        .order_by(b.number, b.stratum, b.band)
    )
    return [Arm(*row) for row in tx.execute(wanted)]


def every_arm(tx: Connection) -> list[tuple[int, int, str, int]]:
    """Return the keys of all arms of all experiments."""
    b = experiment_arm.c
    rows = tx.execute(select(b.experiment, b.number, b.stratum, b.band))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def arm(tx: Connection, key: tuple[int, int, str, int]) -> Mapping[str, Any]:
    """Return one arm."""
    return dict(tx.execute(select(experiment_arm).where(_is(key))).mappings().one())


def rewrite(tx: Connection, key: tuple[int, int, str, int], blobs: Mapping[str, bytes]) -> None:
    """Write an arm anew, without somebody."""
    tx.execute(update(experiment_arm).where(_is(key)).values(dict(blobs)))


def _is(key: tuple[int, int, str, int]) -> Any:
    b = experiment_arm.c
    return (b.experiment == key[0]) & (b.number == key[1]) & (b.stratum == key[2]) & (b.band == key[3])


def every_again(tx: Connection) -> list[tuple[int, int, bytes]]:
    """Return experiment, number and who was asked for again, of all assignments where somebody was."""
    a = experiment_assignment.c
    rows = tx.execute(select(a.experiment, a.number, a.again).where(func.length(a.again) > 0))
    return [(row[0], row[1], bytes(row[2])) for row in rows]


def rewrite_again(tx: Connection, number: int, which: int, again: bytes) -> None:
    """Write who was asked for again anew, without somebody."""
    a = experiment_assignment
    tx.execute(update(a).where(a.c.experiment == number, a.c.number == which).values(again=again))


# -- costs


def add_cost(tx: Connection, **row: Any) -> None:
    """Book a cost."""
    tx.execute(insert(experiment_cost).values(row))


def costs(tx: Connection, number: int) -> list[Mapping[str, Any]]:
    """Return the costs of an experiment, in the order in which they were booked."""
    c = experiment_cost
    return [
        dict(row)
        for row in tx.execute(select(c).where(c.c.experiment == number).order_by(c.c.number)).mappings()
    ]


# -- looks


def add_look(tx: Connection, **row: Any) -> None:
    """Note what an hourly look saw."""
    tx.execute(insert(experiment_look).values(row))


def looks(tx: Connection, number: int) -> list[Mapping[str, Any]]:
    """Return the looks at an experiment, in order."""
    c = experiment_look
    wanted = select(c).where(c.c.experiment == number).order_by(c.c.looked_at)
    return [dict(row) for row in tx.execute(wanted).mappings()]


def last_looks(tx: Connection) -> dict[int, Mapping[str, Any]]:
    """Return experiment -> its last look."""
    c = experiment_look
    newest = (
        select(c.c.experiment, func.max(c.c.looked_at).label("looked_at")).group_by(c.c.experiment).subquery()
    )
    wanted = select(c).join(
        newest, (c.c.experiment == newest.c.experiment) & (c.c.looked_at == newest.c.looked_at)
    )
    return {row["experiment"]: dict(row) for row in tx.execute(wanted).mappings()}
