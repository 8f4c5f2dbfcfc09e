"""From a rule to who fits it: tags by bitmaps, behaviour by the states per day (`behaviour.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap, BitMap64

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import threshold
from zerodistance.core.profiles.api import NOBODY, NONE, Sizes, Split
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.profiles.threshold import Dense
from zerodistance.core.segments import lived
from zerodistance.core.segments.behaviour import Behaviour, whole_map
from zerodistance.core.segments.contracts import (
    AllOf,
    AnyOf,
    Did,
    Has,
    Household,
    In,
    NoneOf,
    OthersAtHome,
    Rule,
    SegmentCircle,
    SomeOf,
)
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
Found = TypeVar("Found")


class Line(NamedTuple):
    """One condition of a rule with how many fit it alone and how many are left after it."""

    term: Rule
    depth: int
    joined: str
    alone: Sizes
    left: Sizes


class Answer:
    """Answers rules over one version of the tag index, so that everything in one answer is of one moment.

    What is only to be counted is not made where the sizes of what it is made of say it. Conditions that must all hold are taken the
    smallest first, and what must not hold is taken away; what stands twice in a rule is worked out once.

    Parameters
    ----------
    saved
        Gives the rule of a saved segment.
    frozen
        Gives the subjects of the members of a saved segment that is frozen, None for one that is not.
    index
        The version to ask; None: the newest.
    only
        The answers need be right for these numbers alone.
    """

    def __init__(
        self,
        home: Home,
        saved: Callable[[str], Rule],
        frozen: Callable[[str], BitMap64 | None] = lambda key: None,
        *,
        index: profiles.Index | None = None,
        only: BitMap | None = None,
    ) -> None:
        self._home, self._saved, self._frozen = home, saved, frozen
        self._path: list[str] = []  # segments that stand in one another, from the outermost
        self._made: dict[Rule, Split] = {}
        self._thawed: dict[str, Split | None] = {}
        self.index = profiles.current(home) if index is None else index
        self._areas = lived.Areas(home, self.index.ground)
        self._behaviour = Behaviour(home, self.index, only)

    # -- who fits

    def fits(self, rule: Rule) -> Split:
        """Return who fits a rule; to be read only."""
        if isinstance(rule, Has) and (name := _name(self._home, rule)):
            return self.index.split(name)
        if rule not in self._made:
            self._made[rule] = self._make(rule)
        return self._made[rule]

    def _make(self, rule: Rule) -> Split:
        area = self._areas.of(rule)
        if area is not None:
            return profiles.living(self.index, area)
        match rule:
            case Has():
                return self.index.between(*_range(self._home, rule))
            case Did():
                return self._behaviour.of(rule)
            case In():
                kept = self._was_in(rule.segment)
                return self._inside(rule.segment, self.fits) if kept is None else kept
            case AllOf():
                return self._narrowed(*self._sorted(rule))
            case AnyOf():
                return profiles.union(self.fits(term) for term in dict.fromkeys(rule.terms))
            case NoneOf():
                return self.index.universe - self.fits(AnyOf(rule.terms))
            case SomeOf():
                return profiles.at_least(self.index, rule.at_least, self._sets(rule))
            case Household() | OthersAtHome():
                others = isinstance(rule, OthersAtHome)
                return profiles.sharing(self.index, self.fits(rule.terms[0]), rule.at_least, others=others)
        raise AssertionError  # a place is an area

    def _sorted(self, rule: AllOf) -> tuple[list[Rule], list[Rule]]:
        """Return what must hold, the smallest first, and what must not, the largest first; each once."""
        wanted: dict[Rule, None] = {}
        unwanted: dict[Rule, None] = {}

        def sort(terms: Sequence[Rule]) -> None:
            for term in terms:
                if isinstance(term, AllOf):
                    sort(term.terms)
                elif isinstance(term, NoneOf):
                    unwanted.update(dict.fromkeys(term.terms))
                else:
                    wanted[term] = None

        sort(rule.terms)
        return sorted(wanted, key=self._about), sorted(unwanted, key=self._about, reverse=True)

    def _about(self, rule: Rule) -> int:
        """Return about how many fit a rule, without finding out; what is not known counts as everybody."""
        everybody = sum(self.index.everybody)
        area = self._areas.of(rule)
        if area is not None:
            return sum(self.index.ground.size(area))
        match rule:
            case Has():
                name = _name(self._home, rule)
                return sum(self.index.size(name)) if name else everybody
            case AllOf():
                return min([everybody, *map(self._about, rule.terms)])
            case AnyOf():
                return min(everybody, sum(map(self._about, rule.terms)))
            case _:
                return everybody

    def _narrowed(self, wanted: Sequence[Rule], unwanted: Sequence[Rule]) -> Split:
        area, rest = self._areas.apart(wanted)
        if area is not None and rest:
            return profiles.at_home(self.index, area, self._narrowed(rest, unwanted))
        found = _Narrowed(self.fits(wanted[0]) if wanted else self.index.universe)
        for term in wanted[1:]:
            if found.split:
                found.keep(self.fits(term))
        for term in unwanted:
            if found.split:
                found.drop(self.fits(term))
        return found.split

    def _sets(self, rule: SomeOf) -> list[profiles.Name | Split]:
        return [self._set(term) for term in rule.terms]

    def _set(self, rule: Rule) -> profiles.Name | Split:
        """Return the name under which the index has who fits, or else who does."""
        return (_name(self._home, rule) if isinstance(rule, Has) else None) or self.fits(rule)

    # -- how many fit

    def living(self, rule: Rule, some: Ints) -> Ints:
        """Return how many persons who fit a rule live in each of the communities at places `some` of the index."""
        return profiles.counts_at_home(self.index, some, self._set(rule))

    def words(self, rule: Rule) -> tuple[Dense, ...]:
        """Return the persons who fit a rule: those in any of these sets of words. Those of a node are kept for the next who asks."""
        terms = rule.terms if isinstance(rule, AnyOf) else (rule,)
        names = [_name(self._home, term) for term in terms if isinstance(term, Has)]
        found = tuple(self.index.dense(name, 0) for name in names if name)
        return found if len(found) == len(terms) else (threshold.dense(self.fits(rule).persons),)

    def total(self, rule: Rule) -> Sizes:
        """Return how many fit a rule."""
        if rule in self._made:
            return self._made[rule].sizes
        area = self._areas.of(rule)
        if area is not None:
            return self.index.ground.size(area)
        match rule:
            case Has() if name := _name(self._home, rule):
                return self.index.size(name)
            case Has():
                return self.index.size_between(*_range(self._home, rule))
            case In():
                kept = self._was_in(rule.segment)
                return self._inside(rule.segment, self.total) if kept is None else kept.sizes
            case AllOf():
                return self._total_of_all(*self._sorted(rule))
            case AnyOf():
                return self._total_of_any(dict.fromkeys(rule.terms))
            case NoneOf():
                return self.index.everybody.minus(self.total(AnyOf(rule.terms)))
            case SomeOf():
                return profiles.count_at_least(self.index, rule.at_least, self._sets(rule))
            case _:
                return self.fits(rule).sizes

    def _total_of_all(self, wanted: list[Rule], unwanted: list[Rule]) -> Sizes:
        if not wanted:
            return self.total(NoneOf(tuple(unwanted))) if unwanted else self.index.everybody
        area, rest = self._areas.apart(wanted)
        if area is not None:
            return self._total_at_home(area, rest, unwanted)
        if unwanted:
            found = self._narrowed(wanted, unwanted[:-1])
            return found.sizes.minus(found.both(self.fits(unwanted[-1])) if found else NONE)
        if len(wanted) == 1:
            return self.total(wanted[0])
        found = self._narrowed(wanted[:-1], [])
        return found.both(self.fits(wanted[-1])) if found else NONE

    def _total_at_home(self, area: profiles.Mask, rest: Sequence[Rule], unwanted: Sequence[Rule]) -> Sizes:
        """Return how many live in an area and fit the rest."""
        if len(rest) == 1 and not unwanted:
            return profiles.count_at_home(self.index, area, self._set(rest[0]))
        if rest:
            return profiles.count_at_home(self.index, area, self._narrowed(rest, unwanted))
        here = self.index.ground.size(area)
        if not unwanted:
            return here
        gone = self._set(unwanted[0] if len(unwanted) == 1 else AnyOf(tuple(unwanted)))
        return here.minus(profiles.count_at_home(self.index, area, gone))

    def _total_of_any(self, terms: Iterable[Rule]) -> Sizes:
        *some, last = sorted(terms, key=self._about)
        if not some:
            return self.total(last)
        rest = self.fits(some[0]) if len(some) == 1 else self.fits(AnyOf(tuple(some)))
        return rest.sizes.plus(self.total(last)).minus(rest.both(self.fits(last)))

    # -- condition after condition

    def lines(self, rule: Rule) -> tuple[list[Line], Sizes]:
        """Return the conditions one after the other with how many are left, and how many fit the whole rule."""
        found: list[Line] = []
        self._walk(rule, self.index.universe, 0, found)
        return found, found[-1].left if found else self.index.everybody

    def _walk(
        self, rule: Rule, left: Split, depth: int, found: list[Line], joined: str = "and", end: bool = True
    ) -> Split:
        """Add the lines of `rule`; return who of `left` is left after it. At the end of the whole rule nobody asks who, only how many."""
        terms = rule.terms if isinstance(rule, AllOf | AnyOf | NoneOf) else (rule,)
        some = NOBODY
        for n, term in enumerate(terms):
            last = end and n == len(terms) - 1
            mine = self.fits(term) if not last and isinstance(rule, AnyOf | NoneOf) else None
            match rule:
                case AllOf():
                    left = self._walk(term, left, depth, found, end=last)
                    continue
                case AnyOf():
                    some = some if mine is None else some | self._and(left, mine)
                    size = some.sizes if mine is not None else self._also(left, some, term)
                case NoneOf():
                    left = left if mine is None else left - mine
                    size = left.sizes if mine is not None else left.sizes.minus(self._both(left, term))
                case _:
                    left = left if last else self._kept(left, term)
                    size = self._both(left, term) if last else left.sizes
            inside = isinstance(rule, AnyOf)
            how = "not" if isinstance(rule, NoneOf) else "or" if inside and n else joined
            found.append(Line(term, depth + inside, how, self.total(term), size))
        return some if isinstance(rule, AnyOf) else left

    def _all(self, left: Split) -> bool:
        return left is self.index.universe

    def _and(self, left: Split, mine: Split) -> Split:
        return mine if self._all(left) else left & mine

    def _kept(self, left: Split, term: Rule) -> Split:
        """Return who of `left` fits."""
        area = None if self._all(left) else self._areas.of(term)
        return self._and(left, self.fits(term)) if area is None else profiles.at_home(self.index, area, left)

    def _both(self, left: Split, term: Rule) -> Sizes:
        """Return how many of `left` fit."""
        if self._all(left):
            return self.total(term)
        area = self._areas.of(term)
        return left.both(self.fits(term)) if area is None else profiles.count_at_home(self.index, area, left)

    def _also(self, left: Split, some: Split, term: Rule) -> Sizes:
        """Return how many are in `some`, who are of `left`, or are of `left` and fit."""
        if not some:
            return self._both(left, term)
        return some.sizes.plus(self._both(left, term)).minus(some.both(self.fits(term)))

    # -- conditions

    def _inside(self, key: str, ask: Callable[[Rule], Found]) -> Found:
        if key in self._path:
            raise SegmentCircle(path=" → ".join([*self._path, key]))
        self._path.append(key)
        try:
            return ask(self._saved(key))
        finally:
            self._path.pop()

    def _was_in(self, key: str) -> Split | None:
        """Return who has a subject that is in a frozen segment; None: it is not frozen."""
        if key not in self._thawed:
            subjects = self._frozen(key)
            self._thawed[key] = None if subjects is None else self._of_subjects(subjects)
        return self._thawed[key]

    def _of_subjects(self, subjects: BitMap64) -> Split:
        pairs = whole_map(self.index)
        mine = np.isin(pairs.column("subject").to_numpy(), np.array(subjects, np.int64))
        numbers = np.unique(pairs.column("number").to_numpy()[mine]).astype(np.uint32)
        return Split.of_sorted(numbers) & self.index.universe

    def subjects_of(self, fits: Split) -> BitMap64:
        """Return the subjects of those who fit."""
        pairs = whole_map(self.index)
        mine = np.isin(pairs.column("number").to_numpy(), fits.numbers().astype(np.int64))
        return BitMap64(pairs.column("subject").to_numpy()[mine].tolist())


class _Narrowed:
    """Who is left while one condition after the other is looked at; changed in place, once it is nobody else's."""

    def __init__(self, first: Split) -> None:
        self.split, self._mine = first, False

    def keep(self, other: Split) -> None:
        """Leave out who is not in another one."""
        if self._mine:
            for left, more in zip(self.split, other, strict=True):
                left &= more
        else:
            self.split, self._mine = self.split & other, True

    def drop(self, other: Split) -> None:
        """Leave out who is in another one."""
        if self._mine:
            for left, more in zip(self.split, other, strict=True):
                left -= more
        else:
            self.split, self._mine = self.split - other, True


def _name(home: Home, rule: Has) -> profiles.Name | None:
    """Return the name under which the index has those who fit; None for a range."""
    if rule.at_least is not None or rule.at_most is not None:
        return None
    profiles.dimension(home, rule.dimension)
    return ("any", rule.dimension, "") if rule.node is None else ("node", rule.dimension, rule.node)


def _range(home: Home, rule: Has) -> tuple[Dimension, float, float]:
    low = -np.inf if rule.at_least is None else rule.at_least
    high = np.inf if rule.at_most is None else rule.at_most
    return profiles.dimension(home, rule.dimension), float(low), float(high)


def after(both: Split, number: int | None, *, visitors: bool) -> Iterator[int]:
    """Yield the numbers above `number`, ascending, of persons or of visitors; `number` may be one that nobody can have."""
    side = both.visitors if visitors else both.persons
    if not side or number is None or number < side.min():
        return iter(side)
    return iter(()) if number >= side.max() else side.iter_equal_or_larger(number + 1)
