"""Why a person is one: evidence, matches with what each field weighs, decisions; what was kept apart and by what; and the path between any two records."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from zerodistance.core.identity import reading, rules, settling, store
from zerodistance.core.identity.contracts import Edge, EdgeState, Explanation, NoSuchPerson, Path, Weight
from zerodistance.core.identity.reading import Member
from zerodistance.core.identity.rules import RuleSet
from zerodistance.core.identity.ruling import versions
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

MOST_EDGES = 300
"""Pieces of evidence that an explanation shows (own value: more are no picture)."""
_WEIGHED = 12  # own value: matches of which each field is read and weighed again
_MATCH, _DECIDED = "match", "decided"
_Ends = tuple[int, int]
_Subject = tuple[int, int, bytes, int, int]
"""Person, namespace rank, token, first_at, shared."""


def explain(home: Home, who: Who, person_id: str, *, weigh: bool = True) -> Explanation:
    """Return what makes a person one, and the neighbours that guards, decisions and doubts keep apart.

    Parameters
    ----------
    weigh
        False: without what each comparison of a match says, for which the batches that the two came by are read.

    Raises
    ------
    NoSuchPerson
        The id belongs to nobody, or the person has been forgotten.
    """
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        number, asked = reading.resolve(home, tx, person_id)
        members = store.members(tx, number)
        person = reading.shown(home, tx, members, number, asked)
        inside = [m[0] for m in members]
        edges, of, more = _edges(home, tx, inside, MOST_EDGES, weigh=weigh)
        others = {subject: one for subject, one in of.items() if one[0] != number}
        names = [m for m in members if m[1] in rules.MADE]
        nodes = (
            *person.identifiers,
            *reading.identifiers(home, tx, names),
            *reading.identifiers(home, tx, [(s, *o[1:]) for s, o in others.items()]),
        )
        ids = settling.named(tx, [one[0] for one in others.values()])
        turns = reading.in_turn(home, tx, inside)
    apart = {subject: home.seal.public_id("p", ids[one[0]]) for subject, one in others.items()}
    return Explanation(person, nodes, edges, apart, more, turns)


def path(home: Home, who: Who, a: int, b: int) -> Path:
    """Return the shortest way from one subject to another over what joins them; where nothing does, over what was kept apart.

    Raises
    ------
    NoSuchPerson
        One of the two is not there (any more).
    """
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        there = store.of_subjects(tx, [a, b])
        for one in (a, b):
            if one not in there:
                raise NoSuchPerson(given=one)
        inside = sorted({m[0] for person, *_ in there.values() for m in store.members(tx, person)})
        edges, of, _ = _edges(home, tx, inside, None)
        joining = [edge for edge in edges if edge.state == EdgeState.ACTIVE]
        steps = _way(joining, a, b)
        joined = steps is not None
        found = steps if steps is not None else _way(edges, a, b) or ()
        ends = dict.fromkeys([a, *(end for edge in found for end in (edge.a, edge.b)), b])
        known = there | of
        nodes = reading.identifiers(home, tx, [(end, *known[end][1:]) for end in ends])
        weighed = tuple(_weighed(home, tx, found))
        named = settling.named(tx, [there[a][0], there[b][0]])
        ids = {home.seal.public_id("p", first) for first in named.values()}
        turns = [
            one
            for one in reading.in_turn(home, tx, inside)
            if {use.person for use in one.uses} >= ids and len(ids) > 1
        ]
    return Path(a, b, joined, weighed, {one.subject: one for one in nodes}, tuple(turns))


def subject_of(home: Home, who: Who, given: str) -> int:
    """Return the subject that somebody names: by its number, or by any identifier, the strongest that fits.

    Raises
    ------
    NoSuchPerson
        Nobody is known by it.
    """
    who.need(Permission.SEE_PERSONS)
    given = given.strip()
    with home.state.read() as tx:
        if given.isdecimal() and len(given) < 10 and store.of_subjects(tx, [int(given)]):
            return int(given)
        sql = "select number from subject where token in {values} order by namespace, number"
        for number in bulk.among(tx, sql, reading.tokens(home, given)):
            return int(number[0])
    raise NoSuchPerson(given=rules.mask("", given))


def _way(edges: Iterable[Edge], a: int, b: int) -> tuple[Edge, ...] | None:
    """Return the shortest way over edges, None if there is none."""
    beside: dict[int, list[tuple[int, Edge]]] = {}
    for edge in edges:
        beside.setdefault(edge.a, []).append((edge.b, edge))
        beside.setdefault(edge.b, []).append((edge.a, edge))
    came: dict[int, tuple[int, Edge] | None] = {a: None}
    waiting = deque([a])
    while waiting and b not in came:
        here = waiting.popleft()
        for there, edge in beside.get(here, ()):
            if there not in came:
                came[there] = here, edge
                waiting.append(there)
    if b not in came:
        return None
    steps = []
    while (before := came[b]) is not None:
        b, edge = before
        steps.append(edge)
    return tuple(reversed(steps))


def _edges(
    home: Home, tx: Connection, inside: Sequence[int], most: int | None, *, weigh: bool = True
) -> tuple[tuple[Edge, ...], dict[int, _Subject], int]:
    """Return what lies between subjects and beside them, who stands at the ends, and how many pieces of evidence are left out."""
    (_, by), pairs = versions.in_force(tx), _pairs_of(tx, inside)
    shown = sorted(pairs.items(), key=lambda item: (item[1][1], item[0]))[:most]
    found, said = _matches(tx, inside), _decisions(tx, inside)
    ends = {end for pair in (*dict(shown), *found, *said) for end in pair}
    of = store.of_subjects(tx, sorted({*inside, *ends}))
    times = {p: _times(store.members(tx, p)) for p in {one[0] for one in of.values()}}
    same = _same_names(tx, shown, of)
    edges = [_edge(by, pair, what, of, times, same) for pair, what in shown]
    edges += [
        edge
        for pair, what in found.items()
        if pair not in said and (edge := _match(pair, what, of)) is not None
    ]
    edges += [_decided(pair, what) for pair, what in said.items()]
    if weigh and most is not None:
        edges = _weighed(home, tx, edges)
    return tuple(edges), of, len(pairs) - len(shown)


def _matches(tx: Connection, inside: Sequence[int]) -> dict[_Ends, tuple[int, int, int]]:
    """Return (a, b) -> bits, whether it links, when it was found."""
    columns = "select a, b, bits, linked, at from identity_match"
    rows = [
        row for side in "ab" for row in bulk.among(tx, f"{columns} where {side} in {{values}}", list(inside))
    ]
    return {(a, b): (bits, linked, at) for a, b, bits, linked, at in sorted(rows)}


def _decisions(tx: Connection, inside: Sequence[int]) -> dict[_Ends, tuple[str, int]]:
    """Return (a, b) -> verdict, when it was given, of the decisions that hold."""
    columns = "select number, a, b, verdict, at from identity_decision"
    rows = {
        tuple(row)
        for side in "ab"
        for row in bulk.among(
            tx, f"{columns} where withdrawn_at is null and {side} in {{values}}", list(inside)
        )
    }
    found = {(a, b): (verdict, at) for _, a, b, verdict, at in sorted(rows)}
    return {pair: what for pair, what in found.items() if what[0] != "unsure"}


def _match(pair: _Ends, what: tuple[int, int, int], of: Mapping[int, _Subject]) -> Edge | None:
    bits, linked, at = what
    one = of[pair[0]][0] == of[pair[1]][0]
    if one and not linked:  # joined by something else
        return None
    state, reason = (EdgeState.ACTIVE, "") if one else (EdgeState.VETOED, "epoch" if linked else "doubt")
    return Edge(*pair, (_MATCH,), at, 0, state, reason, bits / 1e6)


def _decided(pair: _Ends, what: tuple[str, int]) -> Edge:
    state = EdgeState.ACTIVE if what[0] == "same" else EdgeState.VETOED
    return Edge(*pair, (_DECIDED,), what[1], 0, state, "" if state == EdgeState.ACTIVE else _DECIDED)


def _weighed(home: Home, tx: Connection, edges: Iterable[Edge]) -> list[Edge]:
    """Return edges, matches with what each field weighs."""
    out, left = [], _WEIGHED
    for edge in edges:
        if edge.weight is not None and left:
            left -= 1
            edge = replace(edge, parts=_parts(home, tx, edge))
        out.append(edge)
    return out


def _parts(home: Home, tx: Connection, edge: Edge) -> tuple[Weight, ...]:
    # what reads names is large, and few explanations need it
    from zerodistance.core.identity.beside import likest
    from zerodistance.core.identity.matching.telling import weights

    x, y, scorer = likest(home, tx, edge.a, edge.b)
    return weights(scorer, x.face, y.face)


_Said = tuple[tuple[str, ...], int, int, str | None]


def _pairs_of(tx: Connection, subjects: Sequence[int]) -> dict[tuple[int, int], _Said]:
    """Return (a, b) -> rules, earliest time, its source, why it was revoked, for all evidence on the subjects."""
    columns = "select a, b, rule, at, source, revoked_at, revoked_why from evidence"
    found: dict[tuple[int, int], _Said] = {}
    rows: set[tuple[Any, ...]] = set()
    for side in ("a", "b"):
        rows.update(tuple(r) for r in bulk.among(tx, f"{columns} where {side} in {{values}}", subjects))
    for a, b, rule, at, source, revoked_at, why in sorted(rows, key=lambda r: (r[3], r[2])):
        names, first, of, revoked = found.get((a, b)) or ((), at, source, None)
        if rule not in names:
            names = (*names, rule)
        found[a, b] = names, first, of, (why or "-") if revoked_at is not None else revoked
    return found


def _edge(
    by: RuleSet,
    pair: tuple[int, int],
    said: _Said,
    of: dict[int, tuple[int, int, bytes, int, int]],
    times: dict[int, dict[int, list[int]]],
    same: dict[tuple[int, int], bool],
) -> Edge:
    a, b = pair
    names, at, source, revoked = said
    state, reason = EdgeState.ACTIVE, ""
    if revoked is not None:
        state, reason = EdgeState.REVOKED, revoked
    elif of[a][0] != of[b][0]:
        state = EdgeState.ACTIVE if same.get(pair) else EdgeState.VETOED
        against = by.veto(times[of[a][0]], times[of[b][0]])
        if of[a][4] or of[b][4]:
            reason = "shared"
        elif pair in same:
            reason = "name"
        else:
            reason = "epoch" if against is None else by.guard_of(against)
    return Edge(a, b, names, at, source, state, reason)


def _same_names(
    tx: Connection,
    shown: Sequence[tuple[tuple[int, int], _Said]],
    of: dict[int, tuple[int, int, bytes, int, int]],
) -> dict[tuple[int, int], bool]:
    """Return the pairs of somebody and contact data of another person -> whether they join that one with others of the same name."""
    apart = [pair for pair, _ in shown if of[pair[0]][0] != of[pair[1]][0]]
    apart = [pair for pair in apart if of[pair[1]][1] in rules.CONTACT and not of[pair[1]][4]]
    sql = (
        "select e.b, e.a, s.named, s.person, e.revoked_at from evidence e join subject s on s.number = e.a "
        "where s.named <> 0 and e.b in {values}"
    )
    on: dict[int, list[tuple[int, int, int]]] = {}
    for b, a, name, person, revoked_at in bulk.among(tx, sql, sorted({b for _, b in apart})):
        if revoked_at is None:
            on.setdefault(b, []).append((a, name, person))
    found = {}
    for a, b in apart:
        mine = {(name, person) for one, name, person in on.get(b, ()) if one == a}
        if mine:
            found[a, b] = any(one != a and (name, person) in mine for one, name, person in on[b])
    return found


def _times(members: Iterable[Member]) -> dict[int, list[int]]:
    times: dict[int, list[int]] = {}
    for _, rank, _, first_at, _ in members:
        times.setdefault(rank, []).append(first_at)
    return times
