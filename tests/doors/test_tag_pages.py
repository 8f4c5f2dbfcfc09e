"""The pages of tags that users make: listed, shown, made, changed, ended, withdrawn; by whoever may."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.core.profiles import world
from tests.core.segments.test_answers import NOW, known
from tests.doors import world as doors_world
from tests.doors.conftest import CHEAP, Visitor
from tests.patience import PATIENCE, until
from zerodistance import compose
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.tags import api as tags
from zerodistance.core.segments.tags.contracts import ByList
from zerodistance.doors.portal import accounts, tag_form, working
from zerodistance.kernel import access, clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata
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


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Visitor]]:
    """Three persons, one of whom bought twice, and a visitor; and an admin with a browser. One home for all: what a test makes it takes away."""
    home = create_home(load(home=tmp_path_factory.mktemp("tags") / "home"))
    metadata.create_all(home.state.engine)
    known(home)
    rows = [
        world.touch(1, n, n + 1, "order.line", NOW, amount=10.0 * n, category="washer" if n else "fridge")
        for n in range(4)
    ]
    home.lake.append("touches", world.table(rows), app="touches", version=1, partition_by="month")
    with clock.freeze(NOW):
        profiles.rebuild(home, SYSTEM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", lambda: CHEAP)
        doors_world.people(home)
    with TestClient(compose.door(home), base_url="http://testserver") as client:
        yield home, Visitor(client)
    home.close()


@pytest.fixture
def shop(opened: tuple[Home, Visitor]) -> Iterator[Home]:
    """The home, without tags and segments."""
    home, _ = opened
    yield home
    for one in segments.segments(home, SYSTEM):
        segments.delete(home, SYSTEM, one.key)
    for tag in tags.tags(home, SYSTEM):
        tags.withdraw(home, SYSTEM, tag.said.key)
    turn(home)


@pytest.fixture
def boss(opened: tuple[Home, Visitor]) -> Visitor:
    """An admin who is logged in and reads English."""
    _, someone = opened
    someone.client.cookies.clear()
    assert someone.log_in().status_code == 303
    someone.get("/tags?lang=en")
    return someone


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
    assert "by touches" in page and ">2<td" in page and 'href="/tags/new"' in page
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
            "how": {"sql": "select number, error('too late') as value from subject_person"},
        },
    )
    tags.save(shop, SYSTEM, one, now=False)
    turn(shop)
    for path in ("/tags", "/tags/own.odd"):
        assert "too late" in boss.get(path).text and "not made" in boss.get(path).text
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
    for path in ("/tags/new", "/tags/own.vip/change", "/tags/bands?of=value.spend_total", "/tags/preview/x"):
        assert boss.get(path).status_code == 403, path
    verbs = (
        "",
        "/own.vip",
        "/preview",
        "/rule",
        "/nodes",
        *(f"/own.vip/{verb}" for verb in ("run", "ends", "versions/1", "withdraw")),
    )
    for verb in verbs:
        assert boss.post(f"/tags{verb}").status_code == 403, verb


RULED_FIELDS = {
    "zh": "贵宾", "en": "VIP", "layer": "value", "way": "rule", "zh-0": "金", "en-0": "Gold", "rule-0": BUYERS, "node-0": "",
    "en-1": "Others", "rule-1": 'Did("order.*")',
}  # fmt: skip


def test_a_tag_is_previewed_made_and_changed_on_the_page(shop: Home, boss: Visitor) -> None:
    assert "How rules are written" in boss.get("/tags/new").text
    tried = boss.post("/tags/preview", **RULED_FIELDS).text
    assert "nothing was written" in tried and tags.tags(shop, SYSTEM) == []
    assert re.findall(r"<li><span>(\w+)</span><span class=\"n\">(\d+)", tried) == [
        ("Gold", "1"),
        ("Others", "1"),
    ]
    assert boss.post("/tags", **RULED_FIELDS).headers["location"] == "/tags/own.vip?done=saved"
    assert "being made" in boss.get("/tags/own.vip?done=saved").text
    turn(shop)
    assert "there is a tag own.vip" in boss.post("/tags", **RULED_FIELDS, key="vip").text
    form = boss.get("/tags/own.vip/change").text
    assert 'name="version" value="1"' in form and 'value="others"' in form and "Save as version 2" in form
    changed = {
        **RULED_FIELDS,
        "node-0": "gold",
        "node-1": "others",
        "rule-1": "AllOf()",
        "changes": "own.vip",
    }
    assert (
        '<span class="mute">now 1</span></span><span class="n">1'
        not in boss.post("/tags/preview", **changed).text
    )
    old = boss.post("/tags/own.vip", **changed, version="0")
    assert old.status_code == 409 and "saved version 1 after you opened this" in old.text
    assert boss.post("/tags/own.vip", **changed, version="1").status_code == 303
    assert tags.tag(shop, SYSTEM, "own.vip").version == 2


WAYS_TYPED: dict[str, dict[str, Any]] = {
    "own.spend": {"way": "bands", "of": "value.spend_total", "edges": "0\n5 31"},
    "own.last": {"way": "touches", "take": "last", "word": "category", "kinds": ["order.line"], "days": "90"},
    "own.odd": {"way": "sql", "sql": WAYS["own.odd"]["sql"]},
}


def test_what_the_form_says_is_what_the_command_says_and_comes_back_into_it(
    shop: Home, boss: Visitor
) -> None:
    for key, fields in WAYS_TYPED.items():
        typed = {"en": "VIP", "zh": "贵宾", "key": key.removeprefix("own."), "layer": "value", **fields}
        tried = boss.post("/tags/preview", **typed)
        assert "nothing was written" in tried.text, key
        boss.post("/tags", **typed)
        said = tags.tag(shop, SYSTEM, key).said
        assert said.how == tags.read(shop, {"key": key, "layer": "value", **NAMES, "how": WAYS[key]}).how
        again = tag_form.read(shop, tag_form.shown(said), said, ())
        assert again == said
    parts = {"en": "Parts", "way": "bands", "of": "value.spend_total", "layer": "value", "quantiles": "2"}
    assert "not both" in boss.post("/tags/preview", **parts, edges="0").text
    assert boss.post("/tags", **parts).status_code == 303
    cut = boss.get("/tags/own.parts").text
    assert "2 of about equally many persons" in cut and "Cut anew" in cut
    assert boss.post("/tags/own.parts/run").headers["location"].endswith("done=same")
    said = tags.tag(shop, SYSTEM, "own.parts").said
    assert tag_form.read(shop, tag_form.shown(said), said, ()) == said
    assert "three quarters 30" in boss.get("/tags/bands?of=value.spend_total").text
    assert 'value="bands" checked' in boss.get("/tags/new?of=value.spend_total").text
    assert 'href="/tags/new?of=value.spend_total"' in boss.get("/profiles/value.spend_total").text


WRONG: tuple[tuple[dict[str, str], str, str], ...] = (
    ({"zh": "", "en": ""}, "zh", "write a name"),
    ({"key": "Vip"}, "key", "a letter first"),
    ({"expires_on": "soon"}, "expires_on", "2027-01-31"),
    ({"rule-1": 'Did("order.lin")'}, "rule-1", "1:1"),
    ({"rule-1": ""}, "rule-1", "AllOf() is everybody"),
    ({"node-1": "gold"}, "node-1", "a node gold before it"),
    ({"way": "bands", "of": "geo.place", "edges": "1"}, "of", "a dimension of numbers"),
    ({"way": "bands", "of": "value.spend_total", "edges": "0,100,200"}, "edges", "one a line"),
    ({"way": "bands", "of": "value.spend_total", "edges": "5\n3"}, "edges", "ascending"),
    ({"way": "touches", "days": "2.5"}, "days", "whole number"),
    ({"way": "sql", "sql": "select 1 as number"}, "sql", "subject or number, and value"),
    ({"way": "sql", "sql": "drop table touches"}, "sql", "one SELECT"),
)


def test_what_is_wrong_stands_at_its_field_before_and_when_it_is_saved(shop: Home, boss: Visitor) -> None:
    for fields, at, why in WRONG:
        for path, status in (("/tags/preview", 200), ("/tags", 400)):
            answer = boss.post(path, **{**RULED_FIELDS, **fields})
            assert answer.status_code == status, fields
            found = re.search(
                rf'id="{at}"[^>]*aria-invalid="true".*?id="{at}-e">(.*?)</small>', answer.text, re.S
            )
            assert found and why in html.unescape(found[1]), fields
    assert tags.tags(shop, SYSTEM) == []


def test_a_tag_that_the_form_can_not_say_keeps_how_it_is_made(shop: Home, boss: Visitor) -> None:
    save(shop, "own.tiny", {"bands": {"of": "value.spend_total", "edges": [1e-20, 5]}})
    assert 'value="kept" checked' in boss.get("/tags/own.tiny/change").text
    fields = {"zh": "细", "en": "Fine", "layer": "usage", "way": "kept", "version": "1"}
    assert "nothing was written" in boss.post("/tags/preview", **fields, changes="own.tiny").text
    assert boss.post("/tags/own.tiny", **fields).status_code == 303
    said = tags.tag(shop, SYSTEM, "own.tiny").said
    assert (said.label.en, said.how) == ("Fine", tags.versions(shop, SYSTEM, "own.tiny")[1].said.how)
    assert boss.post("/tags", **fields).status_code == 400, "a new tag has nothing to keep"


def test_a_preview_that_takes_long_is_waited_for_by_who_asked(
    shop: Home, boss: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, try_out = threading.Event(), tags.try_out
    monkeypatch.setattr(working, "_SOON", 0)
    monkeypatch.setattr(tags, "try_out", lambda *given: go_on.wait(PATIENCE) and try_out(*given))
    page = boss.post("/tags/preview", **RULED_FIELDS).text
    again = boss.post("/tags/preview", **RULED_FIELDS).text
    (path,) = set(re.findall(r'hx-get="(/tags/preview/\w+)"', page + again))
    assert "Being counted" in boss.get(path).text
    boss.post("/logout")
    boss.log_in("analyst")
    assert "The preview is gone" in boss.get(path).text
    boss.post("/logout")
    boss.log_in()
    go_on.set()
    until(lambda: "nothing was written" in boss.get(path).text)


def test_rules_are_counted_and_nodes_put_in_order_while_somebody_types(shop: Home, boss: Visitor) -> None:
    assert "1 persons fit: Order line" in boss.post("/tags/rule", n="1", **{"rule-1": BUYERS}).text
    assert "the rule at 1:1" in boss.post("/tags/rule", n="1", **{"rule-1": 'Did("order")'}).text

    def order(op: str) -> list[str]:
        return re.findall(
            r'name="en-\d+" value="(\w*)"', boss.post("/tags/nodes", **RULED_FIELDS, op=op).text
        )

    assert [order(op) for op in ("add", "up:1", "drop:0", "up:0", "drop:9")] == [
        ["Gold", "Others", ""], ["Others", "Gold"], ["Others"], ["Gold", "Others"], ["Gold", "Others"],
    ]  # fmt: skip


LIST = "手机号,等级,备注\n13912345601,gold,x\n13912345602,silver,y\n".encode()


def test_a_list_is_made_and_its_file_uploaded_on_the_page_of_the_tag(shop: Home, boss: Visitor) -> None:
    fields = {"en": "VIP", "way": "list", "layer": "value", "words": "gold = 金 / Gold\nsilver"}
    wrong = boss.post("/tags", **{**fields, "words": "gold\n^x"})
    assert wrong.status_code == 400 and 'id="words-e"' in wrong.text
    boss.post("/tags", **fields)
    said = tags.tag(shop, SYSTEM, "own.vip").said
    assert said.how == ByList((("gold", Text("金", "Gold")), ("silver", Text("silver", "silver"))))
    assert tag_form.read(shop, tag_form.shown(said), said, ()) == said
    assert 'data-upload="/tags/own.vip/files"' in boss.get("/tags/own.vip").text

    def sent(path: str) -> str:
        head = {"X-CSRF": boss.token("/me"), "HX-Request": "true", "X-File-Name": "vip.csv"}
        answer = boss.client.post(path, content=LIST, headers=head, follow_redirects=False)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["location"])

    place = sent("/tags/own.vip/files")
    asked = boss.get(place).text
    assert re.findall(r'<option value="([^"]+)" selected', asked) == ["手机号", "等级", "gold"]
    none = boss.post(place, value="等级")
    assert none.status_code == 400 and "tells who it is" in none.text
    draft = boss.post(place, phone="手机号", value="等级").headers["location"]
    assert draft == place.replace("/tags/own.vip/files", "/imports/drafts")
    assert "list.entered" in boss.get(draft).text and "13912345601" not in boss.get(draft).text
    job = boss.post(f"{draft}/start").headers["location"]
    assert f'href="{job}"' in boss.get("/tags/own.vip").text
    assert "was taken in before" in boss.get(sent("/tags/own.vip/files")).text
    assert boss.get("/tags/own.vip/files/99").status_code == 404
    save(shop, "own.rule", RULED)
    assert boss.get("/tags/own.rule/files/1").status_code == 400
    assert "data-upload" not in boss.get("/tags/own.rule").text
