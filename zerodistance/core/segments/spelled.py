"""A rule as SQL for who wants to check it: over the touches and who is who, with nothing of the index or the states in it.

The text is read by anybody who knows SQL, and runs as it is where there are the views that `PREAMBLE` names. One statement, one CTE a
thought; every condition becomes a list of numbers, and the rule is how they are joined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from pyroaring import BitMap64

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import INNER, Bands, Dimension, Values
from zerodistance.core.profiles.rollup import Rollup
from zerodistance.core.segments import places_sql, rules
from zerodistance.core.segments.contracts import (
    AllOf,
    AnyOf,
    AtHome,
    Did,
    Has,
    Household,
    In,
    Lives,
    Near,
    NoneOf,
    OthersAtHome,
    Rule,
    SegmentCircle,
    SomeOf,
    Within,
)
from zerodistance.core.segments.values_sql import UNITS, kinds, text, value

PREAMBLE = """-- Views: touches (the log), subject_person(subject, number), person_fact(number, fact, value),
-- given_value(dimension, subject, giving, text, amount): values that were given for tags; numbers from 2147483648 are visitors.
-- DuckDB with the extension icu."""


_HOME = """    select everybody.number, coalesce('h' || f.value, 'p' || everybody.number) as household
    from everybody left join (select number, value from person_fact where fact = 'household' and number < 2147483648) f on everybody.number = f.number"""
Frozen = Callable[[str], BitMap64 | None]


class Setting(NamedTuple):
    """What of a home decides who fits: day of the windows, last batch, zone, currency, what holds what, territories, dimensions."""

    day: int
    batch: int
    zone: str
    currency: str
    rollup: Rollup
    answering: places_sql.Answering = lambda _: ()
    dimension: Callable[[str], Dimension] = partial(profiles.dimension, None)


def sql(rule: Rule, saved: Callable[[str], Rule], here: Setting, frozen: Frozen = lambda key: None) -> str:
    """Return the statement; its result is one column, `number`, ascending, one row a person or visitor who fits.

    Parameters
    ----------
    saved
        Gives the rule of a saved segment; raises SegmentCircle for one that stands in itself.
    frozen
        Gives the subjects of the members of a frozen segment, None for a living one.
    """
    writer = _Writer(saved, here, frozen)
    joined = writer.joined(rule)
    ctes = ",\n".join(f"{name} as (\n{body}\n)" for name, body in writer.ctes.items())
    lines = [
        f"-- {rules.write_text(rule)}".replace("\n", " "),
        f"-- As of day {here.day} since 1970-01-01 in {here.zone}, touches of batches up to {here.batch}.",
        PREAMBLE,
        f"with\n{ctes}\nselect number\nfrom everybody\nwhere {joined}\norder by number\n",
    ]
    return "\n".join(lines)


class _Writer:
    """Writes the CTEs of a rule, each once."""

    def __init__(self, saved: Callable[[str], Rule], here: Setting, frozen: Frozen) -> None:
        self._saved, self._here, self._frozen = saved, here, frozen
        self._names: dict[Rule, str] = {}
        self._homes: dict[Rule, str] = {}
        self._path: list[str] = []  # segments that stand in one another, from the outermost
        self.ctes = {
            "everybody": "    select distinct number from subject_person",
            "touch": _touch(here),
        }

    def joined(self, rule: Rule) -> str:
        """Return a rule as a condition over `number`."""
        match rule:
            case Has() | Did():
                return f"number in (select number from {self._condition(rule)})"
            case Near() | Lives() | Within():
                return places_sql.lives(rule, self._here.rollup, self._here.answering)
            case In():
                return self._inside(rule.segment)
            case AllOf():
                return _all(" and ", [self.joined(term) for term in rule.terms]) if rule.terms else "true"
            case AnyOf():
                return _all(" or ", [self.joined(term) for term in rule.terms])
            case NoneOf():
                return f"not {_all(' or ', [self.joined(term) for term in rule.terms])}"
            case Household() | OthersAtHome():
                return f"number in (select number from {self._at_home(rule)})"
            case SomeOf():
                each = [f"cast({self.joined(term)} as integer)" for term in rule.terms]
                return f"({' + '.join(each)}) >= {rule.at_least}"

    def _inside(self, key: str) -> str:
        if (subjects := self._frozen(key)) is not None:
            listed = ", ".join(map(str, subjects)) or "null"
            return f"number in (select number from subject_person where subject in ({listed}))"
        if key in self._path:
            raise SegmentCircle(path=" → ".join([*self._path, key]))
        self._path.append(key)
        try:
            return self.joined(self._saved(key))
        finally:
            self._path.pop()

    def _condition(self, rule: Has | Did) -> str:
        if rule not in self._names:
            name = f"condition_{len(self._names) + 1}"
            self._names[rule] = name
            self.ctes[name] = self._has(rule) if isinstance(rule, Has) else _did(rule, self._here)
        return self._names[rule]

    def _at_home(self, rule: AtHome) -> str:
        if rule not in self._homes:
            mine = f"cast({self.joined(rule.terms[0])} as integer)"
            self.ctes.setdefault("home", _HOME)
            name = self._homes[rule] = f"at_home_{len(self._homes) + 1}"
            less = " - mine" if isinstance(rule, OthersAtHome) else ""
            many = f"sum(mine) over (partition by household){less} as many"
            self.ctes[name] = (
                f"    select number from (\n        select number, {many}\n"
                f"        from (select number, household, {mine} as mine from home)\n    ) where many >= {rule.at_least}"
            )
        return self._homes[rule]

    def _has(self, rule: Has) -> str:
        dimension = self._here.dimension(rule.dimension)
        source = self._value(dimension)
        fits = _fits(rule, dimension, self._here.rollup)
        return f"    -- {dimension.label.en}\n    select number from {source} where {fits}"

    def _value(self, dimension: Dimension) -> str:
        """Return the name of the CTE with the value of each person in a dimension."""
        name = f"value_{dimension.key.replace('.', '_')}"
        if name not in self.ctes:
            self.ctes[name] = value(dimension, self._here.day)
        return name


def _all(word: str, terms: list[str]) -> str:
    return f"({word.join(terms)})"


def _touch(here: Setting) -> str:
    """Return the touches of everybody with their local day and whole numbers of small units."""
    local = f"t.happened_at at time zone {text(here.zone)}"
    ours = f"case when t.currency is null or t.currency = {text(here.currency)} then t.amount end"
    columns = [
        "m.number, t.kind, t.category, t.product, t.place, t.channel, t.fault",
        "epoch_us(t.happened_at) as moment",
        f"cast(cast({local} as date) - date '1970-01-01' as integer) as day",
        f"cast(hour({local}) as integer) as hour",
        *(
            f"{_whole(column, units)} as {name}"
            for name, column, units in (
                ("quantity", "t.quantity", UNITS["quantity"]),
                ("amount", ours, UNITS["amount"]),
                ("duration", "t.duration", UNITS["duration"]),
            )
        ),
    ]
    listed = ",\n        ".join(columns)
    joined = "from touches t inner join subject_person m on t.subject = m.subject"
    return f"    select\n        {listed}\n    {joined}\n    where t.batch <= {here.batch}"


def _whole(column: str, units: int) -> str:
    """Return a number as a whole number of small units; one too large to be true is null."""
    scaled = f"round_even({column} * {float(units)}, 0)"
    return f"case when abs({scaled}) < 9007199254740992 then cast({scaled} as bigint) end"


def _did(rule: Did, here: Setting) -> str:
    first = "" if rule.within_days is None else f" and day > {here.day - rule.within_days}"
    where = f"{kinds((rule.kind,))} and day <= {here.day}{first}"
    for column in ("product", "category", "place"):
        if (code := getattr(rule, column)) is not None:
            where += f" and {column} = {text(code)}"
    low = rule.at_least if rule.at_least is not None else (0 if rule.at_most is not None else 1)
    having = [f"count(touch.number) >= {low}"]
    if rule.at_most is not None:
        having.append(f"count(touch.number) <= {rule.at_most}")
    for field, units in (("amount", UNITS["amount"]), ("quantity", UNITS["quantity"])):
        added = f"coalesce(sum(touch.{field}), 0)"
        having += _between(
            added, *(_scaled(getattr(rule, f"{field}_{edge}"), units) for edge in ("at_least", "at_most"))
        )
    having += _between(f"{here.day} - max(touch.day)", rule.last_at_least, rule.last_at_most)
    having += _between(f"{here.day} - min(touch.day)", rule.first_at_least, rule.first_at_most)
    said = "\n        and ".join(having)
    return (
        f"    -- {rules.write_text(rule)}\n    select everybody.number\n"
        f"    from everybody left join (select * from touch where {where}) touch on everybody.number = touch.number\n"
        f"    group by everybody.number\n    having {said}"
    )


def _scaled(edge: float | None, units: int) -> int | None:
    return None if edge is None else round(edge * units)


def _between(what: str, low: float | None, high: float | None) -> list[str]:
    least = [] if low is None else [f"{what} >= {low!r}"]
    return least if high is None else [*least, f"{what} <= {high!r}"]


def _fits(rule: Has, dimension: Dimension, rollup: Rollup) -> str:
    """Return the condition that a value is at a node, within a range, or at any node."""
    if rule.at_least is not None or rule.at_most is not None:
        return " and ".join(_between("value", rule.at_least, rule.at_most))
    nodes = dimension.nodes
    if isinstance(nodes, Bands):
        return _in_bands(nodes, rule.node, rollup, dimension)
    known = f" and value in ({', '.join(map(text, sorted(nodes.labels)))})" if nodes.closed else ""
    if rule.node is None:
        return f"value is not null{known}"
    if rule.node.startswith(INNER) and not rule.node.startswith(INNER * 2):
        return f"({_inside(nodes, rule.node.removeprefix(INNER), rollup)}){known}"
    word = rule.node[len(INNER) :] if rule.node.startswith(INNER) else rule.node
    return f"value = {text(word)}{known}"


def _in_bands(nodes: Bands, node: str | None, rollup: Rollup, dimension: Dimension) -> str:
    edges: list[float | None] = [*nodes.edges, None]
    each = []
    for n, (low, key, _) in enumerate(nodes.bands):
        if node in (None, key, *rollup.holders(dimension, key)):
            following = edges[n + 1]
            each.append(f"value >= {low!r}" + ("" if following is None else f" and value < {following!r}"))
    return f"({' or '.join(f'({one})' for one in each)})" if each else "false"


def _inside(nodes: Values, node: str, rollup: Rollup) -> str:
    """Return the condition that a value is at a node below an inner one: by the path in it, by what is above it, or by its area code."""
    above = rollup.above.get(nodes.names, {})
    below = [key for key in above if node in _chain(above, key)]
    path, has_path = text(nodes.path), f"contains(value, {text(nodes.path)})"
    base = f"array_to_string(string_split(value, {path})[:-2], {path})" if nodes.path else "value"
    cases: list[str] = []
    said = [f"{base} = {text(node)}", _below(nodes, base, node, below)]
    if nodes.path:
        cases.append(f"{has_path} and ({' or '.join(said)})")
    free = "" if not nodes.path else f"not {has_path} and "
    for key, holder in nodes.parents.items():
        if holder == node or holder in below or (nodes.names == "area" and node in _areas(holder)):
            cases.append(f"{free}value = {text(key)}")
    if nodes.parents:
        free += f"value not in ({', '.join(map(text, nodes.parents))}) and "
    cases.append(f"{free}{_below(nodes, 'value', node, below)}")
    if node in above.values() and nodes.names != "area":
        cases.append(f"{free}value = {text(node)}")
    return " or ".join(f"({one})" for one in cases)


def _below(nodes: Values, column: str, node: str, below: list[str]) -> str:
    if nodes.names == "area":
        code = f"regexp_full_match({column}, '[0-9]{{6}}') and {column} <> {text(node)}"
        ends = f"{text(node)} in (substr({column}, 1, 4) || '00', substr({column}, 1, 2) || '0000')"
        return f"({code} and {ends})"
    return f"{column} in ({', '.join(map(text, below))})" if below else "false"


def _areas(code: str) -> set[str]:
    return {code[:4] + "00", code[:2] + "0000"} - {code} if len(code) == 6 and code.isdigit() else set()


def _chain(above: Mapping[str, str], key: str) -> set[str]:
    found: set[str] = set()
    while (holder := above.get(key)) is not None and holder not in found:
        found.add(holder)
        key = holder
    return found
