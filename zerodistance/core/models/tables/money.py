"""How often customers buy again and for how much: BG/NBD and Gamma-Gamma on a list of purchases, looked at in the time after a day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from zerodistance.core.models import measures
from zerodistance.core.models.ladder import lifetime
from zerodistance.core.models.ladder.columns import Floats, Ints
from zerodistance.core.models.tables import drawn
from zerodistance.core.models.tables.contracts import Found, NothingLeft, Outcome, spoken
from zerodistance.core.models.tables.drawn import Draws
from zerodistance.core.models.tables.prepared import Prepared, floats
from zerodistance.core.models.tables.question import Question
from zerodistance.core.models.tables.trial import Effort
from zerodistance.kernel.text import Text

_OF_CUSTOMERS = """
with bought as (
    select zd_customer as customer, floor(zd_date) as day, sum(zd_amount) as amount
    from {table} where zd_customer is not null and zd_date is not null and {amount}
    group by 1, 2
), first as (
    select customer, min(day) as day from bought group by customer
)
select
    bought.customer as customer,
    max(case when bought.day <= {until} then bought.day end) - first.day as last,
    {until} - first.day as known,
    count(*) filter (where bought.day > first.day and bought.day <= {until}) as again,
    coalesce(avg(bought.amount) filter (where bought.day > first.day and bought.day <= {until}), 0) as mean,
    coalesce(sum(bought.amount) filter (where bought.day = first.day), 0) as first_amount,
    count(*) filter (where bought.day > {until} and bought.day <= {until} + {ahead}) as came_times,
    coalesce(sum(bought.amount) filter (where bought.day > {until} and bought.day <= {until} + {ahead}), 0) as came_amount
from bought inner join first using (customer)
where first.day <= {until}
group by bought.customer, first.day
"""


def from_purchases(
    connection: duckdb.DuckDBPyConnection, question: Question, table: str, found: Found
) -> tuple[dict[str, Floats], float, pa.ChunkedArray]:
    """Return a customer a row, times in units of `unit_days`; how long is looked ahead, in those units; and who they are. Raises NothingLeft."""
    there = question.columns
    amount = "zd_amount is not null and not isnan(zd_amount)" if "amount" in there else "true"
    for gone, why in (
        ("zd_customer is null", Text("customer 缺失", "customer is missing")),
        ("zd_customer is not null and zd_date is null", Text("date 缺失或不是日期", "date is missing or none")),
        (f"zd_customer is not null and zd_date is not null and not ({amount})", Text("amount 缺失或不是数", "amount is missing or no number")),
    ):  # fmt: skip
        (many,) = connection.execute(f"select count(*) from {table} where {gone}").fetchall()[0]
        if many:
            found.refused.append((why, int(many)))
    try:
        until = float(question.until)
    except ValueError:
        until = np.floor(datetime.fromisoformat(f"{question.until}+00:00").timestamp() / 86_400)
    (last,) = connection.execute(f"select max(floor(zd_date)) from {table}").fetchall()[0]
    ahead = question.ahead or (float(last) - until if last is not None else 0.0)
    if last is None or ahead <= 0 or last <= until:
        raise NothingLeft(
            what=Text("购买", "purchase"),
            why=Text(f"until（{question.until}）之后没有购买", f"none is after until ({question.until})"),
        )
    values = {"table": table, "amount": amount, "until": repr(float(until)), "ahead": repr(float(ahead))}
    asked = _OF_CUSTOMERS if "amount" in there else _OF_CUSTOMERS.replace("sum(zd_amount)", "count(*)")
    rows = connection.sql(asked.format(**values)).to_arrow_table()
    if not rows.num_rows:
        raise NothingLeft(
            what=Text("顾客", "customer"),
            why=Text(
                f"没有人在 until（{question.until}）之前买过", f"nobody bought until ({question.until})"
            ),
        )
    columns = {name: floats(rows.column(name)) for name in rows.column_names if name != "customer"}
    for name in ("last", "known"):
        columns[name] = columns[name] / question.unit_days
    return columns, ahead / question.unit_days, rows.column("customer")


def from_customers(question: Question, prepared: Prepared) -> tuple[dict[str, Floats], float]:
    """Return the same of a table that has a customer a row, whose times are in any unit."""
    columns = {key: prepared.numbers[key] for key in ("again", "last", "known")}
    columns["mean"] = np.nan_to_num(prepared.numbers.get("mean", np.ones(len(prepared))))
    for key in ("came_times", "came_amount"):
        if key in prepared.numbers:
            columns[key] = np.nan_to_num(prepared.numbers[key])
    return columns, question.ahead or float(np.median(columns["known"]))


def tried(
    question: Question,
    found: Found,
    columns: dict[str, Floats],
    ahead: float,
    effort: Effort,
    who: pa.ChunkedArray | None = None,
) -> Outcome:
    """Return how right the models are; raises NothingLeft where nobody bought twice."""
    if not (columns["again"] > 0).any():
        raise NothingLeft(
            what=Text("顾客", "customer"), why=Text("没有人买过第二次", "nobody bought a second time")
        )
    model = lifetime.fit_value(columns, ahead)
    rows = lifetime.Buying(columns["again"], columns["last"], columns["known"])
    said = {"model": model.again.expected(rows, ahead), "as_before": _rate(columns) * ahead}
    steps: dict[str, dict[str, Any]] = {name: {} for name in said}
    steps["model"]["log_likelihood"] = {"value": model.again.log_likelihood(rows)}
    draws = Draws(len(rows.again), None, draws=effort.draws, most=200_000)
    if "came_times" in columns:
        _times(columns, model, rows, ahead, said, draws, steps)
    if "came_amount" in columns and "amount" in {*question.columns, *(["amount"] if "came_amount" in question.columns else [])}:  # fmt: skip
        _amounts(columns, model, said, draws, steps)
    first = model.reasons(columns)[0][:, 0]
    more = {
        "customers": len(rows.again),
        "ahead": ahead,
        **{name: float(one) for name, one in model.again._asdict().items()},
        **{f"spending_{name}": float(one) for name, one in model.spending._asdict().items()},
    }
    weighs = [(name, float((first == n).mean())) for n, name in enumerate(model.names)]
    protocol = Text(
        "用那一天之前的购买拟合，用之后的购买评估",
        "fitted to the purchases until the day, looked at with those after it",
    )
    return Outcome(
        question.task, found, protocol, len(rows.again), 1, "model", steps, sorted(weighs, key=lambda one: -one[1]), [], more,
        spoken(None, who, {"times": said["model"], "value": model.values(columns)}, "value"),
    )  # fmt: skip


def _rate(columns: dict[str, Floats]) -> Floats:
    return np.divide(
        columns["again"], columns["known"], out=np.zeros(len(columns["known"])), where=columns["known"] > 0
    )


def _times(
    columns: dict[str, Floats],
    model: lifetime.Value,
    rows: lifetime.Buying,
    ahead: float,
    said: dict[str, Floats],
    draws: Draws,
    steps: dict[str, dict[str, Any]],
) -> None:
    came = columns["came_times"]

    def off(one: Floats, some: Ints) -> float:
        return float(one[some].sum() / came[some].sum() - 1.0) if came[some].sum() else float("nan")

    both = {name: one[None, :] for name, one in said.items()}
    for name, one in drawn.figures(both, {"count_error": off}, draws).items():
        steps[name] |= one
    bought = np.sign(came)
    again = {"model": model.again.any(rows, ahead)[None, :]}
    of = {
        "auc": lambda one, some: measures.auc(one[some], bought[some]),
        "ece": lambda one, some: measures.ece(one[some], bought[some]),
    }
    steps["model"] |= drawn.figures(again, of, draws)["model"]
    before = {"as_before": said["as_before"][None, :]}
    steps["as_before"] |= drawn.figures(before, {"auc": of["auc"]}, draws)["as_before"]


def _amounts(
    columns: dict[str, Floats],
    model: lifetime.Value,
    said: dict[str, Floats],
    draws: Draws,
    steps: dict[str, dict[str, Any]],
) -> None:
    came = columns["came_amount"]
    spent = columns["mean"] * columns["again"] + columns.get("first_amount", 0.0)
    amounts = {
        "model": model.values(columns),
        "as_before": said["as_before"] * columns["mean"],
        "spent_so_far": spent,
    }

    def off(one: Floats, some: Ints) -> float:
        return float(one[some].sum() / came[some].sum() - 1.0) if came[some].sum() else float("nan")

    def share(one: Floats, some: Ints) -> float:
        return measures.lift(one[some], came[some]) * 0.1

    def mae(one: Floats, some: Ints) -> float:
        return float(np.abs(one[some] - came[some]).mean())

    for name, one in amounts.items():
        of = (
            {"top10_share": share}
            if name == "spent_so_far"
            else {"value_error": off, "top10_share": share, "mae": mae}
        )
        steps.setdefault(name, {}).update(drawn.figures({name: one[None, :]}, of, draws)[name])
