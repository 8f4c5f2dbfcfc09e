"""The review queue: pairs of which the matcher is not sure, side by side, for somebody to decide; and a sample of what it joined, to be checked."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, insert

from zerodistance.core.identity import mentions, reading, rules, store
from zerodistance.core.identity.aligned import aligned
from zerodistance.core.identity.contracts import Decision, NoSuchPerson, Verdict
from zerodistance.core.identity.deciding import decide, held
from zerodistance.core.identity.ruling import versions
from zerodistance.core.identity.weighed import COUNTED, Asked, Field, Place, Review, Reviews
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

_OTHERWISE = 1.0  # own value: bits by which what is shown may differ from what was matched before it is said
_RANK = {
    Asked.DOUBT: "m.bits",
    Asked.LINK: "(m.b * 7919 + m.a * 104729) % 1000003",  # own values, primes: an order that has nothing to do with who they are
}
_CHECKED = "select count(*) from identity_decision where asked = 'link'"
_AT_ONCE = 1_000  # own value: matches that are looked at for the next ones that are left


def reviews(
    home: Home,
    who: Who,
    after: Place | None = None,
    limit: int = 1,
    *,
    before: Place | None = None,
    asked: Asked = Asked.DOUBT,
) -> Reviews:
    """Return pairs that wait for a decision, with what speaks for and against their being one person.

    Parameters
    ----------
    after, before
        Go on after this place, or back from it; None: from the beginning.
    asked
        `DOUBT`: pairs of two persons that the matcher left open, the likeliest first. `LINK`: pairs that it joined, in an order that has nothing to
        do with who they are, so that the first so many are a sample of all.
    """
    who.need(Permission.OPERATE)
    rank, back, place = _RANK[asked], before is not None, before or after
    less, more = ("<", ">") if not back else (">", "<")
    up, down = ("asc", "desc") if not back else ("desc", "asc")
    beyond, bound = "", tuple[int, ...]()
    if place is not None:
        beyond = f" and ({rank} {less} ? or ({rank} = ? and (m.b {more} ? or (m.b = ? and m.a {more} ?))))"
        bound = (place.rank, place.rank, place.b, place.b, place.a)
    order = f"order by {rank} {down}, m.b {up}, m.a {up} limit ?"
    with home.state.read() as tx:
        if asked == Asked.DOUBT:
            waiting, first = store.UNDECIDED, tuple[int, ...]()
        else:  # the order is that of no index: all are passed in the order they lie in (+), and the next taken before it is asked which are left
            some = f"(select m.b, m.a, m.linked from identity_match m where +m.linked = 1{beyond} {order})"
            waiting = store.PAIRS.format(matches=some, linked=1, differ="=")
            first = (*bound, _AT_ONCE + int(bulk.value(tx, _CHECKED)))
        sql = f"select {rank}, m.b, m.a {waiting}{beyond} {order}"
        found = [Place(*row) for row in bulk.rows(tx, sql, (*first, *bound, limit))]
        found = found[::-1] if back else found
        pairs = tuple(_review(home, tx, one.a, one.b) for one in found)
        return Reviews(pairs, tuple(found), waits(tx, asked))


def waits(tx: Connection, asked: Asked) -> int:
    """Return how many pairs wait for somebody, counted up to `COUNTED`."""
    linked = store.PAIRS.format(matches="identity_match", linked=1, differ="=")
    waiting = store.UNDECIDED if asked == Asked.DOUBT else linked
    return int(bulk.value(tx, f"select count(*) from (select 1 {waiting} limit {COUNTED}) as waiting"))


def review(home: Home, who: Who, a: int, b: int) -> Review:
    """Return one pair that the matcher weighed.

    Raises
    ------
    NoSuchPerson
        It weighed no such pair, or one of the two has been forgotten.
    """
    who.need(Permission.OPERATE)
    with home.state.read() as tx:
        return _review(home, tx, a, b)


def reveal_pair(home: Home, who: Who, a: int, b: int) -> Review:
    """Return one pair with whole values, and write down who read them.

    Raises
    ------
    NoSuchPerson
        The matcher weighed no such pair, or one of the two has been forgotten.
    """
    who.need(Permission.OPERATE)
    who.need(Permission.REVEAL)
    with home.state.write() as tx:
        shown = _review(home, tx, a, b, whole=True)
        rows = [
            {
                "at": clock.micros(), "account": who.account, "name": who.name, "person": person, "field": "review",
                "purpose": "review", "case_id": f"{a}-{b}", "values_shown": len(shown.fields),
            }
            for person in sorted({shown.left.id, shown.right.id})
        ]  # fmt: skip
        tx.execute(insert(store.identity_reveal), rows)
    return replace(shown, revealed=True)


def judge(home: Home, who: Who, a: int, b: int, verdict: Verdict, asked: Asked) -> Decision:
    """Decide on a pair that was asked about, apply it at once, and return the decision, which can be withdrawn."""
    decide(home, who, a, b, verdict, asked=asked)
    return held(home, a, b)


def _review(home: Home, tx: Connection, a: int, b: int, *, whole: bool = False) -> Review:
    # what reads names is large, and few commands need it
    from zerodistance.core.identity.beside import likest
    from zerodistance.core.identity.matching.score import likely
    from zerodistance.core.identity.matching.telling import weights

    there = store.of_subjects(tx, [a, b])
    said = bulk.rows(tx, "select bits, model from identity_match where a = ? and b = ?", (a, b))
    if len(there) < 2 or not said:
        raise NoSuchPerson(given=f"{a}-{b}")
    bits, model = said[0][0] / 1e6, said[0][1]
    x, y, scorer = likest(home, tx, a, b)
    parts = weights(scorer, x.face, y.face)
    left, right = (reading.brief(home, store.members(tx, there[one][0]), there[one][0]) for one in (a, b))
    shown = tuple(
        Field(name, *aligned(name, x.way.get(name, ""), y.way.get(name, ""), whole=whole))
        for name in mentions.FIELDS
        if name in x.way or name in y.way
    )
    older = model == scorer.model.name and abs(scorer.pair(x.face, y.face) - bits) > _OTHERWISE
    rest = bits - sum(one.bits for one in parts)
    by = versions.in_force(tx)[1]
    apart = tuple(
        rules.NAMESPACES[rank].label
        for rank in sorted(by.unique)
        if left.id != right.id and rules.NAMESPACES[rank].key in left.counts.keys() & right.counts.keys()
    )
    return Review(a, b, left, right, shown, parts, bits, likely(bits), rest, model, older, apart)
