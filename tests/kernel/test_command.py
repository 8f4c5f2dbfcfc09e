"""The console that every command prints on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from zerodistance.kernel import command

NAMES = ("20261126T011434502838Z", "a path/with words and [brackets] " + "x" * 60)


def _table() -> Table:
    table = Table(box=None)
    for head in ("name", "where"):
        table.add_column(head, no_wrap=True)
    table.add_row(*NAMES)
    return table


def _shown(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=40, soft_wrap=True, force_terminal=terminal, color_system=None)
    monkeypatch.setattr(command, "console", console)
    command.show(_table())
    return out.getvalue().splitlines()


def test_a_table_for_a_file_has_every_cell_whole_and_a_row_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    head, row = _shown(monkeypatch, terminal=False)
    assert head.split() == ["name", "where"]
    assert [name in row for name in NAMES] == [True, True]


def test_a_table_on_a_narrow_terminal_is_folded_and_loses_no_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = _shown(monkeypatch, terminal=True)
    assert max(map(len, lines)) <= 40
    assert sum(line.count("x") for line in lines) == 60 and "…" not in "".join(lines)
