"""What each column of a file stands for in a mapping, and a mapping with that changed: one column at a time, the rest as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from zerodistance.core.touchpoints.mapping import NAMESPACES, NUMBERS, SOMEBODY, WORDS, KindRule, Mapping
from zerodistance.kernel.text import Text

IGNORED, BODY, SOURCE_ID, TIME, KNOWN, KIND = "", "body", "source_id", "time", "known", "kind"
FACTS = ("name", "gender", "language", "birthday", "address", "city", "serial")
"""Personal fields that are offered; a mapping file may name others."""

_A_DAY = timedelta(days=1)
_NAMES: dict[str, Text] = {
    "user_id": Text("用户号", "User id"),
    "member_id": Text("会员号", "Member id"),
    "phone": Text("手机", "Phone"),
    "email": Text("邮箱", "E-mail"),
    "openid": Text("OpenID", "OpenID"),
    "device_id": Text("设备号", "Device id"),
    "anonymous_id": Text("匿名号", "Anonymous id"),
    "record": Text("客户档案号", "Customer record"),
    "name": Text("事件名称", "Event name"),
    "product": Text("产品", "Product"),
    "category": Text("品类", "Category"),
    "currency": Text("币种", "Currency"),
    "fault": Text("故障码", "Fault code"),
    "place": Text("地点、门店", "Place, store"),
    "order_id": Text("订单号", "Order id"),
    "channel": Text("渠道", "Channel"),
    "page": Text("页面", "Page"),
    "referrer": Text("引荐", "Referrer"),
    "campaign": Text("活动", "Campaign"),
    "quantity": Text("数量", "Quantity"),
    "amount": Text("金额", "Amount"),
    "duration": Text("时长，秒", "Duration, seconds"),
    "energy": Text("用电，千瓦时", "Energy, kWh"),
    "warnings": Text("告警次数", "Warnings"),
}
_FACT_NAMES: dict[str, Text] = {
    "name": Text("姓名", "Name"),
    "gender": Text("性别", "Gender"),
    "language": Text("语言", "Language"),
    "birthday": Text("生日", "Birthday"),
    "address": Text("地址", "Address"),
    "city": Text("城市", "City"),
    "serial": Text("产品机身号", "Serial number of an appliance"),
}
GROUPS: tuple[tuple[Text, tuple[tuple[str, Text], ...]], ...] = (
    (
        Text("这一行", "The row"),
        (
            (IGNORED, Text("不要", "Leave out")),
            (BODY, Text("留作其他内容", "Keep with the rest")),
            (TIME, Text("发生时间", "When it happened")),
            (KNOWN, Text("何时得知", "When it was known")),
            (KIND, Text("种类", "Kind")),
            (SOURCE_ID, Text("编号（用来去重）", "Its own id, against repeats")),
        ),
    ),
    (Text("谁：标识", "Who: identifiers"), tuple((f"id:{n}", _NAMES[n]) for n in NAMESPACES)),
    (Text("内容", "What"), tuple((f"column:{n}", _NAMES[n]) for n in (*WORDS, *NUMBERS))),
    (Text("个人资料（进保险库）", "Personal fields (to the vault)"), tuple((f"fact:{n}", _FACT_NAMES[n]) for n in FACTS)),
)  # fmt: skip
"""Every role by group, with its words, in the order pages list them."""

ROLES = frozenset(role for _, roles in GROUPS for role, _ in roles)
_WHEN = re.compile(r"\"((?:[^\"]|\"\")+)\" = '((?:[^']|'')*)'")


def role_of(mapping: Mapping, column: str) -> str:
    """Return what a column stands for by itself; one that only expressions use has no role of its own.

    A column that stands for several things has the first of them.
    """
    if mapping.times.happened_at == column:
        return TIME
    for prefix, table in _tables(mapping):
        for name, expression in table.items():
            if expression == column:
                return f"{prefix}:{name}"
    if mapping.times.known_at == column:
        return KNOWN
    by = kinds_by(mapping)
    if by is not None and by[0] == column:
        return KIND
    if column in mapping.source_id:
        return SOURCE_ID
    return BODY if column in mapping.body else IGNORED


def with_role(mapping: Mapping, column: str, role: str) -> Mapping:
    """Return a mapping in which a column stands for this and nothing else.

    What stood for it before is left out; a column that was when it happened leaves that empty, to be chosen.
    """
    if role_of(mapping, column) == role and role != IGNORED:
        return mapping
    freed = _without(mapping, column)
    if role == TIME:
        return replace(freed, times=replace(freed.times, happened_at=column))
    if role == KNOWN:
        return replace(freed, times=replace(freed.times, known_at=column, lag=None))
    if role == KIND:
        otherwise = next((rule.key for rule in freed.kinds if rule.when is None), freed.kinds[-1].key)
        return with_kinds_by(freed, column, (("", otherwise),), otherwise)
    if role == SOURCE_ID:
        return replace(freed, source_id=(*freed.source_id, column))
    if role == BODY:
        return replace(freed, body=(*freed.body, column))
    prefix, _, name = role.partition(":")
    if prefix == "id":
        return replace(freed, identifiers={**freed.identifiers, name: column})
    if prefix == "column":
        return replace(freed, columns={**freed.columns, name: column})
    return replace(freed, facts={**freed.facts, name: column}) if prefix == "fact" else freed


def _tables(mapping: Mapping) -> tuple[tuple[str, dict[str, str]], ...]:
    return ("id", mapping.identifiers), ("column", mapping.columns), ("fact", mapping.facts)


def _without(mapping: Mapping, column: str) -> Mapping:
    """Return a mapping in which nothing is this column by itself."""
    by, times = kinds_by(mapping), mapping.times
    if times.happened_at == column:
        times = replace(times, happened_at="")
    if times.known_at == column:
        times = replace(times, known_at=None, lag=_A_DAY)
    identifiers, columns, facts = (
        {name: expression for name, expression in table.items() if expression != column}
        for _, table in _tables(mapping)
    )
    left = {*identifiers, *columns, *facts}
    return replace(
        mapping,
        kinds=(KindRule(by[2] or by[1][-1][1]),) if by is not None and by[0] == column else mapping.kinds,
        times=times,
        body=tuple(one for one in mapping.body if one != column),
        source_id=tuple(one for one in mapping.source_id if one != column),
        required=tuple(one for one in mapping.required if one in left or (one == SOMEBODY and identifiers)),
        checks={name: condition for name, condition in mapping.checks.items() if name in left},
        identifiers=identifiers,
        columns=columns,
        facts=facts,
    )


def kinds_by(mapping: Mapping) -> tuple[str, tuple[tuple[str, str], ...], str | None] | None:
    """Return the column whose values say the kind, (value, kind) of each rule, and the kind of every other value.

    None: the kind is the same for every row, or its rules are of another form.
    """
    pairs: list[tuple[str, str]] = []
    columns: set[str] = set()
    for rule in mapping.kinds:
        if rule.when is None:
            continue
        found = _WHEN.fullmatch(rule.when)
        if found is None:
            return None
        columns.add(found[1].replace('""', '"'))
        pairs.append((found[2].replace("''", "'"), rule.key))
    if len(columns) != 1:
        return None
    last = mapping.kinds[-1]
    return columns.pop(), tuple(pairs), last.key if last.when is None else None


def with_kinds_by(
    mapping: Mapping, column: str, pairs: Sequence[tuple[str, str]], otherwise: str | None
) -> Mapping:
    """Return a mapping in which the values of a column say the kind."""
    name = column.replace('"', '""')
    rules = [KindRule(key, "\"{}\" = '{}'".format(name, value.replace("'", "''"))) for value, key in pairs]
    if otherwise is not None or not rules:
        rules.append(KindRule(otherwise or "custom"))
    return replace(mapping, kinds=tuple(rules))


def with_type(mapping: Mapping, column: str, type: str, usual: str = "text") -> Mapping:
    """Return a mapping in which a column has a type of `mapping.TYPES`; the usual one is not said."""
    if mapping.types.get(column, usual) == type:
        return mapping
    types = {name: kind for name, kind in mapping.types.items() if name != column}
    return replace(mapping, types=types if type == usual else {**types, column: type})
