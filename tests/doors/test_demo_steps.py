"""How the demo waits for its steps, and what it says of an import that failed."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from zerodistance.core.touchpoints import import_jobs
from zerodistance.doors import demo
from zerodistance.doors.examples import holding
from zerodistance.doors.examples.contracts import Example, File, Shopper
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

WHAT = Text("导入", "the import")
MAPPING = """
format = "csv"
source = { key = "books", name = { zh = "账本", en = "Books" }, kind = "import" }
kind = "order.line"
source_id = "id"
[times]
happened_at = "at"
known_at = "at"
zone = "UTC"
"""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for hundredths of a second only."""
    monkeypatch.setattr(demo, "WAIT_SECONDS", 0.02)
    monkeypatch.setattr(demo, "LOOK_SECONDS", 0.01)


def test_what_goes_on_is_waited_for_however_long_it_takes(impatient: None) -> None:
    looks, steps = count(), count()
    demo._wait(lambda: next(looks) == 20, lambda: next(steps), WHAT)
    assert next(looks) == 21


def test_what_stands_still_is_given_up_and_named(impatient: None) -> None:
    with pytest.raises(demo.DemoStuck) as told:
        demo._wait(lambda: False, lambda: 7, WHAT)
    assert "the import" in told.value.message("en") and "导入" in told.value.message("zh")


def example(folder: Path) -> Example:
    """Return an example of one file of two rows."""
    book = folder / "books.csv"
    book.write_text("id,at\n1,2026-01-01T00:00:00Z\n2,2026-01-02T00:00:00Z\n")
    return Example(
        key="books",
        name=Text("账本", "books"),
        settings="",
        brand=folder,
        kinds=(),
        files=(File(book, MAPPING),),
        shopper=Shopper("m", "a", (), {}),
        segments=(),
        origin=folder,
        lines=lambda home, who: (),
    )


@pytest.mark.parametrize(
    ("end", "en", "zh"),
    [
        (
            "failed",
            "the import of books.csv failed (the file ends early) after 0 rows",
            "失败：the file ends early",
        ),
        ("stopped", "the import of books.csv was stopped after 0 rows", "导入 books.csv 到第 0 行被停止"),
    ],
)
def test_an_import_that_did_not_come_to_its_end_is_an_error_that_says_why(
    home: Home, admin: Who, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, en: str, zh: str
) -> None:
    create = import_jobs.create

    def ended(home: Home, who: Who, *given: Any) -> import_jobs.Created:
        made = create(home, who, *given)
        {
            "failed": lambda: import_jobs.finished(home, made.job.number, error="the file ends early"),
            "stopped": lambda: import_jobs.stop(home, who, made.job.number),
        }[end]()
        return made

    monkeypatch.setattr(import_jobs, "create", ended)
    holding.hold(home.settings, "books", Text("账本", "books"), 0, 0, "")
    with pytest.raises(demo.DemoImportFailed) as told:
        demo._import(home, example(tmp_path), demo.Tour(began=0.0))
    assert en in told.value.message("en") and zh in told.value.message("zh")
