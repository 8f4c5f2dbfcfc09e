"""Which columns of a table are features, and what becomes of each: numbers, a column for each frequent word, how often a word is, days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.tables import typed
from zerodistance.core.models.tables.contracts import Feature, NothingLeft
from zerodistance.core.models.tables.question import Question, with_line
from zerodistance.core.models.tables.staged import ROW
from zerodistance.core.touchpoints.expressions import literal, names_in, quoted
from zerodistance.core.touchpoints.toml_values import near, wrong
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.models.tables.prepared import Opened

_FREQUENT = 30  # own value: words of a column that are a feature each
_RARE = 0.001  # own value: share of rows below which a word is none, and
_FEWEST = 20  # own value: rows
_WIDEST = 600  # own value: features of all words together
_ID = re.compile(
    r"(?i)(^|[_\s.-])(id|uuid|guid|no|nr|num|key|udi|index|row|编号|序号)$|(?<=[a-z])(Id|ID|No)$"
)


@dataclass(frozen=True)
class Chosen:
    """A column of a table, and the features that are made of it.

    Attributes
    ----------
    column, sql
        What it is called in the table made ready, and what it is made from.
    words
        Of a column of words: their features, in the order of the codes; empty: it is a number.
    missing
        Whether it is a feature that there is no word.
    """

    name: str
    column: str
    sql: str
    words: tuple[str, ...] = ()
    missing: bool = False

    def made(self, values: Floats) -> dict[str, Floats]:
        """Return the features of the values of rows."""
        if not self.words:
            return {self.name: values}
        found = {
            f"{self.name}: {word}": (values == n).astype(np.float64) for n, word in enumerate(self.words)
        }
        if self.missing:
            found[f"{self.name}: –"] = np.isnan(values).astype(np.float64)
        return found

    @property
    def features(self) -> tuple[str, ...]:
        """Names of what is made of it."""
        return tuple(self.made(np.empty(0)))


def choose(
    connection: duckdb.DuckDBPyConnection, question: Question, main: Opened, table: str
) -> tuple[tuple[Chosen, ...], tuple[Feature, ...]]:
    """Return the features of a table, and what was found of each column.

    Raises
    ------
    MappingWrong, NothingLeft
        A feature that is named is not there; none is left.
    """
    types = {
        name: question.types.get(name) or typed.kind_of(kind)
        for name, kind in typed.described(connection, f"select * from {table}")
        if name != ROW and not name.startswith("zd_")
    }
    for key, names in (
        ("features", question.features),
        ("leave_out", question.leave_out),
        ("keep", question.keep),
        ("types", tuple(question.types)),
        ("missing_of", tuple(question.missing_of)),
    ):
        for name in names:
            if name not in types:
                hint = near(name, types)
                raise with_line(wrong(key, f"没有列 {name}；{hint.zh}", f"there is no column {name}; {hint.en}"), question.text)  # fmt: skip
    asked = _asked_for(question)
    (rows,) = connection.execute(f"select count(*) from {table}").fetchall()[0]
    chosen, features, wide = list[Chosen](), list[Feature](), 0
    for name, kind in types.items():
        if question.features and name not in question.features:
            continue
        odd = main.types[name].odd if name in main.types else 0
        profile = _profile(connection, table, name, kind)
        why = _why_not(question, name, kind, profile, int(rows), asked)
        one: Chosen | None = None
        if why is None:
            column = f"f{len(chosen)}"
            one, why = _made(connection, table, name, kind, column, profile, int(rows), question)
            wide += len(one.features)
            if wide > _WIDEST and one.words:
                one, why = (
                    _often(name, column),
                    Text("词太多，只取出现的次数", "too many words: how often it occurs"),
                )
            chosen.append(one)
        features.append(
            Feature(name, kind, profile.known, profile.distinct, one.features if one else (), why, odd)
        )
    if not chosen and question.task != "value":
        raise NothingLeft(
            what=Text("特征", "feature"), why=Text("所有列都留在外面了", "every column is left out")
        )
    return tuple(chosen), tuple(features)


@dataclass(frozen=True)
class _Profile:
    known: int
    distinct: int
    whole: bool = False
    low: float = 0.0
    high: float = 0.0


def _profile(connection: duckdb.DuckDBPyConnection, table: str, name: str, kind: str) -> _Profile:
    column = quoted(name)
    asked = f"count({column}), approx_count_distinct({column})"
    if kind == "number":
        value = f"cast({column} as double)"
        asked += f", coalesce(bool_and({value} = floor({value})), false), coalesce(min({value}), 0), coalesce(max({value}), 0)"
    row = connection.execute(f"select {asked} from {table}").fetchall()[0]
    many = int(row[1])
    if many > 0.8 * int(row[0]) or many < 3:  # it is an estimate, which matters where all differ or none does
        (many,) = connection.execute(f"select count(distinct {column}) from {table}").fetchall()[0]
    return _Profile(int(row[0]), int(many), *row[2:])


def _why_not(
    question: Question, name: str, kind: str, profile: _Profile, rows: int, asked: set[str]
) -> Text | None:
    if name in question.leave_out:
        return Text("映射里留在外面（leave_out）", "left out by the mapping (leave_out)")
    wanted = name in question.features or name in question.keep
    if name.lower() in asked and not wanted:
        return Text("问题本身用到它", "the question itself is made of it")
    if not profile.known:
        return Text("没有一个值", "it has no value")
    if profile.distinct <= 1 and profile.known == rows:
        return Text("处处一样", "it is the same everywhere")
    if wanted:
        return None
    unique = profile.distinct == profile.known and profile.known >= 50
    if unique and kind == "word":
        return Text("每行都不同，是编号", "it differs in every row: an id")
    close = profile.high - profile.low < 3 * profile.known
    if unique and kind == "number" and profile.whole and (close or _ID.search(name)):
        return Text("每行都不同的整数，是编号", "a whole number that differs in every row: an id")
    return None


def _asked_for(question: Question) -> set[str]:
    """Return the columns, in lower case, that the question is made of; what weights are computed from may be a feature all the same."""
    found = set[str]()
    for key, given in question.columns.items():
        found |= {given.lower()} | (set() if key == "weight" else names_in([given]) or set())
    return found


def _made(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    name: str,
    kind: str,
    column: str,
    profile: _Profile,
    rows: int,
    question: Question,
) -> tuple[Chosen, Text | None]:
    if kind == "number":
        return Chosen(name, column, f"cast({quoted(name)} as double)"), None
    if kind == "date":
        days = f"epoch(cast({quoted(name)} as timestamp)) / 86400"
        if "time" in question.columns:
            return Chosen(name, column, f"zd_time - {days}"), Text("到 time 那天的天数", "days before the time of the row")  # fmt: skip
        (last,) = connection.execute(f"select max({days}) from {table}").fetchall()[0]
        return Chosen(name, column, f"{last!r} - {days}"), Text(
            "到最晚一天的天数", "days before the last one"
        )
    least = max(_FEWEST, _RARE * rows)
    found = connection.execute(
        f"select {quoted(name)}, count(*) as many from {table} where {quoted(name)} is not null"
        f" group by 1 having many >= {least} order by many desc, 1 limit {_FREQUENT}"
    ).fetchall()
    words = [str(word) for word, _ in found]
    covered = sum(many for _, many in found)
    if covered < profile.known / 2:
        return _often(name, column), Text("词太多，只取出现的次数", "too many words: how often it occurs")
    missing = rows - profile.known >= least
    if profile.distinct == 2 and not missing:
        words = words[1:]  # the other one says the same
    places = f"list_position([{', '.join(literal(word) for word in words)}], {quoted(name)})"
    sql = f"case when {quoted(name)} is not null then cast(coalesce({places}, 0) - 1 as double) end"
    rest = profile.distinct - len(found)
    why = (
        Text(f"另有 {rest:,} 个少见的词算作其余", f"{rest:,} rarer words are the rest") if rest > 0 else None
    )
    return Chosen(name, column, sql, tuple(words), missing), why


def _often(name: str, column: str) -> Chosen:
    """Return a column as the share of rows that have the same value."""
    same = f"count({quoted(name)}) over (partition by {quoted(name)})"
    return Chosen(f"{name}: #", column, f"cast({same} as double) / count(*) over ()")
