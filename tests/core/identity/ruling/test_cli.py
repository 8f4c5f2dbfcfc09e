"""The commands `identity rules`, `train` and `models`, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.identity.ruling.test_trying import crowd, two_spellings
from zerodistance.core.identity import api
from zerodistance.core.identity.cli import app
from zerodistance.core.identity.ruling import training
from zerodistance.kernel import command
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

WORDS = {
    "en": (
        *("the rules are as shipped", "phone.cap: 8/1095 -> 12/1095", "persons 10 -> 1", "9 would be merged"),
        *("+86139****8001 would link again", "an identifier that links again", "nothing was written"),
        *(
            "version 1 of the rules is in force",
            "undone; the rules are as shipped again",
            "friends",
            "in force",
        ),
    ),
    "zh": (
        *("规则和出厂时一样", "phone.cap：8/1095 -> 12/1095", "用户 10 -> 1", "会合并 9"),
        *("+86139****8001 会重新连接", "重新连接的标识", "什么都没有写"),
        *("第 1 版规则已生效", "已撤销，规则和出厂时一样", "friends", "在用"),
    ),
}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_rules_are_shown_tried_applied_and_undone_by_command(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, lang: str
) -> None:
    crowd(home)
    api.rebuild(home, Who.system())
    monkeypatch.setattr(command, "home", lambda: home)
    monkeypatch.setattr(command, "lang", lambda: lang)
    monkeypatch.setattr(command, "settings", lambda: home.settings)
    moves = tmp_path / "moves.csv"
    for words in (
        ("rules",),
        ("rules", "try", "phone.cap=12", "--examples", "2", "--csv", str(moves)),
        ("rules", "apply", "phone.cap=12", "--reason", "friends"),
        ("rules",),
        ("rules", "undo"),
        ("models",),
    ):
        app(words, result_action="return_value")
    said = capsys.readouterr().out
    assert [word for word in WORDS[lang] if word not in said] == []
    assert len(moves.read_text().splitlines()) == 10
    assert "13912348001" not in said


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_weights_are_learned_by_command(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lang: str
) -> None:
    two_spellings(home)
    monkeypatch.setattr(training, "LEAST_FACES", 2)
    monkeypatch.setattr(command, "home", lambda: home)
    monkeypatch.setattr(command, "lang", lambda: lang)
    monkeypatch.setattr(command, "settings", lambda: home.settings)
    app(("train",), result_action="return_value")
    said = capsys.readouterr().out
    assert "identity rules try model=home-" in said
    assert {"zh": "还没有启用", "en": "nothing uses them yet"}[lang] in said
