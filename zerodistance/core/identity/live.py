"""Joining persons as touches come in: new evidence of one batch, under the guards, small to large. Pure.

What is decided here holds until the next rebuild, which decides again from all evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from zerodistance.core.identity import naming, rules
from zerodistance.core.identity.contracts import VISITORS_FROM
from zerodistance.core.identity.rules import RuleSet, most_within

Neighbours = Mapping[int, Mapping[int, Mapping[int, int]]]
"""Weaker subject -> rank -> stronger subject seen with it -> when first; microseconds."""


class Link(NamedTuple):
    """One new piece of evidence: subjects a (the stronger) and b with their ranks, earliest time, source."""

    a: int
    b: int
    rank_a: int
    rank_b: int
    rule: str
    at: int
    source: int


@dataclass(slots=True)
class Group:
    """Subjects that are one person for now.

    Attributes
    ----------
    persons
        Person numbers that members had before, with how many members each.
    times
        Namespace rank -> when each value of it was first seen.
    apart
        Decisions that keep a member from somebody.
    """

    members: list[int]
    persons: list[tuple[int, int]]
    times: dict[int, list[int]]
    apart: set[int] = field(default_factory=set)

    @property
    def named(self) -> bool:
        """Whether it is known by more than devices and cookies."""
        return min(self.times) < rules.ANONYMOUS_FROM

    def keeps(self) -> int:
        """Return the person number that the group keeps, 0 if it needs a new one: the largest, then the lowest."""
        fitting = [
            (-size, number) for number, size in self.persons if not self.named or number < VISITORS_FROM
        ]
        return min(fitting)[1] if fitting else 0


@dataclass
class Joined:
    """What the new evidence of a batch does.

    Attributes
    ----------
    links
        Evidence to be kept.
    confirming
        Evidence about two subjects of one person, to be kept if the state does not hold it: it changes nothing now.
    star
        New subject -> new subject that it joins, and that one itself: somebody who was never seen in any part.
    groups
        Subject -> its group, for every other subject near new evidence.
    members
        Person number -> its subjects before, for the persons of those groups.
    vetoed
        (source, guard, namespace rank) -> times.
    shared
        Identifier that is on too many persons from now on -> (how many, rank that was counted).
    """

    links: list[Link] = field(default_factory=list)
    confirming: list[Link] = field(default_factory=list)
    star: dict[int, int] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)
    vetoed: Counter[tuple[int, str, int]] = field(default_factory=Counter)
    shared: dict[int, tuple[int, int]] = field(default_factory=dict)


def crowds(
    by: RuleSet, links: Sequence[Link], neighbours: Neighbours, named: Mapping[int, int]
) -> dict[int, tuple[int, int]]:
    """Return the identifiers that new evidence takes over their cap.

    Parameters
    ----------
    neighbours
        What was seen with them before.
    named
        Subject -> mark of its name; 0 or missing: it has none.
    """
    seen: dict[int, dict[int, dict[int, int]]] = {}
    rank_of: dict[int, int] = {}
    often = Counter(link.b for link in links)
    few = {b for b, times in often.items() if times <= by.lowest_cap and b not in neighbours}
    for link in links:
        if link.rank_a < link.rank_b and link.b not in few:
            here = seen.setdefault(link.b, {}).setdefault(link.rank_a, {})
            here[link.a] = min(link.at, here.get(link.a, link.at))
            rank_of[link.b] = link.rank_b
    over: dict[int, tuple[int, int]] = {}
    for subject, by_rank in seen.items():
        before, namespace = neighbours.get(subject, {}), by.namespaces[rank_of[subject]]
        window = int(by.windows[namespace.rank])
        crowd: dict[int, list[int]] = {}  # the records on contact data
        bare: list[int] = []
        for rank in by_rank.keys() | before.keys():
            every = dict(before.get(rank, {}))
            for one, at in by_rank.get(rank, {}).items():
                every[one] = min(at, every.get(one, at))
            if namespace.records is not None and rules.IS_RECORD[rank]:
                for one, at in every.items():
                    name = named.get(one, 0)
                    (crowd.setdefault(name, []) if naming.whole(name) else bare).append(at)
            elif rank in by_rank:
                _over(over, subject, every.values(), namespace.cap.count, window, rank)
        _over(over, subject, map(min, crowd.values()), namespace.cap.count, window, rules.RECORD)
        _over(over, subject, bare, namespace.records or 0, window, rules.RECORD)
    return over


def _over(
    over: dict[int, tuple[int, int]], subject: int, times: Iterable[int], most: int, window: int, rank: int
) -> None:
    held = list(times)
    count = most_within(held, window) if len(held) > most else 0
    if count > most and count > over.get(subject, (0, 0))[0]:
        over[subject] = count, rank


def by_name(links: Sequence[Link], neighbours: Neighbours, named: Mapping[int, int]) -> list[Link]:
    """Return the links with those of contact data led to whom they name: the first with that name on the same phone or e-mail address.

    Where another name is there already, a link that brings a new one has nobody to join and gets `Link.b` 0. The rebuild decides whose the
    phone is.
    """
    out = []
    owner: dict[tuple[int, int], int] = {}
    held: dict[int, set[int]] = {}
    for link in sorted(links, key=_class):
        name = named.get(link.a, 0)
        other = named.get(link.b, 0) if rules.IS_RECORD[link.rank_b] and link.rank_a < rules.RECORD else 0
        if name and other and not naming.agree(name, other):
            out.append(link._replace(b=0))  # somebody's order for another
            continue
        if link.rank_b not in rules.CONTACT or link.rank_a > rules.MENTION or not name:
            out.append(link)
            continue
        if link.b not in held:
            held[link.b] = set()
            for one in sorted(s for some in neighbours.get(link.b, {}).values() for s in some):
                if named.get(one, 0):
                    owner.setdefault((link.b, named[one]), one)
                    held[link.b].add(named[one])
        if not held[link.b]:
            held[link.b].add(name)
            owner[link.b, name] = link.a
            out.append(link)
            continue
        if not naming.whole(name):
            name = min((one for one in held[link.b] if naming.agree(one, name)), default=name)
        same = owner.setdefault((link.b, name), link.a)
        out.append(link._replace(b=same if same != link.a else 0))
        held[link.b].add(name)
    return out


def stars(
    by: RuleSet, links: Sequence[Link], first_new: int, named: Mapping[int, int]
) -> tuple[dict[int, int], list[Link]]:
    """Take out those links that no guard can touch: a new hub with a few new leaves, or records with leaves of their own, and nothing else.

    Returns
    -------
    star
        Subject -> hub, hubs included.
    rest
        The other links.
    """
    leaf = Counter(k.b for k in links)
    above = {k.b: k.a for k in links if rules.IS_RECORD[k.rank_b]}
    above = {record: hub for record, hub in above.items() if hub not in above}
    size = Counter(above.get(k.a, k.a) for k in links)
    ones: set[tuple[int, int]] = set()
    name_of: dict[int, int] = {}
    out: set[int] = set()
    for k in links:
        hub = above.get(k.a, k.a)
        known = hub < first_new or k.a < first_new or k.b < first_new
        tangled = leaf[k.b] > 1 or leaf[hub] or (leaf[k.a] and hub == k.a) or size[hub] >= by.star
        name = named.get(k.b, 0) if rules.IS_RECORD[k.rank_b] else 0
        other = name and not naming.agree(name_of.setdefault(hub, name), name)
        if known or tangled or other or k.rank_a == k.rank_b or (hub, k.rank_b) in ones:
            out.add(hub)
        elif k.rank_b in by.unique:
            ones.add((hub, k.rank_b))
    # a leaf that is a hub of others too makes both no stars
    out.update(above.get(k.a, k.a) for k in links if k.b in size)
    rest = [k for k in links if above.get(k.a, k.a) in out] if out else []
    star = {}
    for k in links:
        hub = above.get(k.a, k.a)
        if hub not in out:
            star[k.b] = star[k.a] = star[hub] = hub
    return star, rest


def join(by: RuleSet, links: Sequence[Link], joined: Joined, is_shared: Mapping[int, bool]) -> None:
    """Join the groups of linked subjects where no guard forbids it.

    Parameters
    ----------
    joined
        Holds a group for every subject of the links; changed in place.
    is_shared
        Subjects that don't link -> True.
    """
    groups = joined.groups
    for link in sorted(links, key=_class):
        if not link.b:
            joined.vetoed[link.source, "name", link.rank_b] += 1
            continue
        x, y = groups[link.a], groups[link.b]
        if x is y:
            continue
        if is_shared.get(link.b) or is_shared.get(link.a):
            weak = link.rank_b if is_shared.get(link.b) else link.rank_a
            joined.vetoed[link.source, "shared", weak] += 1
            continue
        if not x.apart.isdisjoint(y.apart):
            joined.vetoed[link.source, "decided", link.rank_b] += 1
            continue
        against = by.veto(x.times, y.times)
        if against is not None:
            joined.vetoed[link.source, by.guard_of(against), against] += 1
            continue
        if len(x.members) < len(y.members):
            x, y = y, x
        _take_in(groups, x, y)


def _class(link: Link) -> tuple[int, int, int]:
    return link.rank_b, rules.strength(link.rank_b, link.rank_a), link.at


def _take_in(groups: dict[int, Group], large: Group, small: Group) -> None:
    for member in small.members:
        groups[member] = large
    large.members += small.members
    large.persons += small.persons
    large.apart |= small.apart
    for rank, values in small.times.items():
        large.times.setdefault(rank, []).extend(values)
