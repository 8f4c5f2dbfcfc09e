"""Changes of the rules of identity: read as somebody writes them (`phone.cap=12`), checked, and written as JSON. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from zerodistance.core.identity.rules import NAMESPACES, TURN, Limit, Namespace, RuleSet
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

_MOST = 100_000  # own value: persons, values or records that a limit may allow
_DAYS = 36_500
_LEAST_BITS, _MOST_BITS = -20.0, 60.0  # own values: below, the matcher would compare everybody; above, nobody
_RECORDS = 1_000  # own value: differing records of one person at most
EVER = "ever"
AS_SHIPPED = "shipped"
_MATCH = ("match.join", "match.doubt", "match.most", "match.model")
_NAMED = {n.key: n for n in NAMESPACES}
KEYS: tuple[str, ...] = (
    *(
        f"{n.key}.{what}"
        for n in NAMESPACES
        if n.rank != TURN  # made by the program, one for each time that somebody uses a device
        for what in (
            *(["cap"] if n.rank else []),  # nobody stands above a member
            "limit",
            *(["records"] if n.records is not None else []),
        )
    ),
    *_MATCH,
)
"""Everything that may be set."""
_ALIAS = {"model": "match.model"}


@dataclass(frozen=True, slots=True)
class Changed:
    """One rule before and after a change."""

    key: str
    old: str
    new: str


def label(key: str) -> Text:
    """Return what a rule says.

    Examples
    --------
    >>> label("phone.cap").en
    'phone: persons (names) that one may come to within so many days'
    """
    space, _, what = key.partition(".")
    if space == "match":
        return _LABELS[key]
    of = _NAMED[space].label
    if what == "cap" and _NAMED[space].records is not None:
        what = "names"
    return _LABELS[what].format(of=of)


_LABELS: Mapping[str, Text] = {
    "cap": Text(
        "{of}：这些天内最多新出现在几个人身上", "{of}: persons that one may come to within so many days"
    ),
    "names": Text(
        "{of}：这些天内最多新出现几个人（姓名）",
        "{of}: persons (names) that one may come to within so many days",
    ),
    "limit": Text(
        "{of}：一个人这些天内最多新有几个", "{of}: how many may come to one person within so many days"
    ),
    "records": Text(
        "{of}：同样天数内最多有几条没有姓名的记录",
        "{of}: records without a name that one may come to in that time",
    ),
    "match.join": Text("匹配多少比特起连为一人", "bits from which on the matcher joins"),
    "match.doubt": Text("多少比特起请人判定", "bits from which on somebody is asked"),
    "match.most": Text("一个人最多几种写法", "ways of writing that one person may have"),
    "match.model": Text("匹配用的权重", "weights of the matcher"),
}


def values(by: RuleSet) -> dict[str, str]:
    """Return every rule as it is written.

    Examples
    --------
    >>> found = values(RuleSet())
    >>> found["phone.cap"], found["user_id.limit"], found["email.records"], found["match.join"]
    ('8/1095', '1/ever', '20', '0')
    """
    out: dict[str, str] = {}
    for n in by.namespaces:
        out |= {f"{n.key}.cap": _written(n.cap), f"{n.key}.limit": _written(n.limit)}
        out[f"{n.key}.records"] = str(n.records)
    out |= {
        "match.join": f"{by.join:g}",
        "match.doubt": f"{by.doubt:g}",
        "match.most": str(by.most),
        "match.model": by.model,
    }
    return {key: out[key] for key in KEYS}


def own(by: RuleSet) -> dict[str, str]:
    """Return the rules that are not as they ship."""
    shipped = values(RuleSet())
    return {key: value for key, value in values(by).items() if value != shipped[key]}


def between(old: RuleSet, new: RuleSet) -> tuple[Changed, ...]:
    """Return what differs between two rule sets."""
    before = values(old)
    return tuple(
        Changed(key, before[key], value) for key, value in values(new).items() if value != before[key]
    )


def matches_anew(old: RuleSet, new: RuleSet) -> bool:
    """Say whether the matcher has to be asked again when one takes the place of the other."""
    return any(one.key in _MATCH for one in between(old, new))


def dumped(by: RuleSet) -> str:
    """Return a rule set as JSON: what is not as it ships, so that rules nobody has set follow the program.

    Examples
    --------
    >>> dumped(changed(RuleSet(), ["phone.cap=12", "match.join=3"]))
    '{"phone.cap": "12/1095", "match.join": "3"}'
    """
    return json.dumps(own(by))


def loaded(text: str) -> RuleSet:
    """Return the rule set of a JSON text.

    Raises
    ------
    Invalid
        It names a rule that this version does not have, or a value that it does not allow.
    """
    found: dict[str, str] = json.loads(text)
    return changed(RuleSet(), [f"{key}={value}" for key, value in found.items()])


def changed(by: RuleSet, given: Sequence[str]) -> RuleSet:
    """Return a rule set with some rules set otherwise.

    Parameters
    ----------
    given
        `phone.cap=12` (its days stay), `phone.cap=12/365`, `user_id.limit=1/ever`, `email.records=30`, `match.join=3.5`, `match.model=NAME`,
        `phone.cap=shipped` (as the program ships it).

    Raises
    ------
    Invalid
        One is not written so, is unknown, or is out of range.
    """
    shipped = values(RuleSet())
    for one in given:
        key, is_, value = (part.strip() for part in one.partition("="))
        key = _ALIAS.get(key, key)
        if not is_ or not value:
            raise _wrong(
                one,
                Text("写成 规则=值，例如 phone.cap=12", "write it as rule=value, for instance phone.cap=12"),
            )
        if key not in shipped:
            why = Text(
                f"没有这条规则；可以改的有：{'、'.join(KEYS)}",
                f"there is no such rule; there are {', '.join(KEYS)}",
            )
            raise _wrong(one, why)
        by = _set(by, key, shipped[key] if value == AS_SHIPPED else value, one)
    if by.doubt > by.join:
        why = Text(
            "不能高于 match.join：更高的已经连上", "may not be above match.join: what is above is joined"
        )
        raise _wrong(f"match.doubt={by.doubt:g}", why)
    return by


def _set(by: RuleSet, key: str, value: str, given: str) -> RuleSet:
    space, _, what = key.partition(".")
    if key == "match.model":
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,62}", value):
            why = Text("写权重的名字，见 identity models", "give the name of weights, see `identity models`")
            raise _wrong(given, why)
        return replace(by, model=value)
    if key == "match.most":
        return replace(by, most=_whole(value, 2, _RECORDS, given))
    if key == "match.join":
        return replace(by, join=_bits(value, given))
    if key == "match.doubt":
        return replace(by, doubt=_bits(value, given))
    namespace = by.namespaces[_NAMED[space].rank]
    if what == "records":
        return _with(by, replace(namespace, records=_whole(value, 1, _MOST, given)))
    old = namespace.cap if what == "cap" else namespace.limit
    limit = _limit(value, old, given)
    return _with(by, replace(namespace, cap=limit) if what == "cap" else replace(namespace, limit=limit))


def _with(by: RuleSet, namespace: Namespace) -> RuleSet:
    rank = namespace.rank
    return replace(by, namespaces=(*by.namespaces[:rank], namespace, *by.namespaces[rank + 1 :]))


def _limit(value: str, old: Limit, given: str) -> Limit:
    count, slash, days = value.partition("/")
    many = _whole(count, 1, _MOST, given)
    if not slash:
        return Limit(many, old.days)
    return Limit(many, None if days == EVER else _whole(days, 1, _DAYS, given, days=True))


def _whole(value: str, low: int, high: int, given: str, *, days: bool = False) -> int:
    if not (value.isascii() and value.isdecimal() and low <= int(value[:9]) <= high and len(value) < 9):
        why = Text(
            f"{'天数' if days else '数目'}要是 {low} 到 {high} 的整数{'，或 ever' if days else ''}",
            f"{'days' if days else 'the number'} must be whole, from {low} to {high}{', or ever' if days else ''}",
        )
        raise _wrong(given, why)
    return int(value)


def _bits(value: str, given: str) -> float:
    try:
        bits = float(value)
    except ValueError:
        bits = math.nan
    if not _LEAST_BITS <= bits <= _MOST_BITS:
        why = Text(
            f"要是 {_LEAST_BITS:g} 到 {_MOST_BITS:g} 比特之间的数",
            f"it must be a number of bits from {_LEAST_BITS:g} to {_MOST_BITS:g}",
        )
        raise _wrong(given, why)
    return round(bits, 3) + 0.0


def _wrong(given: str, why: Text) -> Invalid:
    return Invalid(field=Text("规则", "the rule"), given=given, why=why)


def _written(limit: Limit) -> str:
    return f"{limit.count}/{EVER if limit.days is None else limit.days}"
