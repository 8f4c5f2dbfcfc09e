"""What a person reads of an error is in both languages, whatever it was built from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import zerodistance
from zerodistance.doors.portal import accounts
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Invalid, NotFound
from zerodistance.kernel.home import Home

ROOT = Path(zerodistance.__file__).parent
NAMES = ("Invalid", "NotFound")
READ = ("why", "what")
"""Fields of these errors that are read by a person."""


def _said_bare(source: str) -> Iterator[str]:
    """Yield the place of every Invalid or NotFound that is built with a bare string where a Text belongs."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in NAMES:
            continue
        for keyword in node.keywords:
            spaced = isinstance(keyword.value, ast.Constant) and " " in str(keyword.value.value)
            bare = isinstance(keyword.value, ast.Constant | ast.JoinedStr | ast.BinOp)
            if (keyword.arg in READ and bare) or (keyword.arg == "field" and spaced):
                yield f"{node.lineno}: {keyword.arg}"


def test_no_invalid_and_no_not_found_gets_a_bare_string() -> None:
    found = {str(path.relative_to(ROOT)): list(_said_bare(path.read_text())) for path in ROOT.rglob("*.py")}
    assert {path: places for path, places in found.items() if places} == {}


@pytest.mark.parametrize(
    ("call", "places"),
    [
        ('Invalid(field="x", given=1, why="one is allowed")', ["1: why"]),
        ('NotFound(what=f"{x}", given=1)', ["1: what"]),
        ('Invalid(field="the name", given=1, why=Text("甲", "a"))', ["1: field"]),
        ('Invalid(field="--at", given=1, why=wrong.allowed)', []),
    ],
)
def test_a_bare_string_is_found(call: str, places: list[str]) -> None:
    assert list(_said_bare(call)) == places


def test_a_wrong_name_is_explained_in_the_language_of_the_page(home: Home) -> None:
    with pytest.raises(Invalid) as wrong:
        accounts.create(home, Who.system(), "a b c")
    assert wrong.value.message("zh") == "账号名 的值 'a b c' 不对：可用 2 到 40 个字母、数字、. @ _ 和 -"
    with pytest.raises(NotFound) as missing:
        accounts.disable(home, Who.system(), 999)
    assert missing.value.message("zh") == "找不到账号：999"
    assert missing.value.message("en") == "there is no account 999"
