"""Appeals against a score that grants service: somebody asks, somebody else looks at it, and may set a score that it does not fall below for a time.

The ground is one of a few, never free text. An appeal names a subject of the person, so it follows them through merges and splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Column, Float, Integer, Table, delete, func, insert, select, update
from sqlalchemy import Text as Words

from zerodistance.core.models.contracts import Model, NoSuchCategory
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.things import owners
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.splits import Who as Numbers
from zerodistance.core.profiles.subjects import Earliest
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.state import metadata
from zerodistance.kernel.text import Text

GROUNDS = {
    "records_wrong": Text("记录有误", "the records are wrong"),
    "somebody_else": Text("是别人做的", "somebody else did it"),
    "good_reason": Text("事出有因", "there was a good reason"),
    "long_ago": Text("早已不同", "that was long ago"),
}
STATES = {
    "open": Text("待决", "open"),
    "granted": Text("已准", "granted"),
    "refused": Text("已驳回", "refused"),
    "over": Text("已到期", "over"),
}
DAYS = 365
"""How long a granted score holds where nobody says otherwise, own value."""
_AT_ONCE = 500

model_appeal = Table(
    "model_appeal",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("model", Words, nullable=False, index=True),
    Column("target", Words, nullable=False),
    Column("subject", BigInteger, nullable=False, index=True),  # the earliest one of the person
    Column("ground", Words, nullable=False),
    Column("filed_by", Words, nullable=False),
    Column("filed_at", BigInteger, nullable=False),  # microseconds UTC
    Column("decided_by", Words),
    Column("decided_at", BigInteger),
    Column("least", Float),  # 0 to 100; null: refused, or not decided
    Column("until", BigInteger),  # until then it does not fall below
    sqlite_autoincrement=True,
)


class NotAppealable(ZeroDistanceError):
    """Scores of a model grant nothing, so there is nothing to appeal against."""

    code, status = "not_appealable", 422
    text = Text(
        "{model} 的评分不授予服务权利，不能申诉",
        "scores of {model} grant no service and can't be appealed against",
    )


class NoSuchAppeal(NotFound):
    """There is no such appeal, or it is decided."""

    code = "no_such_appeal"
    text = Text("没有待决的申诉 {given}", "there is no open appeal {given}")


class OwnAppeal(ZeroDistanceError):
    """Whoever filed an appeal wants to decide it."""

    code, status = "own_appeal", 403
    text = Text(
        "申诉 {given} 由你提交，要由另一个人来决定",
        "you filed appeal {given}: somebody else has to decide it",
    )


@dataclass(frozen=True, slots=True)
class Appeal:
    """One appeal; times are microseconds UTC. `number_of_person` is None where nobody in the index has the subject."""

    number: int
    model: str
    target: str
    number_of_person: int | None
    ground: str
    filed_by: str
    filed_at: int
    decided_by: str | None
    decided_at: int | None
    least: float | None
    until: int | None

    @property
    def state(self) -> str:
        """`open`, `granted`, `refused`, or `over` when its time has passed."""
        if self.decided_at is None:
            return "open"
        if self.least is None or self.until is None:
            return "refused"
        return "granted" if self.until > clock.micros() else "over"


def file(home: Home, who: Who, model: Model, person: int, ground: str, target: str = "") -> int:
    """File an appeal of a person (their number) against their score; return its number. Needs SEE_PERSONS.

    Raises
    ------
    NotAppealable, NoSuchCategory, Invalid
        The model grants nothing; it has no such target; the ground is none of `GROUNDS`.
    """
    who.need(Permission.SEE_PERSONS)
    if not model.appeals:
        raise NotAppealable(model=model.key)
    if target not in model.targets:
        there = ", ".join(filter(None, model.targets)) or "–"
        raise NoSuchCategory(given=target or "–", model=model.key, there=there)
    if ground not in GROUNDS:
        there = ", ".join(GROUNDS)
        raise Invalid(
            field=Text("理由", "ground"), given=ground, why=Text(f"可用：{there}", f"there are {there}")
        )
    (subject,) = Earliest(profiles.current(home)).of(np.array([person], np.uint32)).tolist()
    row = {
        "model": model.key, "target": target, "subject": subject, "ground": ground, "filed_by": who.name, "filed_at": clock.micros(),
    }  # fmt: skip
    with home.state.write() as tx:
        made = tx.execute(insert(model_appeal).values(**row).returning(model_appeal.c.number))
        number = int(made.scalar_one())
    log("models").info("appealed", who=who.name, model=model.key, appeal=number)
    return number


def decide(home: Home, who: Who, number: int, least: float | None, days: int = DAYS) -> None:
    """Grant a score that the person's does not fall below for so many days, or refuse (`least` None); needs OPERATE, and another account than filed it.

    Raises
    ------
    NoSuchAppeal, OwnAppeal, Invalid
        It is not there, or decided; one's own; the score is not within 0 to 100, or days not within ten years.
    """
    who.need(Permission.OPERATE)
    if least is not None and not 0 <= least <= 100:
        raise Invalid(field=Text("分数", "score"), given=str(least), why=Text("0 至 100", "0 to 100"))
    if not 1 <= days <= 3_650:
        raise Invalid(field=Text("天数", "days"), given=str(days), why=Text("1 至 3650", "1 to 3,650"))
    now = clock.micros()
    with home.state.write() as tx:
        row = tx.execute(select(model_appeal).where(model_appeal.c.number == number)).mappings().first()
        if row is None or row["decided_at"] is not None:
            raise NoSuchAppeal(given=number)
        if row["filed_by"] == who.name:
            raise OwnAppeal(given=number)
        said = {
            "decided_by": who.name,
            "decided_at": now,
            "least": least,
            "until": None if least is None else now + days * clock.MICROS_PER_DAY,
        }
        tx.execute(update(model_appeal).where(model_appeal.c.number == number).values(**said))
    log("models").info("appeal_decided", who=who.name, appeal=number, granted=least is not None)


def listed(home: Home, who: Who, *, waiting: bool = False) -> list[Appeal]:
    """Return appeals, the newest first (`waiting`: those that nobody has decided, the oldest first); needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    query = select(model_appeal).order_by(model_appeal.c.number.desc())
    if waiting:
        query = (
            select(model_appeal).where(model_appeal.c.decided_at.is_(None)).order_by(model_appeal.c.number)
        )
    with home.state.read() as tx:
        rows = tx.execute(query).mappings().all()
    whose = _numbers(home, [int(row["subject"]) for row in rows])
    return [_appeal(row, whose) for row in rows]


def waiting(home: Home, who: Who) -> dict[str, tuple[int, int]]:
    """Return by model how many appeals nobody has decided, and when the oldest was filed (microseconds UTC); needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    table = model_appeal.c
    query = select(table.model, func.count(), func.min(table.filed_at)).where(table.decided_at.is_(None))
    with home.state.read() as tx:
        rows = tx.execute(query.group_by(table.model)).all()
    return {str(model): (int(many), int(oldest)) for model, many, oldest in rows}


def raised(home: Home, model: Model, target: str, who: Numbers, scores: Floats) -> Floats:
    """Return scores of persons (ascending), each at least what an appeal of theirs was granted."""
    if not model.appeals:
        return scores
    query = select(model_appeal.c.subject, model_appeal.c.least).where(
        model_appeal.c.model == model.key,
        model_appeal.c.target == target,
        model_appeal.c.until > clock.micros(),
    )
    with home.state.read() as tx:
        rows = tx.execute(query).all()
    whose, found = _numbers(home, [int(row.subject) for row in rows]), scores.copy()
    for row in rows:
        number = whose.get(int(row.subject))
        if (
            number is not None
            and (place := int(np.searchsorted(who, number))) < len(who)
            and who[place] == number
        ):
            found[place] = max(found[place], row.least)
    return found


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Take away the appeals of these subjects; may be run again."""
    removed, every = 0, sorted(set(subjects))
    with home.state.write() as tx:
        for start in range(0, len(every), _AT_ONCE):
            some = every[start : start + _AT_ONCE]
            removed += tx.execute(delete(model_appeal).where(model_appeal.c.subject.in_(some))).rowcount
    return {"model_appeal": removed}


def _numbers(home: Home, subjects: Sequence[int]) -> dict[int, int]:
    """Return the person of today of each subject that somebody has."""
    found = owners(home, np.array(subjects, np.int64)) if subjects else np.zeros(0, np.int64)
    return {subject: number for subject, number in zip(subjects, found.tolist(), strict=True) if number > 0}


def _appeal(row: Any, whose: dict[int, int]) -> Appeal:
    said = {key: row[key] for key in Appeal.__slots__ if key != "number_of_person"}
    return Appeal(**said, number_of_person=whose.get(int(row["subject"])))
