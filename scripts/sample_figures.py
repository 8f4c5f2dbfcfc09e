"""Measure the sample city and write its figures into docs/sample.md and docs/zh/sample.md: `python -m scripts.sample_figures`.

Both worlds are made in a temporary folder (20,000 people, seed 4, which no default comes from), read back as an examiner would, and set beside
the reference figures that the settings name.
"""

from __future__ import annotations

import argparse
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from zerodistance.core.identity import cleaning
from zerodistance.sample import api

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = {"en": DOCS / "sample.md", "zh": DOCS / "zh" / "sample.md"}
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
MOST_NAMES = 8  # of the guard that was measured before we began


@dataclass(frozen=True)
class Figure:
    """One line of the table: what it is, what is known of the world, and how it is asked of a city; `form` takes all columns that `sql` returns."""

    en: str
    zh: str
    reference: str
    reference_zh: str
    sql: str
    form: str


FIGURES = tuple(
    Figure(**one)
    for one in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["figure"]
)


_NESTED = {
    "shop": "{order_no: 'varchar', account: 'varchar', member_no: 'varchar', receiver: 'struct(name varchar, mobile varchar, address varchar)', "
    "buyer: 'struct(email varchar)'}",
    "web": "{messageId: 'varchar', userId: 'varchar', anonymousId: 'varchar'}",
    "devices": "{binding: 'varchar', mobile: 'varchar', account: 'varchar'}",
}


def tables(root: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection in which truth and silos are views."""
    con = duckdb.connect()
    con.execute("set threads = 2")
    for path in sorted((root / "truth").glob("*.parquet")):
        con.execute(f"create view {path.stem} as select * from '{path}'")
    parts = [
        f"select '{path.stem}' as silo, * from '{path}'"
        for path in sorted((root / "truth" / "records").glob("*.parquet"))
    ]
    con.execute(f"create view records as {' union all '.join(parts)}")
    silos = root / "silos"
    for silo in ("crm", "pos_baiju"):
        text = (silos / f"{silo}.csv").read_bytes().decode("gb18030")
        (silos / f"{silo}.csv").write_text(text, encoding="utf-8")
    for path in sorted(silos.glob("*.csv*")):
        between = "\t" if path.stem == "pos_linan" else ","
        name = path.name.split(".")[0]
        con.execute(
            f"create view {name} as select * from read_csv('{path}', delim = '{between}', all_varchar = true)"
        )
    con.execute(f"create view club as select * from '{silos / 'club.parquet'}'")
    for name, columns in _NESTED.items():
        con.execute(
            f"create view {name} as select * from read_json('{silos / name}.ndjson.gz', columns = {columns})"
        )
    return con


# silo: phone, e-mail, member, account, ticket, name, id of the row
_KEYED = {
    "crm": ('"手机"', '"邮箱"', "null", "null", "null", '"姓名"', '"建档单号"'),
    "pos_haiping": ('"顾客电话"', "null", "null", "null", "null", '"顾客姓名"', '"流水号"'),
    "pos_baiju": ("mobile", "null", "vip_no", "null", "null", "cust_name", "line_id"),
    "pos_linan": ('"联系方式"', "null", "null", "null", "null", '"收货人"', '"序号"'),
    "club": ("mobile", "email", "member_no", "null", "null", "name", "event_no"),
    "calls": ("phone", "null", "null", "null", "ticket", "caller", "call_no"),
    "visits": ("phone", "null", "null", "null", "ticket", "null", "visit_no"),
    "shop": ("receiver.mobile", "buyer.email", "member_no", "account", "null", "receiver.name", "order_no"),
    "devices": ("mobile", "null", "null", "account", "null", "null", "binding"),
}
_CLEAN: dict[str, Callable[[str], object]] = {"phone": cleaning.phone, "email": cleaning.email}
_KINDS = ("phone", "email", "member", "account", "ticket")


def keys(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[list[tuple[str, str]], str | None, int]]:
    """Yield the exact keys of each row that names somebody, the name on it, and whom it is really about."""
    for silo, (*columns, record) in _KEYED.items():
        joined = f"{silo} s join records r on r.silo = '{silo}' and r.record = s.{record}"
        for *given, named, person in con.execute(
            f"select {', '.join(columns)}, r.person from {joined}"
        ).fetchall():
            found: list[tuple[str, str]] = []
            for kind, value in zip(_KINDS, given, strict=True):
                cleaned = _CLEAN.get(kind, str)(value) if value else None
                if isinstance(cleaned, str):
                    found.append((kind, cleaned))
            yield found, named, person


def exact_keys(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """Return precision, recall and F1 over pairs of rows, when every equal key joins, and when keys of many names do not."""
    every = list(keys(con))
    names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for found, named, _ in every:
        for key in found:
            if named:
                names[key].add(named)
    crowded = {key for key, held in names.items() if len(held) > MOST_NAMES}
    person = np.unique(np.array([one for _, _, one in every]), return_inverse=True)[1]
    out: dict[str, float] = {}
    for title, left_out in (("all", set()), ("guarded", crowded)):
        joined = np.array(_union([[key for key in found if key not in left_out] for found, _, _ in every]))
        both = _pairs(joined.astype(np.int64) * (int(person.max()) + 1) + person)
        precision, recall = both / _pairs(joined), both / _pairs(person)
        out |= {
            f"{title} precision": precision,
            f"{title} recall": recall,
            f"{title} F1": 2 * precision * recall / (precision + recall),
        }
    return out


def _pairs(labels: Any) -> float:
    count = np.unique(labels, return_counts=True)[1].astype(np.float64)
    return float((count * (count - 1) / 2).sum())


def _union(found: list[list[tuple[str, str]]]) -> list[int]:
    """Return a label for each row; rows that share a key, directly or through others, have the same."""
    above = list(range(len(found)))

    def top(one: int) -> int:
        while above[one] != one:
            above[one] = one = above[above[one]]
        return one

    first: dict[tuple[str, str], int] = {}
    for row, held in enumerate(found):
        for key in held:
            above[top(row)] = top(first.setdefault(key, row))
    return [top(row) for row in range(len(found))]


def measure(people: int, seed: int) -> dict[str, dict[str, str]]:
    """Return world -> figure -> value."""
    out: dict[str, dict[str, str]] = {}
    for world in api.WORLDS:
        with tempfile.TemporaryDirectory(prefix="zerodistance-figures-") as folder:
            root = Path(folder) / "city"
            api.generate(people, seed, world, root)
            con = tables(root)
            found = {f.en: f.form.format(*(con.execute(f.sql).fetchone() or (0,))) for f in FIGURES}
            found |= {name: f"{value:.3f}" for name, value in exact_keys(con).items()}
            con.close()
            out[world] = found
    return out


_NOTHING = {"zh": "", "en": ""}
_EXACT: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "all precision",
        "rows joined by every equal phone, e-mail and id: precision",
        "按相同手机、邮箱、编号全部合并：准确率",
        {"zh": "要低于 .05", "en": "under .05 wanted"},
    ),
    ("all recall", "the same: recall", "同上：召回率", _NOTHING),
    (
        "guarded precision",
        "the same without keys of more than 8 names: precision",
        "同上，去掉超过 8 个姓名的键：准确率",
        _NOTHING,
    ),
    ("guarded recall", "the same: recall", "同上：召回率", _NOTHING),
    ("guarded F1", "the same: F1", "同上：F1", {"zh": "要 .80-.88", "en": ".80-.88 wanted"}),
)


def page(found: dict[str, dict[str, str]], lang: str, people: int, seed: int) -> str:
    """Return the table of a page."""
    command = f"`python -m scripts.sample_figures --people {people} --seed {seed}`"
    said = {
        "en": f"Measured with {people:,} people and seed {seed}: {command}.",
        "zh": f"以 {people:,} 人、种子 {seed} 测得：{command}。",
    }
    what = {"en": "what | reference", "zh": "是什么 | 参考值"}[lang]
    lines = [said[lang], "", f"| {what} | base | shifted |", "|---|---|---|---|"]
    for f in FIGURES:
        name, reference = (f.zh, f.reference_zh) if lang == "zh" else (f.en, f.reference)
        lines.append(f"| {name} | {reference} | {found['base'][f.en]} | {found['shifted'][f.en]} |")
    for key, en, zh, wanted in _EXACT:
        name = zh if lang == "zh" else en
        lines.append(f"| {name} | {wanted[lang]} | {found['base'][key]} | {found['shifted'][key]} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and write both pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    found = measure(options.people, options.seed)
    for lang, path in PAGES.items():
        text = path.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        path.write_text(
            f"{before}{BEGIN}\n\n{page(found, lang, options.people, options.seed)}\n\n{END}{after}",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
