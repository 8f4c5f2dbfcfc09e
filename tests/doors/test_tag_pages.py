"""The pages of tags that users make: listed, shown, made, changed, ended, withdrawn; by whoever may."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.profiles import world
from tests.core.segments.test_answers import NOW, known
from tests.doors.conftest import Visitor
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.tags import api as tags
from zerodistance.kernel import access, clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SYSTEM = Who.system("ann")
BUYERS = 'Did("order.line", amount_at_least=15)'
NAMES = {"label": {"zh": "贵宾", "en": "VIP"}, "meaning": {"zh": "买得多", "en": "buys much"}}
RULED = {
    "rule": [
        {"node": "gold", "rule": BUYERS, "zh": "金", "en": "Gold"},
        {"node": "other", "rule": 'Did("order.*")', "zh": "其他", "en": "Others"},
    ]
}
WAYS: dict[str, Any] = {
    "own.spend": {"bands": {"of": "value.spend_total", "edges": [0, 5, 31]}},
    "own.last": {"touches": {"take": "last", "word": "category", "kinds": ["order.line"], "days": 90}},
    "own.odd": {"sql": "select subject, 'some' as value from touches where amount > 1 and 1 < 2"},
}


@pytest.fixture
def shop(home: Home, boss: Visitor) -> Home:
    """Three persons, one of whom bought twice, and a visitor."""
    known(home)
    rows = [
        world.touch(1, n, n + 1, "order.line", NOW, amount=10.0 * n, category="washer" if n else "fridge")
        for n in range(4)
    ]
    home.lake.append("touches", world.table(rows), app="touches", version=1, partition_by="month")
    with clock.freeze(NOW):
        profiles.rebuild(home, SYSTEM)
    boss.get("/tags?lang=en")
    return home


def save(home: Home, key: str, how: Any, **more: Any) -> None:
    """Save a tag as the command does."""
    tags.save(home, SYSTEM, tags.read(home, {"key": key, "layer": "value", **NAMES, "how": how, **more}))


def turn(home: Home) -> None:
    """Let the worker do what it does within a minute."""
    tags.wanted(home)
    with clock.freeze(NOW):
        profiles.refresh(home)


def test_a_tag_of_every_way_is_listed_and_shown(shop: Home, boss: Visitor) -> None:
    assert "No tag of your own yet" in boss.get("/tags").text and 'href="/tags"' in boss.get("/profiles").text
    save(shop, "own.vip", RULED)
    for key, how in WAYS.items():
        save(shop, key, how)
    turn(shop)
    page = boss.get("/tags").text
    assert [page.count(f'href="/tags/{key}"') for key in ("own.vip", *WAYS)] == [1, 1, 1, 1]
    assert "by touches" in page and ">2<td" in page
    table = boss.get("/tags.csv").text.lstrip("\ufeff").splitlines()
    assert (
        table[0].startswith("key,name,layer,way,version,persons")
        and "own.vip,VIP,value,by rule,1,2" in table[-1]
    )
    vip = boss.get("/tags/own.vip").text
    for said in (
        "buys much",
        "Gold",
        "amount_at_least=15",
        "50.0%",
        "the tag was made",
        'href="/profiles/own.vip"',
        "Make anew",
    ):
        assert said in vip, said
    assert 'href="/tags/own.vip"' in boss.get("/profiles/own.vip").text
    spend = boss.get("/tags/own.spend").text
    assert (
        'href="/profiles/value.spend_total"' in spend and "0 · 5 · 31" in spend and "Make anew" not in spend
    )
    assert "the last category of Order line, in 90 days" in boss.get("/tags/own.last").text
    assert "amount &gt; 1 and 1 &lt; 2" in boss.get("/tags/own.odd?lang=zh").text
    assert boss.get("/tags/own.nothing").status_code == 404


def test_a_tag_is_ended_taken_up_again_made_anew_and_withdrawn_when_nothing_stands_on_it(
    shop: Home, boss: Visitor
) -> None:
    save(shop, "own.vip", RULED)
    save(shop, "own.vip", {"rule": [{**RULED["rule"][0], "rule": "AllOf()"}]})
    turn(shop)
    page = boss.get("/tags/own.vip").text
    assert "node other taken away" in page and "the rule of gold" in page
    assert boss.post("/tags/own.vip/versions/1").headers["location"] == "/tags/own.vip?done=saved"
    page = boss.get("/tags/own.vip?done=saved").text
    assert "Saved as version 3" in page and "being made" in page and "node other added" in page
    turn(shop)
    assert "being made" not in boss.get("/tags/own.vip").text
    assert boss.post("/tags/own.vip/versions/9").status_code == 404
    assert boss.post("/tags/own.vip/run").status_code == 303
    assert "being made" in boss.get("/tags").text
    wrong = boss.post("/tags/own.vip/ends", expires_on="soon")
    assert wrong.status_code == 400 and "2027-01-31" in wrong.text and 'value="soon"' in wrong.text
    boss.post("/tags/own.vip/ends", expires_on="2026-03-02")
    turn(shop)
    page = boss.get("/tags/own.vip").text
    assert "It ended on 2026-03-02" in page and "ends on 2026-03-02" in page
    boss.post("/tags/own.vip/ends", expires_on="")
    assert "ends no more" in boss.get("/tags/own.vip").text
    turn(shop)
    rule = segments.read_rule('Has("own.vip", node="gold")', shop)
    segments.create(shop, SYSTEM, "gold", Text("金", "Gold"), rule)
    kept = boss.post("/tags/own.vip/withdraw")
    assert kept.status_code == 409 and 'href="/segments/gold"' in kept.text
    taken = boss.post("/tags/own.vip/versions/2")
    assert taken.status_code == 303, "gold is a node of that version too"
    segments.delete(shop, SYSTEM, "gold")
    assert boss.post("/tags/own.vip/withdraw").headers["location"] == "/tags"
    assert boss.get("/tags/own.vip").status_code == 404


def test_a_tag_that_can_not_be_made_says_why(shop: Home, boss: Visitor) -> None:
    save(shop, "own.odd", WAYS["own.odd"])
    one = tags.read(
        shop,
        {
            "key": "own.odd",
            "layer": "value",
            **NAMES,
            "how": {"sql": "select number, 'x' as value from nowhere"},
        },
    )
    tags.save(shop, SYSTEM, one, now=False)
    turn(shop)
    for path in ("/tags", "/tags/own.odd"):
        assert "nowhere" in boss.get(path).text and "not made" in boss.get(path).text
    assert "The values it had stay" in boss.get("/tags/own.odd").text


def test_who_may_not_see_persons_or_manage_segments_reads_the_list_and_changes_nothing(
    shop: Home, boss: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(shop, "own.vip", RULED)
    save(shop, "own.odd", WAYS["own.odd"])
    turn(shop)
    monkeypatch.setitem(access._MAY, Role.ADMIN, frozenset({access.Permission.SEE_PERSONS}))
    for path in ("/tags", "/tags/own.vip"):
        page = boss.get(path).text
        assert "own.vip" in page and "/tags/new" not in page and "withdraw" not in page
    monkeypatch.setitem(access._MAY, Role.ADMIN, frozenset({access.Permission.MANAGE_SEGMENTS}))
    page = boss.get("/tags").text
    assert "VIP" in page and ">–<td" in page and "/tags/own.vip" not in page and "own.odd" not in page
    assert "own.vip,VIP,value,by rule,1,," in boss.get("/tags.csv").text
    assert boss.get("/tags/own.vip").status_code == 403
    for verb in ("run", "ends", "versions/1", "withdraw"):
        assert boss.post(f"/tags/own.vip/{verb}").status_code == 403
