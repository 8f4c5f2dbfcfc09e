"""The value of a dimension as SQL, over the touches themselves: one CTE with `number` and `value`, for `spelled`."""

from __future__ import annotations

from collections.abc import Iterator

from zerodistance.core.profiles.contracts import Dimension, Input
from zerodistance.core.profiles.rules import kind_ranges
from zerodistance.core.profiles.values import BETWEEN, EITHER, PAIR

UNITS = {"quantity": 1_000, "amount": 10_000, "duration": 1_000}
"""Sums are whole numbers of these parts of a piece, of a unit of currency and of a second."""
_CALENDAR = {
    "month": "strftime(date '1970-01-01' + day, '%Y-%m')",
    "year": "strftime(date '1970-01-01' + day, '%Y')",
    "season": "strftime(date '1970-01-01' + day, '%m')",
    "weekday": "cast(isodow(date '1970-01-01' + day) as varchar)",
}
_NUMBER = r"^-?[0-9]{1,15}([.][0-9]{1,15})?$"


def text(given: str) -> str:
    """Return a text literal.

    Examples
    --------
    >>> text("it's")
    "'it''s'"
    """
    return "'" + given.replace("'", "''") + "'"


def kinds(some: tuple[str, ...]) -> str:
    """Return the condition that a kind is one of these, or of their families.

    Examples
    --------
    >>> kinds(("order.*", "custom"))
    "(starts_with(kind, 'order.') or kind = 'custom')"
    """
    each = [
        f"kind = {text(low)}" if low == high else f"starts_with(kind, {text(low)})"
        for low, high in kind_ranges(some)
    ]
    return f"({' or '.join(each)})"


def value(dimension: Dimension, day: int) -> str:
    """Return the query for what a dimension says of each person as of a day, `number` and `value`; who has no value may be missing."""
    if dimension.of.name == "facts":
        return _fact(dimension)
    if dimension.of.name == "given":
        return _given(dimension)
    query = _of_touches(dimension, f"(select * from touch where {_where(dimension.of, day)})", day)
    if not dimension.parsed.counting:
        return query
    return (
        f"    select everybody.number, coalesce(value, 0) as value\n"
        f"    from everybody left join (\n{query}\n    ) counted on everybody.number = counted.number"
    )


def _fact(dimension: Dimension) -> str:
    where = f"fact = {text(dimension.parsed.of)} and value is not null"
    if not dimension.numeric:
        return f"    select number, value from person_fact where {where}"
    numbers = f"regexp_matches(value, {text(_NUMBER)})"
    return f"    select number, cast(value as double) as value from person_fact where {where} and {numbers}"


def _given(dimension: Dimension) -> str:
    """Return the query for given values: of those about a person the one given last, then the smallest; null takes away what was given before."""
    column, key = ("amount" if dimension.numeric else "text"), (*dimension.of.kinds, dimension.key)[0]
    return (
        f"    select number, {column} as value\n"
        f"    from given_value g inner join subject_person m on g.subject = m.subject\n"
        f"    where g.dimension = {text(key)}\n"
        f"    qualify row_number() over (partition by number order by giving desc, {column} nulls last) = 1"
    )


def _where(of: Input, day: int) -> str:
    parts = [f"day <= {day}"]
    if of.days is not None:
        parts.append(f"day > {day - of.days}")
    if of.kinds:
        parts.append(kinds(of.kinds))
    if of.without:
        parts.append(f"not {kinds(of.without)}")
    for column, words in of.where:
        parts.append(f"{word(column)} in ({', '.join(map(text, words.split(EITHER)))})")
    return " and ".join(parts)


def word(column: str) -> str:
    """Return the expression for a word of a touch: a column, the calendar of its day, or a pair of both.

    Examples
    --------
    >>> word("category+year")
    "category || ':' || strftime(date '1970-01-01' + day, '%Y')"
    """
    return f" || {text(BETWEEN)} || ".join(_CALENDAR.get(one, one) for one in column.split(PAIR))


def _of_touches(dimension: Dimension, source: str, day: int) -> str:
    verb, of = dimension.parsed.verb, dimension.parsed.of
    match verb:
        case "first" | "last" | "most" | "focus" | "usual":
            return "\n".join(_ranked(verb, of, source))
        case "gap":
            which = "median(step)" if of == "median" else "max(step)"
            steps = "day - lag(day) over (partition by number order by day) as step"
            days = f"(select distinct number, day from {source})"
            return _grouped(
                f"cast({which} as double)", f"(select number, {steps} from {days})", "step is not null"
            )
        case "lag":
            begun = f"min(case when kind = {text(of)} then day end) over (partition by number) as begun"
            rows = f"(select number, kind, day, {begun} from {source})"
            return _grouped(
                "cast(min(day) - min(begun) as double)", rows, f"kind <> {text(of)} and day >= begun"
            )
        case _:
            there = f"{of} is not null" if verb in ("sum", "mean", "max") else "true"
            return _grouped(_aggregate(verb, of, dimension.of.days, day), source, there)


def _grouped(expression: str, source: str, where: str) -> str:
    return (
        f"    select number, {expression} as value\n    from {source}\n    where {where}\n    group by number"
    )


def _aggregate(verb: str, of: str, days: int | None, day: int) -> str:
    match verb:
        case "count":
            return "cast(count(*) as double)"
        case "sum":
            return f"cast(sum({of}) as double) / {UNITS[of]}"
        case "mean":
            return f"cast(sum({of}) as double) / count({of}) / {UNITS[of]}"
        case "max":
            return f"cast(max({of}) as double) / {UNITS[of]}"
        case "days":
            return "cast(count(distinct day) as double)"
        case "distinct":
            return f"cast(count(distinct {word(of)}) as double)"
        case "span":
            return "cast(max(day) - min(day) as double)"
        case "age":
            return f"cast({day} - {'min' if of == 'first' else 'max'}(day) as double)"
        case "year":
            edge = "min" if of == "first" else "max"
            return f"cast(year(date '1970-01-01' + {edge}(day)) as double)"
        case "trend":
            assert days is not None
            later = f"case when day > {day - days // 2} then 1 else -1 end"
            return f"100.0::double * sum({later})::double / count(*)"
        case "share":
            column, _, words = of.partition("=") if "=" in of else ("kind", "=", of)
            mine = f"case when {word(column)} = {text(words)} then 1 else 0 end"
            return f"100.0::double * sum({mine})::double / count(*)"
    raise AssertionError(verb)


def _ranked(verb: str, of: str, source: str) -> Iterator[str]:
    """Yield the query for one word of several: the first, the last, or the most frequent; ties by the last touch, then by code point."""
    ranked = "row_number() over (partition by number order by {order}) as place"
    if verb in ("first", "last"):
        way = "" if verb == "first" else " desc"
        order = ranked.format(order=f"moment{way}, word{way}")
        rows = f"(select number, moment, {word(of)} as word from {source})"
        inside = f"select number, word, {order} from {rows} where word is not null"
    else:
        rows = f"select number, {word(of)} as word, moment as latest from {source}"
        if verb == "usual":
            begins = "arg_min(hour, moment)"
            rows = f"select number, lpad(cast({begins} as varchar), 2, '0') as word, day as latest from {source} group by number, day"
        counted = f"select number, word, count(*) as times, max(latest) as latest from ({rows}) where word is not null group by number, word"
        if verb == "focus":
            yield f"    select number, 100.0::double * max(times)::double / sum(times) as value\n    from ({counted})\n    group by number"
            return
        order = ranked.format(order="times desc, latest desc, word desc")
        inside = f"select number, word, {order} from ({counted})"
    yield f"    select number, word as value\n    from ({inside})\n    where place = 1"
