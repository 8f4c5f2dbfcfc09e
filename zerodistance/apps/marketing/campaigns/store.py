"""Tables of campaigns in the state store, and their queries. Private to the room. Times are microseconds UTC.

Who is in a campaign stands in the arms of its experiment, by subject; here is only how far each cohort of them is. `present` alone names
subjects: of whoever was in the segment when a campaign began that takes only those who come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
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

from zerodistance.kernel.state import Number, metadata, upsert

campaign = Table(
    "campaign",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),
    Column("unit_id", Integer),  # number of the unit; null: everybody's
    Column("state", Text, nullable=False, index=True),
    Column("why_zh", Text, nullable=False),
    Column("why_en", Text, nullable=False),
    Column("starts", Integer, nullable=False),  # 1: as soon as it is approved
    Column("running", Integer),  # version that is under way
    Column("experiment", Text),  # key; null before it starts
    Column(
        "most", BigInteger
    ),  # persons whom it may reach unless a second account approves; null: any number
    Column("look_at", BigInteger),  # when it next looks who enters; null: never
    Column("present", LargeBinary),  # Roaring: subjects who were there at the start and do not enter
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("asked_by", Text),
    Column("asked_as", Text),  # JSON: role and units of who asked, as whom it sends
    Column("asked_at", BigInteger),
    Column("means", Text),  # fingerprint of whom the audience held when it was asked for
    Column("approval", Text),  # what outreach's approving knows that question by
    Column("approved_by", Text),
    Column("approved_at", BigInteger),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Index("uq_campaign_key", "key", unique=True),
    sqlite_autoincrement=True,
)

campaign_version = Table(
    "campaign_version",
    metadata,
    Column("campaign", Integer, ForeignKey("campaign.number"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("said", Text, nullable=False),  # JSON form
    Column("saved_by", Text, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
)

campaign_cohort = Table(  # those who entered together: one assignment of the experiment
    "campaign_cohort",
    metadata,
    Column("campaign", Integer, ForeignKey("campaign.number"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # of the assignment
    Column("version", Integer, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("treated", BigInteger, nullable=False),  # how many persons, when they entered
    Column("held", BigInteger, nullable=False),
    Column("step", Integer, nullable=False),  # the message they wait for; the number of steps: through
    Column("due_at", BigInteger, nullable=False),
    Column("through_at", BigInteger),
    Index("ix_campaign_cohort_due", "through_at", "due_at"),
)

campaign_send = Table(
    "campaign_send",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("campaign", Integer, ForeignKey("campaign.number"), nullable=False),
    Column("cohort", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("part", Integer, nullable=False),  # from 1 on: countries with other templates, or another day
    Column("templates", Text, nullable=False),  # the best first, with spaces between
    Column("persons", BigInteger, nullable=False),  # whom it is to go to
    Column("stopped", Text, nullable=False),  # JSON: what took persons off the line before it -> how many
    Column("planned_at", BigInteger, nullable=False),
    Column("not_before", BigInteger),
    Column("subjects", LargeBinary),  # Roaring: whom it is to go to, until outreach has it
    Column("send", BigInteger),  # number in outreach; null: it is not there yet, or had nobody to send to
    Column("sent_at", BigInteger),  # when outreach had it
    Index("uq_campaign_send_once", "campaign", "cohort", "step", "part", unique=True),
    sqlite_autoincrement=True,
)

campaign_act = Table(
    "campaign_act",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("campaign", Integer, ForeignKey("campaign.number"), nullable=False, index=True),
    Column("act", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("done_by", Text, nullable=False),
    Column("why_zh", Text, nullable=False),
    Column("why_en", Text, nullable=False),
    Column("done_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

Row = Mapping[str, Any]


def _rows(found: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in found.mappings()]


def listed(tx: Connection, key: str | None = None, version: int | None = None) -> list[dict[str, Any]]:
    """Return every campaign, or that of a key, with its newest or the given version, last changed first."""
    c, v = campaign.c, campaign_version.c
    newest = select(v.campaign, func.max(v.version).label("versions")).group_by(v.campaign).subquery()
    found = (
        select(campaign, v.version, v.said, v.saved_by, v.saved_at, newest.c.versions)
        .join(newest, newest.c.campaign == c.number)
        .join(campaign_version, v.campaign == c.number)
        .where(v.version == (newest.c.versions if version is None else version))
        .order_by(v.saved_at.desc(), c.number.desc())
    )
    return _rows(tx.execute(found if key is None else found.where(c.key == key)))


def in_states(tx: Connection, states: Sequence[str]) -> list[dict[str, Any]]:
    """Return number, key and state of the campaigns that stand so, in the order in which they were made."""
    c = campaign.c
    found = select(campaign).where(c.state.in_(states)).order_by(c.number)
    return _rows(tx.execute(found))


def keys_like(tx: Connection, prefix: str) -> list[str]:
    """Return the keys that begin so."""
    return [row[0] for row in tx.execute(select(campaign.c.key)) if str(row[0]).startswith(prefix)]


def add(tx: Connection, **row: Any) -> int:
    """Add a campaign; return its number."""
    made = tx.execute(insert(campaign).values(row)).inserted_primary_key
    assert made is not None
    return int(made[0])


def add_version(tx: Connection, number: int, version: int, said: str, by: str, at: int) -> None:
    """Add a version."""
    row = {"campaign": number, "version": version, "said": said, "saved_by": by, "saved_at": at}
    tx.execute(insert(campaign_version).values(row))


def said(tx: Connection, number: int, version: int) -> str:
    """Return the JSON form of a version."""
    v = campaign_version.c
    return str(tx.execute(select(v.said).where((v.campaign == number) & (v.version == version))).scalar_one())


def move(tx: Connection, number: int, before: Sequence[str], **values: Any) -> bool:
    """Change a campaign that stands so; return False, and change nothing, where it stands otherwise by now."""
    c = campaign.c
    changed = update(campaign).where((c.number == number) & c.state.in_(before)).values(**values)
    return tx.execute(changed).rowcount == 1


def change(tx: Connection, number: int, **values: Any) -> None:
    """Change a campaign, however it stands."""
    tx.execute(update(campaign).where(campaign.c.number == number).values(**values))


def experiment_of(tx: Connection, number: int) -> str | None:
    """Return the key of the experiment of a campaign, None before it starts."""
    found = tx.execute(select(campaign.c.experiment).where(campaign.c.number == number)).scalar_one()
    return None if found is None else str(found)


def look(tx: Connection, number: int, before: int | None, at: int | None) -> None:
    """Set when a campaign next looks who enters, unless somebody has set that anew meanwhile."""
    c = campaign.c
    same = c.look_at.is_(None) if before is None else c.look_at == before
    tx.execute(update(campaign).where((c.number == number) & same).values(look_at=at))


def note(tx: Connection, **row: Any) -> None:
    """Add a line to the record of what was done to a campaign."""
    tx.execute(insert(campaign_act).values(row))


def acts(tx: Connection, number: int) -> list[dict[str, Any]]:
    """Return what was done to a campaign, the latest first."""
    a = campaign_act.c
    return _rows(tx.execute(select(campaign_act).where(a.campaign == number).order_by(a.id.desc())))


# -- cohorts


def add_cohort(tx: Connection, **row: Any) -> None:
    """Add a cohort; one that is there stays as it is."""
    tx.execute(
        upsert(campaign_cohort).values(row).on_conflict_do_nothing(index_elements=["campaign", "number"])
    )


def cohorts(tx: Connection, number: int) -> list[dict[str, Any]]:
    """Return the cohorts of a campaign, in the order in which they entered."""
    c = campaign_cohort.c
    return _rows(tx.execute(select(campaign_cohort).where(c.campaign == number).order_by(c.number)))


def due(tx: Connection, number: int, at: int) -> list[dict[str, Any]]:
    """Return the cohorts of a campaign whose step is due."""
    c = campaign_cohort.c
    waiting = (c.campaign == number) & c.through_at.is_(None) & (c.due_at <= at)
    return _rows(tx.execute(select(campaign_cohort).where(waiting).order_by(c.due_at, c.number)))


def advance(tx: Connection, number: int, cohort: int, before: int, **values: Any) -> bool:
    """Move a cohort on from a step; return False where it has gone on already."""
    c = campaign_cohort.c
    here = (c.campaign == number) & (c.number == cohort) & (c.step == before)
    return tx.execute(update(campaign_cohort).where(here).values(**values)).rowcount == 1


def add_sends(tx: Connection, rows: Sequence[Row]) -> None:
    """Add what a step sends, in parts."""
    if rows:
        tx.execute(insert(campaign_send), [dict(row) for row in rows])


def waiting_sends(tx: Connection, number: int) -> list[dict[str, Any]]:
    """Return what steps have decided to send and outreach does not have yet, in order."""
    s = campaign_send.c
    waiting = (s.campaign == number) & s.sent_at.is_(None)
    return _rows(tx.execute(select(campaign_send).where(waiting).order_by(s.id)))


def sent(tx: Connection, which: int, send: int | None, at: int) -> None:
    """Note that outreach has a send; who was meant is not kept here any more."""
    s = campaign_send
    tx.execute(update(s).where(s.c.id == which).values(send=send, sent_at=at, subjects=None))


def ended_since(tx: Connection, at: int) -> list[int]:
    """Return the sends in outreach of the campaigns that ended after a moment."""
    c, s = campaign.c, campaign_send.c
    found = select(s.send).join(campaign, c.number == s.campaign).where(c.ended_at > at, s.send.is_not(None))
    return [int(row[0]) for row in tx.execute(found.order_by(s.id))]


def let_go(tx: Connection, number: int, at: int) -> None:
    """Keep nothing of what steps have decided to send and outreach does not have: the campaign has ended."""
    s = campaign_send
    waiting = (s.c.campaign == number) & s.c.sent_at.is_(None)
    tx.execute(update(s).where(waiting).values(sent_at=at, subjects=None))


def sends(tx: Connection, number: int) -> list[dict[str, Any]]:
    """Return the sends of a campaign without whom they go to, in order."""
    s = campaign_send.c
    columns = [column for column in campaign_send.c if column.name != "subjects"]
    return _rows(tx.execute(select(*columns).where(s.campaign == number).order_by(s.id)))


# -- what names subjects


def with_subjects(tx: Connection) -> list[tuple[str, int, bytes]]:
    """Return (table, number, subjects) of everything here that names somebody."""
    c, s = campaign.c, campaign_send.c
    present = tx.execute(select(c.number, c.present).where(c.present.is_not(None)))
    waiting = tx.execute(select(s.id, s.subjects).where(s.subjects.is_not(None)))
    return [
        *(("campaign", row[0], bytes(row[1])) for row in present),
        *(("campaign_send", row[0], bytes(row[1])) for row in waiting),
    ]


def rewrite(tx: Connection, table: str, number: int, subjects: bytes) -> None:
    """Write the subjects of a row of `with_subjects` anew, without somebody."""
    if table == "campaign":
        change(tx, number, present=subjects)
    else:
        tx.execute(update(campaign_send).where(campaign_send.c.id == number).values(subjects=subjects))
