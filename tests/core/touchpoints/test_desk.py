"""The desk: groups by field, a trend, mending all of a group by a rule, taking that back, giving up; and replay never twice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.core.touchpoints.test_quarantine import ROWS, VISITS, Bench, ask_events
from zerodistance.core.touchpoints import desk, details, import_jobs, kept, quarantine, sources, store
from zerodistance.core.touchpoints.mapping import MappingWrong
from zerodistance.core.touchpoints.mending import Rule, RuleWrong
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.quarantine import Choice
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home

ALL = Choice("visits")
SLOW = os.environ.get("ZERODISTANCE_TEST_SLOW") == "1"


@pytest.fixture
def bench(home: Home) -> Iterator[Bench]:
    with home.engine.connect() as connection:
        yield Bench(home, Parser(connection, home.seal, lambda source: 32_768, "CNY"))


@pytest.fixture
def visits(home: Home, admin: Who, bench: Bench, tmp_path: Path) -> int:
    path = tmp_path / "visits.csv"
    path.write_text("\n".join([*ROWS, "31.1.2026,m6,s6,6", "1.2.2026,m7,s7,7"]))
    number = import_jobs.create(home, admin, path, VISITS).job.number
    bench.run()
    return number


def raws(home: Home) -> list[bytes]:
    with home.state.read() as tx:
        return [
            kept.open(home.seal, raw)
            for raw in tx.execute(select(store.quarantine.c.raw).order_by(store.quarantine.c.id)).scalars()
        ]


@pytest.mark.parametrize(
    ("detail", "field"),
    [
        ("timestamp has the form 'aaaa'; allowed are ISO 8601", "timestamp"),
        ("userId is an object or a list; allowed are text and numbers", "userId"),
        ("columns.quantity: the value is not a finite number", "columns.quantity"),
        ("column 订单 号: not of the type integer", "订单 号"),
        ("column at is not gb18030", "at"),
        ("/properties lacks price, which is required", "/properties/price"),
        ('/properties/price breaks the rule type, which is "number"', "/properties/price"),
        ("Expected `str`, got `int` - at `$.batch[0].type`", "batch[0].type"),
        ("Object missing required field `batch`", "batch"),
        ("kind: no rule of the mapping holds for the row", "kind"),
        ("12 events, message 3 to message 14; the first: sentAt has the form 'a'; allowed", "sentAt"),
        ("not UTF-8", ""),
        ("JSON is malformed: invalid character (byte 3)", ""),
        ("the row has 3 columns, the file has 4", ""),
    ],
)
def test_the_field_is_known_by_what_is_said_of_the_row(detail: str, field: str) -> None:
    assert details.field_of(detail) == field


def test_rows_are_grouped_by_field_and_counted_by_the_hour(home: Home, admin: Who, visits: int) -> None:
    found = {(g.reason, g.field): g.waiting for g in quarantine.groups(home, admin)}
    assert found == {
        ("bad_timestamp", "times.happened_at"): 3,
        ("bad_value", "pieces"): 1,
        ("bad_row", ""): 1,
    }
    trend = desk.trend(home, admin)
    assert trend["visits", "bad_timestamp", "times.happened_at"] == (*[0] * 23, 3)
    with clock.freeze(clock.now() + timedelta(hours=2)):
        assert desk.trend(home, admin)["visits", "bad_row", ""][-3:] == (1, 0, 0)
    with clock.freeze(clock.now() + timedelta(hours=25)):
        assert desk.trend(home, admin) == {}


def test_a_rule_is_tried_mends_its_group_and_the_rows_are_taken_in_once(
    home: Home, admin: Who, bench: Bench, visits: int
) -> None:
    which = Choice("visits", "bad_timestamp", "times.happened_at")
    rule = Rule("date", "at", "%d.%m.%Y")
    found = desk.preview(home, admin, which, rule)
    assert (found.waiting, found.looked, found.changed, found.passes) == (3, 3, 2, 2)
    assert dict(found.refused) == {"bad_timestamp": 1}
    assert found.examples[1].after["values"]["at"] == "9999-99-99"
    assert "m6" not in repr(found)
    before = raws(home)
    assert desk.mend_by_rule(home, admin, which, rule) == 2
    assert desk.mend_by_rule(home, admin, which, rule) == 0
    mended = raws(home)
    assert mended != before
    quarantine.replay(home, admin, source="visits", reason="bad_timestamp", field="times.happened_at")
    quarantine.replay(home, admin, source="visits", reason="bad_timestamp")
    bench.run()
    bench.run()
    assert bench.touches("place") == ["s1", "s5", "s6", "s7"]
    assert [g.replayed for g in quarantine.groups(home, admin) if g.reason == "bad_timestamp"] == [2]
    assert quarantine.replay(home, admin) == 3
    bench.run()
    assert len(bench.touches("place")) == 4


def test_what_came_can_be_put_back_until_it_is_replayed(
    home: Home, admin: Who, bench: Bench, visits: int
) -> None:
    before = raws(home)
    desk.mend_by_rule(home, admin, ALL, Rule("set", "store", to="wrong"))
    desk.mend_by_rule(home, admin, ALL, Rule("set", "member", to="wrong"))
    assert raws(home) != before
    assert quarantine.take_back(home, admin, ALL) == 4  # the row without cells has no column
    assert raws(home) == before
    assert quarantine.take_back(home, admin, ALL) == 0
    assert all(row.mended_at is None for row in quarantine.rows(home, admin))


def test_dismissed_rows_wait_for_nobody_and_can_be_taken_up_again(
    home: Home, admin: Who, bench: Bench, visits: int
) -> None:
    which = Choice("visits", "bad_timestamp")
    with pytest.raises(Invalid):
        quarantine.dismiss(home, admin, which, " ")
    assert quarantine.dismiss(home, admin, which, "test rows of the vendor") == 3
    assert {row.reason for row in quarantine.rows(home, admin)} == {"bad_value", "bad_row"}
    assert quarantine.replay(home, admin, reason="bad_timestamp") == 0
    (group,) = [g for g in quarantine.groups(home, admin) if g.reason == "bad_timestamp"]
    assert (group.waiting, group.dismissed) == (0, 3)
    shown = quarantine.rows(home, admin, reason="bad_timestamp", dismissed=True)
    assert {(row.dismissed_by, row.dismissed_why) for row in shown} == {("admin", "test rows of the vendor")}
    assert quarantine.recall(home, admin, Choice(ids=[shown[0].id])) == 1
    assert quarantine.replay(home, admin, reason="bad_timestamp") == 1


def test_rows_of_an_import_are_replayed_under_a_newer_mapping(
    home: Home, admin: Who, bench: Bench, visits: int
) -> None:
    newer = VISITS.replace('happened_at = "at"', 'happened_at = "at"\nformat = ["%Y-%m-%d", "%d.%m.%Y"]')
    which = Choice("visits", "bad_timestamp")
    assert desk.preview(home, admin, which).passes == 0
    assert desk.preview(home, admin, which, mapping=newer).passes == 2
    with pytest.raises(MappingWrong):
        desk.remap(home, admin, which, newer.replace('"store"', '"shop"'))
    assert desk.remap(home, admin, which, newer) == 3
    quarantine.replay(home, admin)
    bench.run()
    assert bench.touches("place") == ["s1", "s5", "s6", "s7"]
    job = import_jobs.load(home, visits)
    assert f"{job.file_hash[:16]}:6" in bench.touches("source_id")
    assert quarantine.take_back(home, admin, which) == 1


def test_rows_of_json_are_replayed_under_a_mapping_that_names_other_fields_of_them(
    home: Home, admin: Who, bench: Bench, tmp_path: Path
) -> None:
    rows = [
        {"visit": {"at": day, "again": f"2026-01-0{i}"}, "shop": {"id": f"s{i}"}}
        for i, day in enumerate(["-", "?"], 1)
    ]
    path = tmp_path / "visits.ndjson"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    mapping = """
format = "ndjson"
source = { key = "visits", name = { zh = "到店", en = "Visits" }, kind = "store" }
kind = "store.visited"
times = { happened_at = "visit.at", zone = "Asia/Shanghai", lag = "1 day" }
"""
    job = import_jobs.create(home, admin, path, mapping).job
    assert [name for name, _ in job.columns] == ["visit", "visit.at", "visit.again", "shop", "shop.id"]
    bench.run()
    assert bench.touches("place") == []
    newer = mapping.replace("visit.at", "visit.again") + '[columns]\nplace = "shop.id"\n'
    assert desk.remap(home, admin, ALL, newer) == 2
    quarantine.replay(home, admin)
    bench.run()
    assert bench.touches("place") == ["s1", "s2"]


def test_events_are_mended_by_their_keys(home: Home, admin: Who, bench: Bench) -> None:
    odd = [
        {"type": "trak", "event": "Order Completed", "userId": f"u{i}", "messageId": f"m{i}"}
        for i in range(3)
    ]
    ask_events(home, admin, bench, *odd)
    which = Choice("web", "unknown_type")
    rule = Rule("map", "type", "trak", "track")
    assert desk.preview(home, admin, which, rule).passes == 3
    assert desk.mend_by_rule(home, admin, which, rule) == 3
    quarantine.replay(home, admin, source="web")
    bench.run()
    assert bench.touches("source_id") == ["m0", "m1", "m2"]


def test_a_newer_mapping_is_only_for_rows_of_files(home: Home, admin: Who, bench: Bench) -> None:
    ask_events(home, admin, bench, {"type": "trak", "userId": "u"})
    with pytest.raises(Invalid):
        desk.remap(home, admin, Choice("web"), VISITS)


def test_a_rule_that_can_not_be_followed_changes_nothing(home: Home, admin: Who, visits: int) -> None:
    before = raws(home)
    for verb in (desk.preview, desk.mend_by_rule):
        with pytest.raises(RuleWrong):
            verb(home, admin, ALL, Rule("replace", "at", "(", ""))
    assert raws(home) == before


def test_the_desk_is_for_whoever_operates_and_sees_the_source(
    home: Home, admin: Who, analyst: Who, visits: int
) -> None:
    rule = Rule("set", "at", to="2026-01-01")
    for verb in (
        lambda who: desk.mend_by_rule(home, who, ALL, rule),
        lambda who: desk.preview(home, who, ALL, rule),
        lambda who: desk.remap(home, who, ALL, VISITS),
        lambda who: quarantine.dismiss(home, who, ALL, "x"),
        lambda who: quarantine.recall(home, who, ALL),
        lambda who: quarantine.take_back(home, who, ALL),
        lambda who: quarantine.content(home, who, 1),
    ):
        with pytest.raises(Forbidden):
            verb(analyst)
    elsewhere = Who(9, "elsewhere", Role.ADMIN, frozenset({77}))
    sources_before = sources.list_sources(home, elsewhere)
    assert [s.key for s in sources_before] == ["visits"], "a source without a unit is everybody's"


STEPS = st.lists(
    st.sampled_from(["rule", "replay", "back", "run", "dismiss", "recall"]), min_size=1, max_size=8
)


@settings(max_examples=30 if SLOW else 1)
@given(STEPS)
def test_whatever_is_done_in_whatever_order_each_row_becomes_one_touch_at_most(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    from zerodistance.kernel import home as homes
    from zerodistance.kernel.settings import load
    from zerodistance.kernel.state import metadata

    admin, folder = Who(1, "admin", Role.ADMIN), tmp_path_factory.mktemp("desk")
    home = homes.create_home(load(home=folder / "home"))
    metadata.create_all(home.state.engine)
    with home.engine.connect() as connection:
        bench = Bench(home, Parser(connection, home.seal, lambda source: 32_768, "CNY"))
        path = folder / "visits.csv"
        path.write_text("\n".join([*ROWS, "31.1.2026,m6,s6,6"]))
        import_jobs.create(home, admin, path, VISITS)
        bench.run()
        doing = {
            "rule": lambda: desk.mend_by_rule(home, admin, ALL, Rule("date", "at", "%d.%m.%Y")),
            "replay": lambda: quarantine.replay(home, admin),
            "back": lambda: quarantine.take_back(home, admin, ALL),
            "run": bench.run,
            "dismiss": lambda: quarantine.dismiss(home, admin, ALL, "x"),
            "recall": lambda: quarantine.recall(home, admin, ALL),
        }
        for step in (*steps, "recall", "rule", "replay", "run", "replay", "run"):
            doing[step]()
        assert bench.touches("place") == ["s1", "s5", "s6"]
        assert json.dumps([row.reason for row in quarantine.rows(home, admin)])
    home.close()
