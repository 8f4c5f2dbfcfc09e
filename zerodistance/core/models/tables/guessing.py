"""A first mapping for a table, to be looked at and mended: the task and the label are guessed by names and by how many values a column has."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from zerodistance.core.models.tables import typed
from zerodistance.core.models.tables.prepared import NO, YES
from zerodistance.core.models.tables.question import Question
from zerodistance.core.models.tables.staged import Staged, stage
from zerodistance.core.models.tables.typed import Kind
from zerodistance.core.touchpoints.expressions import quoted
from zerodistance.kernel.text import Text

_LABELS = (
    "target", "label", "class", "y", "outcome", "response", "churn", "churned", "exited", "attrition", "attrition_flag", "default", "bad", "fraud",
    "converted", "conversion", "purchase", "purchased", "bought", "subscribed", "deposit", "survived", "failure", "fault", "machine failure", "visit", "won",
    "income", "default.payment.next.month", "seriousdlqin2yrs", "流失", "标签", "目标", "是否",
)  # fmt: skip
_DURATIONS = ("duration", "tenure", "time", "survival_time", "survival_days", "lifetime", "t", "week", "weeks", "months", "days", "futime", "时长")  # fmt: skip
_ENDED = (
    "event",
    "status",
    "death",
    "dead",
    "died",
    "fstat",
    "e",
    "observed",
    "ended",
    "arrest",
    "cens",
    "结束",
)
_CONTACTED = ("treatment", "treated", "contacted", "arm", "exposure", "w", "对照", "触达")
_CUSTOMERS = (
    "customer", "customerid", "customer_id", "client", "clientid", "user", "userid", "user_id",
    "member", "cust", "cust_id", "visitorid", "household", "household_id", "会员", "用户",
)  # fmt: skip
_DATES = ("date", "invoicedate", "order_date", "orderdate", "timestamp", "datetime", "day", "purchase_date", "transaction_date", "日期", "时间")  # fmt: skip
_AMOUNTS = ("amount", "sales", "sales_value", "revenue", "total", "price", "spend", "value", "金额")
_MANY, _PRICES = ("quantity", "qty", "units", "number", "数量"), ("unitprice", "unit_price", "price", "单价")
_NUMBERS = ("price", "saleprice", "target", "y", "rul", "amount", "charges", "value", "medv", "quality", "cnt", "count")  # fmt: skip
_AFTER = (
    "visit",
    "conversion",
    "spend",
    "purchase",
    "purchased",
    "revenue",
    "exposure",
    "click",
    "clicked",
    "converted",
    "response",
)
_GROUPS = ("household", "household_id", "household_key", "hh", "family", "group", "unit", "家庭")


@dataclass(frozen=True)
class _Column:
    name: str
    kind: Kind
    known: int
    distinct: int
    values: tuple[tuple[str, int], ...]

    def called(self, names: tuple[str, ...]) -> int:
        """Return how early among the names its own is, from 1; 0: it is none of them."""
        small = re.sub(r"[\s_-]+", "_", self.name.lower())
        flat = [re.sub(r"[\s_-]+", "_", one) for one in names]
        return flat.index(small) + 1 if small in flat else 0


def guess(connection: duckdb.DuckDBPyConnection, path: Path, folder: Path, lang: str) -> str:
    """Return the text of a mapping; raises what reading raises."""
    staged = stage(path, {}, folder / "guess.parquet")
    question = Question("chance", "")
    kinds = typed.kinds(connection, staged, question)
    typed.view(connection, "guess_read", staged, kinds, question)
    columns = [_column(connection, name, kinds[name]) for name in staged.columns]
    lines = _said(connection, columns, lang)
    lines.insert(1, f"data = {json.dumps(str(path.resolve()), ensure_ascii=False)}")
    lines.append(_seen(staged, columns, lang))
    return "\n".join(lines) + "\n"


def _column(connection: duckdb.DuckDBPyConnection, name: str, kind: Kind) -> _Column:
    (known, distinct) = connection.execute(
        f"select count({quoted(name)}), count(distinct {quoted(name)}) from guess_read"
    ).fetchall()[0]
    values: list[tuple[str, int]] = []
    if 0 < distinct <= 12:
        rows = connection.execute(
            f"select cast({quoted(name)} as varchar), count(*) from guess_read where {quoted(name)} is not null group by 1 order by 2 desc, 1"
        ).fetchall()
        values = [(str(value), int(many)) for value, many in rows]
    return _Column(name, kind, int(known), int(distinct), tuple(values))


def _first(columns: list[_Column], names: tuple[str, ...]) -> _Column | None:
    found = [(rank, one) for one in columns if (rank := one.called(names))]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _said(connection: duckdb.DuckDBPyConnection, columns: list[_Column], lang: str) -> list[str]:
    two = [one for one in columns if one.distinct == 2]
    contacted = next((one for one in columns if one.called(_CONTACTED) and 2 <= one.distinct <= 12), None)
    label = _first([one for one in two if one is not contacted], _LABELS)
    customer, date = (
        _first(columns, _CUSTOMERS),
        _first([one for one in columns if one.kind.type == "date"], _DATES),
    )
    bought = customer is not None and 1 < customer.distinct < 0.9 * customer.known and date is not None
    if bought and label is None and customer and date:
        day = connection.execute(
            f"select cast(quantile_disc({quoted(date.name)}, 0.7) as date) from guess_read"
        ).fetchall()[0][0]
        return _value(columns, customer, date, str(day), lang)
    duration = _first([one for one in columns if one.kind.type == "number" and one.distinct > 5], _DURATIONS)
    ended = _first(two, _ENDED)
    if contacted and label:
        return _uplift(columns, contacted, label, lang)
    if duration and ended:
        return _when(columns, duration, ended, lang)
    if label is None and two:
        label = columns[-1] if columns[-1] in two else two[-1]
    number = _first([one for one in columns if one.kind.type == "number" and one.distinct > 12], _NUMBERS)
    if label is None or (number and not label.called(_LABELS)):
        last = next((one for one in reversed(columns) if one.kind.type == "number"), columns[-1])
        return [
            'task = "number"',
            _line("label", (number or last).name, _GUESSED, lang),
            *_ids(columns, lang),
        ]
    sure = bool(label.called(_LABELS))
    said = ['task = "chance"', _line("label", label.name, _NAMED if sure else _GUESSED, lang)]
    return [*said, *_yes("yes", label, lang), *_ids(columns, lang)]


_NAMED = Text("按列名猜的", "guessed by its name")
_LATER = Text("像是事后才知道的", "they seem to be known only afterwards")
_GUESSED = Text("只是猜的：请看一看", "only a guess: look at it")


def _uplift(columns: list[_Column], contacted: _Column, label: _Column, lang: str) -> list[str]:
    control = next(
        (value for value, _ in contacted.values if value.lower() in NO or re.search(r"(?i)control|^no\b|none|对照|无", value)),
        contacted.values[-1][0],
    )  # fmt: skip
    treated = [value for value, _ in contacted.values if value != control]
    more = ", ".join(treated)
    after = [one.name for one in columns if one.called(_AFTER) and one is not label]
    return [
        'task = "uplift"', _line("label", label.name, _NAMED, lang), *_yes("yes", label, lang), _line("contacted", contacted.name, _NAMED, lang),
        _line("contacted_is", treated[0], Text(f"这里有 {more}", f"there are {more}"), lang), _line("control_is", control, _GUESSED, lang),
        *([f"leave_out = {json.dumps(after, ensure_ascii=False)}  # {_LATER.get(lang)}"] if after else []),
        *_ids(columns, lang),
    ]  # fmt: skip


def _when(columns: list[_Column], duration: _Column, ended: _Column, lang: str) -> list[str]:
    return [
        'task = "when"',
        _line("duration", duration.name, _NAMED, lang),
        _line("ended", ended.name, _NAMED, lang),
        *_yes("yes", ended, lang),
        *_ids(columns, lang),
    ]


def _value(columns: list[_Column], customer: _Column, date: _Column, until: str, lang: str) -> list[str]:
    amount = _first([one for one in columns if one.kind.type == "number"], _AMOUNTS)
    said = [
        'task = "value"',
        _line("customer", customer.name, _NAMED, lang),
        _line("date", date.name, _NAMED, lang),
    ]
    many, price = (
        _first([one for one in columns if one.kind.type == "number"], names) for names in (_MANY, _PRICES)
    )
    if many and price:
        both = f"{quoted(many.name)} * {quoted(price.name)}"
        said += [
            _line("amount", both, _GUESSED, lang),
            _line("where", f"{quoted(many.name)} > 0", Text("不算退货", "without returns"), lang),
        ]
    elif amount:
        said.append(_line("amount", amount.name, _NAMED, lang))
    why = Text(
        "用到这天为止的购买拟合；其后的用来评估",
        "fitted to purchases until this day; looked at with those after it",
    )
    return [*said, _line("until", until, why, lang)]


def _yes(key: str, label: _Column, lang: str) -> list[str]:
    values = [value for value, _ in label.values]
    known = [value for value in values if value.lower() in YES]
    rare = known[0] if len(known) == 1 else values[-1]
    there = ", ".join(f"{value}: {many:,}" for value, many in label.values)
    return [_line(key, rare, Text(f"这里有 {there}", f"there are {there}"), lang)]


def _ids(columns: list[_Column], lang: str) -> list[str]:
    group = next((one for one in columns if one.called(_GROUPS) and one.distinct < one.known), None)
    unique = next(
        (one for one in columns if one.known == one.distinct > 20 and one.kind.type == "word"), None
    )
    said = [_line("id", unique.name, Text("每行都不同", "it differs in every row"), lang)] if unique else []
    return said + ([_line("group", group.name, Text("同组的行从不分开", "rows of one are never parted"), lang)] if group else [])  # fmt: skip


def _line(key: str, value: str, why: Text, lang: str) -> str:
    return f"{key} = {json.dumps(value, ensure_ascii=False)}  # {why.get(lang)}"


def _seen(staged: Staged, columns: list[_Column], lang: str) -> str:
    head = Text(
        f"{staged.rows:,} 行；列、类型、不同的值：",
        f"{staged.rows:,} rows; columns, types, different values:",
    )
    return "\n".join(
        [
            "",
            f"# {head.get(lang)}",
            *(f"#   {one.name}: {one.kind.type}, {one.distinct:,}" for one in columns),
        ]
    )
