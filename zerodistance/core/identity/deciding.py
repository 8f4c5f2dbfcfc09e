"""What people decide about two subjects: one person, two persons, or not to be told. It holds until it is withdrawn, and outweighs what was seen or matched."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from zerodistance.core.identity import loading, store
from zerodistance.core.identity.contracts import Decision, NoSuchDecision, NoSuchPerson, Rebuilt, Verdict
from zerodistance.core.identity.rebuild import rebuild
from zerodistance.core.identity.weighed import Asked
from zerodistance.kernel import bulk, clock, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_BESIDE = 1_000  # own value: more subjects beside two persons wait for the next rebuild


def decide(
    home: Home,
    who: Who,
    a: int,
    b: int,
    verdict: Verdict,
    why: str = "",
    *,
    asked: Asked = Asked.HAND,
) -> Rebuilt:
    """Write down whether two subjects are one person, and apply it to the persons they belong to; a later decision replaces an earlier one.

    Parameters
    ----------
    verdict
        `same` joins them, whatever guards say; `different` keeps their persons apart, whatever joins them; `unsure` changes nothing and is not asked again.
    asked
        Whether the program asked about the two: precision and recall are estimated from such decisions alone.

    Raises
    ------
    Invalid
        The two are one subject.
    NoSuchPerson
        One of them is not there (any more).
    """
    who.need(Permission.OPERATE)
    if a == b:
        raise Invalid(
            field=Text("主体", "the subjects"),
            given=f"{a}, {b}",
            why=Text("要给出两个不同的主体", "give two different ones"),
        )
    with home.state.write() as tx:
        found = store.of_subjects(tx, [a, b])
        if len(found) < 2:
            raise NoSuchPerson(given=next(one for one in (a, b) if one not in found))
        first, second = sorted((a, b), key=lambda one: (found[one][1], one))
        said = bulk.rows(tx, "select bits, model from identity_match where a = ? and b = ?", (first, second))
        weight, model = said[0] if said else (None, "")
        row = {
            "a": first,
            "b": second,
            "verdict": verdict.value,
            "why": why.strip(),
            "by": who.name,
            "at": clock.micros(),
            "asked": asked.value,
        }
        tx.execute(insert(store.identity_decision).values(**row, bits=weight, model=model))
        store.next_generation(tx)
        near = _near(tx, [found[a][0], found[b][0]])
    fault.point("identity.decided")
    return rebuild(home, only=near, reason="decide")


def withdraw(home: Home, who: Who, number: int) -> Rebuilt:
    """Take a decision back: what was seen and matched decides again.

    Raises
    ------
    NoSuchDecision
        There is none with that number, or it was withdrawn before.
    """
    who.need(Permission.OPERATE)
    with home.state.write() as tx:
        rows = bulk.rows(
            tx, "select a, b from identity_decision where number = ? and withdrawn_at is null", (number,)
        )
        if not rows:
            raise NoSuchDecision(given=number)
        bulk.run(
            tx, "update identity_decision set withdrawn_at = ? where number = ?", (clock.micros(), number)
        )
        store.next_generation(tx)
        near = _near(tx, [found[0] for found in store.of_subjects(tx, rows[0]).values()])
    fault.point("identity.decided")
    return rebuild(home, only=near, reason="decide")


def _near(tx: Connection, persons: Sequence[int]) -> list[int]:
    """Return who is in some persons, and in those of contact data that stood with them: an earlier decision may have left a phone on its own."""
    mine = _members(tx, persons)
    beside = loading.around(tx, mine)
    if len(beside) > _BESIDE:
        return mine
    return _members(tx, [*persons, *(found[0] for found in store.of_subjects(tx, beside).values())])


def _members(tx: Connection, persons: Sequence[int]) -> list[int]:
    return [member[0] for person in sorted(set(persons)) for member in store.members(tx, person)]


def decisions(home: Home, who: Who, limit: int = 100) -> list[Decision]:
    """Return what was decided, the newest first; withdrawn ones too."""
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        return [
            _decision(row) for row in bulk.rows(tx, f"{_DECISION} order by number desc limit ?", (limit,))
        ]


def held(home: Home, a: int, b: int) -> Decision:
    """Return the decision that holds on a pair.

    Raises
    ------
    NoSuchDecision
        None does.
    """
    sql = f"{_DECISION} where a = ? and b = ? and withdrawn_at is null order by number desc limit 1"
    with home.state.read() as tx:
        rows = bulk.rows(tx, sql, (a, b)) or bulk.rows(tx, sql, (b, a))
    if not rows:
        raise NoSuchDecision(given=f"{a}-{b}")
    return _decision(rows[0])


_DECISION = "select number, a, b, verdict, why, by, at, bits, model, withdrawn_at from identity_decision"


def _decision(row: bulk.Row) -> Decision:
    n, a, b, verdict, why, by, at, bits, model, gone = row
    return Decision(n, a, b, Verdict(verdict), why, by, at, None if bits is None else bits / 1e6, model, gone)
