"""`zerodistance sources` from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from zerodistance.core.touchpoints.cli import sources
from zerodistance.kernel import command
from zerodistance.kernel.home import Home


@pytest.fixture(autouse=True)
def flags(home: Home) -> Iterator[None]:
    """Give the commands the test's home, in English."""
    command.set_flags(home=home.root, lang="en")
    yield
    command.home().close()
    command.set_flags()


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> object:
    capsys.readouterr()
    sources([*words, "--json"], result_action="return_value")
    return json.loads(capsys.readouterr().out)


def test_a_source_is_created_listed_changed_and_switched_off(capsys: pytest.CaptureFixture[str]) -> None:
    made = _json(
        capsys,
        "create",
        "web",
        "--kind",
        "web",
        "--name",
        "官网",
        "--origin",
        "https://a.example",
        "--origin",
        "*",
    )
    assert isinstance(made, dict)
    assert made["origins"] == ["*", "https://a.example"]
    assert _json(capsys, "list") == [made]
    rotated = _json(capsys, "rotate", "web")
    assert isinstance(rotated, dict)
    assert rotated["write_key"] != made["write_key"]
    sources(["off", "web"], result_action="return_value")
    assert "is off" in capsys.readouterr().out
    shown = _json(capsys, "show", "web")
    assert isinstance(shown, dict)
    assert shown["off_at"]


def test_the_code_to_send_with_is_printed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    _json(capsys, "create", "web", "--kind", "web")
    sources(
        ["show", "web", "--snippet", "python", "--address", "https://touch.example.com"],
        result_action="return_value",
    )
    code = capsys.readouterr().out
    compile(code, "snippet", "exec")
    assert 'analytics.host = "https://touch.example.com"' in code


def test_lists_are_tables_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    sources(["list"], result_action="return_value")
    assert "no source yet" in capsys.readouterr().out
    _json(capsys, "create", "web", "--kind", "web")
    sources(["list"], result_action="return_value")
    assert "write key" in capsys.readouterr().out
