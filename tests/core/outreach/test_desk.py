"""What accounts do about who may be written to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.core.outreach.people import settle
from tests.core.outreach.test_consent import usable
from zerodistance.core.identity.contracts import NotAnIdentifier
from zerodistance.core.outreach import api, desk, limits
from zerodistance.core.outreach.cli import app
from zerodistance.core.outreach.policy import Cap
from zerodistance.kernel import clock, command
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home

MARKETER = Who(5, "mei", Role.MARKETER)


def test_a_yes_needs_a_proof_and_an_address_that_somebody_has(home: Home, admin: Who) -> None:
    at = settle(home, {1: [("email", "a@x.cn"), ("phone", "+8613712340987")]})
    yes = {"given": True, "purpose": "marketing", "channel": "email", "proof": "form 7"}
    assert api.say(home, admin, "email", " A@x.cn ", **yes) == 1
    assert usable(home, 1) == {1: at["a@x.cn"]}
    for wrong in (
        {**yes, "proof": " "},
        {**yes, "channel": "sms"},
        {**yes, "purpose": ""},
        {**yes, "at": clock.micros() + 10**9},
    ):
        with pytest.raises(Invalid):
            api.say(home, admin, "email", "a@x.cn", **wrong)
    with pytest.raises(desk.NotKnown, match=r"s…@y\.cn|\*"):
        api.say(home, admin, "email", "somebody@y.cn", **yes)
    with pytest.raises(NotAnIdentifier):
        api.say(home, admin, "email", "nothing", **yes)
    with pytest.raises(Forbidden):
        api.say(home, MARKETER, "email", "a@x.cn", **yes)
    assert (
        api.say(home, admin, "email", "a@x.cn", given=False, purpose="", channel="") == 2
    )  # marketing and research
    assert usable(home, 1) == {}
    words, barred = api.of_person(home, admin, _id(home))
    assert [(one.word.given, one.holds) for one in words if one.word.purpose == "marketing"] == [
        (False, True),
        (True, False),
    ]
    assert "(admin)" in words[-1].word.proof and barred == [] and "a@x.cn" not in str(words)


def _id(home: Home) -> str:
    return home.seal.public_id("p", 1)


def test_limits_are_set_in_versions(home: Home, admin: Who) -> None:
    assert api.limits_shown(home, MARKETER).version == 0
    found = api.set_limits(home, admin, {"sender_zh": "样例", "caps": [{"most": 2, "days": 7}]})
    assert (found.version, found.policy.caps, found.policy.minor_age) == (1, (Cap(2, 7),), 18)
    assert api.set_limits(home, admin, {"sender_zh": "样例"}).version == 1  # nothing new
    with home.state.read() as tx:
        assert limits.in_force(tx) == (1, found.policy)
    assert [one.version for one in api.limits_history(home, admin)] == [1, 0]
    with pytest.raises(Forbidden):
        api.set_limits(home, MARKETER, {"minor_age": 0})
    with pytest.raises(Exception, match="unit"):
        api.set_limits(home, admin, {"caps": [{"most": 1, "days": 1, "unit": "nobody"}]})


def test_an_address_is_barred_and_let_go_again(home: Home, admin: Who) -> None:
    settle(home, {1: [("phone", "+8613712340987")]})
    api.suppress(home, admin, "phone", "137 1234 0987", "complained")
    _, (barred,) = api.of_person(home, admin, _id(home))
    assert (barred.reason, barred.purpose) == ("complained", "")
    assert api.figures(home, admin).suppressed == {"complained": (1, 1)}
    assert (
        api.lift(home, admin, "phone", "13712340987") == 1
        and api.lift(home, admin, "phone", "13712340987") == 0
    )
    listed = api.suppress_list(
        home, admin, "\ufeffmobile\r\n13712340987\r\n13712340988\r\n".encode(), "phone", "list.csv"
    )
    assert (listed.rows, listed.added, listed.known, listed.unreadable) == (3, 2, 1, 1)
    acts: list[Callable[[], object]] = [
        lambda: api.suppress(home, MARKETER, "phone", "13712340987"),
        lambda: api.lift(home, MARKETER, "phone", "13712340987"),
        lambda: api.figures(home, MARKETER),
        lambda: api.of_person(home, MARKETER, _id(home)),
    ]
    for act in acts:
        with pytest.raises(Forbidden):
            act()
    for wrong in ({"reason": "because"}, {"purpose": "fun"}):
        with pytest.raises(Invalid):
            api.suppress(home, admin, "phone", "13712340987", **wrong)


def test_the_commands_show_and_set(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settle(home, {1: [("email", "a@x.cn")]})
    file = tmp_path / "filter.json"
    file.write_text(json.dumps({
        "name": "Filter", "channel": "sms", "purpose": "marketing", "bodies": {"en": {"text": "Your filter is due, {name}"}},
        "variables": [{"key": "name", "default": "friend", "of": "vault.name"}],
    }))  # fmt: skip
    addresses = tmp_path / "list.txt"
    addresses.write_text("b@x.cn\nnothing\n")
    said = []
    command.set_flags(home=home.root, lang="en")
    for words in (
        ["limits", "--sender-zh", "样例", "--sender-en", "Sample"],
        ["templates", "save", "filter", str(file)],
        ["templates", "list"],
        ["templates", "show", "filter"],
        ["words", "list"],
        ["words", "find", "国家级"],
        ["consent", "email", "a@x.cn", "--purpose", "marketing", "--channel", "email", "--proof", "form 1"],
        ["consent"],
        ["suppress", "email", "--file", str(addresses)],
        ["lift", "email", "b@x.cn"],
        ["approvals"],
        ["templates", "withdraw", "filter"],
    ):
        app(words, result_action="return_value")
        said.append(capsys.readouterr().out)
    command.set_flags()
    assert "Sample" in said[0] and "saved filter, version 1" in said[1] and "filter" in said[2]
    assert "Sample: Your filter is due, Ann Lee Stop: " in said[3]
    assert "cn_advertising_law" in said[4] and "forbidden" in said[5]
    assert "1 words were kept" in said[6] and "marketing" in said[7]
    assert (
        "2 lines: 1 suppressed, 0 of them somebody's, 1 could not be read" in said[8]
        and "1 entries went" in said[9]
    )
