"""What crosses the door of the examiner."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


@dataclass(frozen=True)
class Figure:
    """A figure with its interval; a value of None is not defined (nothing to divide by), bounds of None are not known."""

    value: float | None
    low: float | None = None
    high: float | None = None


ANSWERS = {
    "households": "source, source_id, household_id",
    "need": "person_id, category, as_of, score",
    "activity": "person_id, as_of, score",
    "sentiment": "source, source_id, sentiment, topic",
    "lift": "campaign, people, estimate, low, high",
}
"""The columns of answers that a home does not give yet."""

Cell = Figure | str | int | float | None
Row = dict[str, Cell]


@dataclass(frozen=True)
class Method:
    """How the intervals were made: name, level, seed, what was drawn, how many there are of it, in how many groups, how often."""

    interval: str
    level: float
    seed: int
    unit: str
    units: int
    groups: int
    replicates: int


@dataclass(frozen=True)
class Report:
    """What an examination found.

    Attributes
    ----------
    what
        `identity`, `households`, `need`, `activity`, `sentiment` or `lift`.
    counts
        How many rows were compared, and how many not, by reason.
    tables
        Name -> rows; every row of a table has the same columns.
    """

    what: str
    counts: dict[str, int]
    method: Method
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON prints it."""
        return asdict(self)


class NoTruth(ZeroDistanceError):
    """A file of the truth is missing."""

    code, status = "evaluate_no_truth", 404
    text = Text(
        "找不到真相文件 {path}；--truth 要指向一座样例城市或它的 truth/ 文件夹，格式见文档《样例城市》",
        "the file {path} of the truth is missing; --truth has to name a sample city or its folder truth/, whose form is on the page "
        "The sample city",
    )


class NoSaid(ZeroDistanceError):
    """The file with the answers is missing."""

    code, status = "evaluate_no_file", 404
    text = Text("找不到文件 {path}", "there is no file {path}")


class NothingSaid(ZeroDistanceError):
    """The product says nothing of this kind yet."""

    code, status = "evaluate_nothing_said", 409
    text = Text(
        "数据目录里还没有 {what} 的结果；用 --said 给出一个文件，列为 {columns}",
        "a home says nothing about {what} yet; give a file with --said, its columns are {columns}",
    )


class NotReadable(ZeroDistanceError):
    """A file is neither a CSV nor a Parquet file that can be read."""

    code, status = "evaluate_not_readable", 400
    text = Text(
        "读不了 {path}：要 UTF-8 的 CSV（第一行是列名）或 Parquet；{why}",
        "{path} can't be read: it has to be CSV in UTF-8 whose first line names the columns, or Parquet; {why}",
    )


class MissingColumn(ZeroDistanceError):
    """A file lacks a column."""

    code, status = "evaluate_missing_column", 400
    text = Text(
        "{path} 缺少列 {missing}；需要 {wanted}，现有 {found}",
        "{path} lacks the column {missing}; wanted are {wanted}, it has {found}",
    )


class WrongCell(ZeroDistanceError):
    """A cell holds what its column may not."""

    code, status = "evaluate_wrong_cell", 400
    text = Text(
        "{path} 的列 {column} 有 {many} 个值不对，如 {given!r}；要 {allowed}",
        "{many} values of the column {column} in {path} are wrong, such as {given!r}; allowed is {allowed}",
    )


class UnknownIds(ZeroDistanceError):
    """Rows name what the truth does not have."""

    code, status = "evaluate_unknown_ids", 400
    text = Text(
        "{path} 有 {many} 行指向真相里没有的 {what}，如 {examples}；检查是不是同一座城市，真相若只含一部分记录就加 --partial",
        "{many} rows of {path} name a {what} that is not in the truth, such as {examples}; see that it is the same city, or say --partial "
        "where the truth covers a part only",
    )


class Repeated(ZeroDistanceError):
    """Two rows are about the same."""

    code, status = "evaluate_repeated", 400
    text = Text(
        "{path} 里 {many} 个 {what} 出现多次，如 {examples}；每个只能有一行",
        "{many} of {what} stand in {path} more than once, such as {examples}; each may have one row",
    )


class NoPersons(ZeroDistanceError):
    """Answers are about persons of a home, and nobody said who these are."""

    code, status = "evaluate_no_persons", 400
    text = Text(
        "{path} 按 person_id 给出结果；先运行 `zerodistance identity export persons.csv`，再加 --persons persons.csv",
        "{path} is about person_id; run `zerodistance identity export persons.csv` first, and add --persons persons.csv",
    )


class TooLate(ZeroDistanceError):
    """The truth ends before what was forecast."""

    code, status = "evaluate_too_late", 400
    text = Text(
        "{path} 里的 as_of {given} 之后，真相不足 1 个月（真相到 {until} 为止）；用更早的 as_of",
        "after the as_of {given} in {path} the truth goes on for less than a month (it ends at {until}); take an earlier as_of",
    )


class NothingToCompare(ZeroDistanceError):
    """No row of the answers meets a row of the truth."""

    code, status = "evaluate_nothing_to_compare", 400
    text = Text(
        "{path} 里没有一行能与真相对上；检查列 {columns} 的写法",
        "no row of {path} meets the truth; look at how the columns {columns} are written",
    )
