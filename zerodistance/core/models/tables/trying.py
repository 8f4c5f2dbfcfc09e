"""Trying the ladder on a table: read, typed, made ready, parted, learned and looked at."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zerodistance.core.models.tables import chances, guessing, lasting, money, moved, numbers, prepared
from zerodistance.core.models.tables.contracts import Found, NoData, Outcome
from zerodistance.core.models.tables.question import Join, Question
from zerodistance.core.models.tables.trial import USUAL, Effort, Told
from zerodistance.kernel.engine import Engine
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

KINDS = {
    "chance": ("scorecard", "points", "trees", "straight"),
    "fault": ("scorecard", "points", "trees", "straight"),
    "number": ("points", "trees", "straight"),
    "when": ("points", "trees", "straight"),
    "uplift": ("x", "t", "x_straight", "t_straight", "response", "anybody"),
    "value": ("model",),
}
"""Steps that may be asked for, by task."""
_TRIED = {"chance": chances.tried, "fault": chances.tried, "number": numbers.tried, "when": lasting.tried, "uplift": moved.tried}  # fmt: skip
_READING = Text("读取", "reading")
_PREFIX, _DAY = "zd-table-", 86_400


@contextmanager
def workshop(memory_mb: int, threads: int) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Give a connection and a folder that is gone afterwards; expressions reach no other file."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):  # of a process that was killed
        if time.time() - left.stat().st_mtime > _DAY:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        engine = Engine(folder / "spill", memory_mb=memory_mb, threads=threads)
        with engine.connect() as connection:
            connection.execute(f"set allowed_directories = ['{str(folder).replace(chr(39), chr(39) * 2)}']")
            connection.execute("set enable_external_access = false")
            connection.execute("set preserve_insertion_order = false")
            yield connection, folder


def evaluate(
    question: Question,
    data: Path | None = None,
    effort: Effort = USUAL,
    *,
    memory_mb: int = 1024,
    threads: int = 2,
    told: Told = lambda stage, done, of: None,
) -> Outcome:
    """Try the ladder on the table of a question.

    Parameters
    ----------
    data
        Instead of the file that the mapping names.

    Raises
    ------
    NoData, MappingWrong, NothingLeft, TooFewOutcomes, NoFile, NotATable, EmptyFile
        What it is.
    """
    path = data or question.data
    if path is None:
        raise NoData()
    began, question = time.perf_counter(), beside(question, path)
    with workshop(memory_mb, threads) as (connection, folder):
        told(_READING, 0, 1)
        if question.task == "value" and "customer" in question.columns:
            main = prepared.opened(connection, question, path, folder, "main")
            prepared.asked(connection, question, main, "main", folder)
            found = Found(
                main.staged.rows,
                (),
                prepared.refusals(connection, main, "main_asked"),
                list(main.staged.notes),
            )
            columns, ahead, who = money.from_purchases(connection, question, "main_asked", found)
            told(_READING, 1, 1)
            return _timed(money.tried(question, found, columns, ahead, effort, who), began)
        learned, test = prepared.prepare(connection, question, path, folder)
        told(_READING, 1, 1)
        if question.task == "value":
            columns, ahead = money.from_customers(question, learned)
            return _timed(money.tried(question, learned.found, columns, ahead, effort, learned.ids), began)
        outcome = _TRIED[question.task](question, learned, test, effort, told)
        if test is not None:
            outcome.found = replace(learned.found, refused=learned.found.refused + test.found.refused)
        return _timed(outcome, began)


def beside(question: Question, path: Path) -> Question:
    """Return the question with the other files that it names: those that are not where it says are taken from beside the table."""

    def near(file: Path) -> Path:
        return file if file.exists() or not (path.parent / file.name).exists() else path.parent / file.name

    def joined(joins: tuple[Join, ...]) -> tuple[Join, ...]:
        return tuple(replace(one, file=near(one.file)) for one in joins)

    test = question.test
    if test is not None:
        test = replace(test, file=near(test.file), joins=joined(test.joins))
    return replace(question, joins=joined(question.joins), test=test)


def write(found: Outcome, path: Path) -> None:
    """Write the rows of `Outcome.said`, as CSV where the name ends so, else as Parquet; raises Invalid where that can't be."""
    assert found.said is not None
    try:
        if path.suffix.lower() == ".csv":
            pa_csv.write_csv(found.said, path)
        else:
            pq.write_table(found.said, path, compression="zstd")
    except OSError as error:
        why = type(error).__name__
        raise Invalid(
            field="--out", given=str(path), why=Text(f"写不了：{why}", f"it can't be written: {why}")
        ) from None


def guessed(path: Path, lang: str, memory_mb: int = 1024, threads: int = 2) -> str:
    """Return a first mapping for a file, as text with comments in `lang`; raises what reading raises."""
    with workshop(memory_mb, threads) as (connection, folder):
        return guessing.guess(connection, path, folder, lang)


def _timed(outcome: Outcome, began: float) -> Outcome:
    return replace(outcome, seconds=time.perf_counter() - began)
