"""Lists in files: who is on one is tagged, rows that can't be are in the quarantine, and undoing, merging and forgetting hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import zerodistance.compose as compose
from tests.core.touchpoints.sentences import in_chinese
from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.rules import is_of
from zerodistance.core.segments.tags import api
from zerodistance.core.segments.tags.cli import app as tags
from zerodistance.core.segments.tags.contracts import Columns, ListEntered, NoList, NoSuchList
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.kinds import kind_of
from zerodistance.kernel import command
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home

HEAD = "手机号,等级,起"
GOOD = ("13912345601,金卡,2026-01-02", "13912345602,silver,2026-01-02")
LEVEL = Columns(value="等级")


class Desk:
    """A home with a list, and somebody who enters files."""

    def __init__(self, home: Home, who: Who, folder: Path) -> None:
        self.home, self.who, self.folder = home, who, folder
        self.work = compose.work(home)
        self.save({"list": {}})

    def save(self, how: dict[str, Any], key: str = "own.vip") -> None:
        label = {"zh": "贵宾", "en": "VIP"}
        said = {"key": key, "layer": "value", "label": label, "meaning": label, "how": how}
        api.save(self.home, self.who, api.read(self.home, said))

    def file(self, *rows: str, name: str = "vip.csv", head: str = HEAD) -> Path:
        path = self.folder / name
        path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        return path

    def drain(self) -> None:
        while self.work.errands() or self.work.digest():
            pass

    def enter(self, *rows: str, columns: Columns = LEVEL, **more: Any) -> int:
        number = api.enter(self.home, self.who, "own.vip", self.file(*rows), columns, **more).job.number
        self.drain()
        return number

    def at(self) -> dict[str, int]:
        self.work.seal()
        return {node: sizes.persons for node, sizes in profiles.current(self.home).nodes("own.vip").items()}

    def refused(self) -> list[tuple[str, str, str]]:
        rows = touchpoints.quarantine_rows(self.home, self.who, reveal=True)
        return [(r.place, r.reason, r.detail.en) for r in rows if r.replayed_at is None]


@pytest.fixture
def desk(home: Home, admin: Who, tmp_path: Path) -> Desk:
    return Desk(home, admin, tmp_path)


def test_a_list_with_bad_rows_tags_the_good_and_the_mended_and_is_undone(desk: Desk) -> None:
    number = desk.enter(
        *GOOD,
        "12,gold,2026-01-02",
        ",gold,2026-01-02",
        "13912345605,^x,2026-01-02",
        "13912345606,,2026-01-02",
    )
    assert desk.at() == {"金卡": 1, "silver": 1}
    job = touchpoints.get_import(desk.home, desk.who, number)
    assert (job.state, job.rows, job.accepted, job.refused, job.source_key) == ("done", 6, 2, 4, "list-vip")
    nobody = "identifiers: the row has none that can be used; one of these is needed: phone"
    refused = {place: (reason, detail) for place, reason, detail in desk.refused()}
    assert refused["row 3"] == refused["row 4"] == ("nobody", nobody)
    assert refused["row 5"][0] == "bad_value" and refused["row 5"][1].startswith("checks.category: ")
    assert refused["row 6"] == ("missing_value", "columns.category: the value is missing, and it is required")
    assert all(in_chinese(detail) for _, detail in refused.values())
    for row in touchpoints.quarantine_rows(desk.home, desk.who, reveal=True):
        mends = {"row 3": {"手机号": "13912345603"}, "row 4": {"手机号": "7"}, "row 5": {"等级": "silver"}}
        mended = mends.get(row.place)
        if mended:
            given = row.content["values"] | mended
            touchpoints.mend_row(desk.home, desk.who, row.id, json.dumps({"values": given}).encode())
        touchpoints.replay_rows(desk.home, desk.who, ids=[row.id])
    desk.drain()
    assert desk.at() == {"金卡": 1, "silver": 2, "gold": 1}
    assert sorted((place, reason) for place, reason, _ in desk.refused()) == [
        ("row 4", "nobody"),
        ("row 6", "missing_value"),
    ]
    job = touchpoints.get_import(desk.home, desk.who, number)
    again = api.enter(desk.home, desk.who, "own.vip", desk.folder / "vip.csv", LEVEL)
    assert (again.new, again.job.number) == (False, number), "the same list is taken in once"
    with pytest.raises(ListEntered, match=f"import {number}"):
        api.enter(desk.home, desk.who, "own.vip", desk.folder / "vip.csv", Columns(word="x"))
    touchpoints.undo_import(desk.home, desk.who, number, "wrong")
    desk.drain()
    assert desk.at() == {}


def test_a_file_takes_the_place_of_a_list_even_the_same_with_another_word(desk: Desk) -> None:
    first = desk.enter(*GOOD, columns=Columns(word="a"))
    assert desk.at() == {"a": 2}
    second = desk.enter(*GOOD, columns=Columns(word="b"), instead=True)
    assert desk.at() == {"a": 2}, "until the earlier one is undone"
    assert api.only(desk.home, desk.who, "own.vip", second, "newer") == [first]
    desk.drain()
    assert desk.at() == {"b": 2}


def test_of_two_who_become_one_the_later_word_stays_and_who_is_forgotten_is_gone(desk: Desk) -> None:
    desk.enter(
        "13912345601,gold,2026-01-02",
        "13912345602,silver,2026-02-03",
        columns=Columns(value="等级", happened_at="起"),
    )
    assert desk.at() == {"gold": 1, "silver": 1}
    phones = ("13912345601", "13912345602")
    one, other = (identity.subject_of(desk.home, desk.who, phone) for phone in phones)
    identity.decide(desk.home, desk.who, one, other, identity.Verdict.SAME)
    assert desk.at() == {"silver": 1}
    said = api.tag(desk.home, desk.who, "own.vip").said
    assert [(key, *sizes) for key, _, sizes in api.try_out(desk.home, desk.who, said).nodes] == [
        ("silver", 1, 0)
    ]
    touchpoints.forget.ask(desk.home, desk.who, "subject", [one, other], "asked by the person")
    desk.drain()
    assert desk.at() == {}


def test_words_that_a_list_may_say_are_its_nodes(desk: Desk) -> None:
    desk.save({"list": {"words": [{"node": "gold", "zh": "金", "en": "Gold"}, {"node": "listed"}]}})
    with pytest.raises(Invalid, match="gold, listed"):
        desk.enter(*GOOD, columns=Columns(word="glod"))
    desk.enter("13912345601,gold,", "13912345602,glod,")
    assert desk.at() == {"gold": 1}
    assert "in ('gold', 'listed')" in desk.refused()[0][2]
    said = api.tag(desk.home, desk.who, "own.vip").said
    assert [(key, label.en) for key, label, _ in api.try_out(desk.home, desk.who, said).nodes] == [
        ("gold", "Gold")
    ]


def test_a_dry_run_says_which_rows_would_be_refused(desk: Desk) -> None:
    path = desk.file(*GOOD, "12,gold,", ",gold,")
    report = api.try_list(desk.home, desk.who, "own.vip", path, LEVEL)
    assert (report.accepted, dict(report.refused), report.source_made) == (2, {"nobody": 2}, True)
    assert touchpoints.list_imports(desk.home, desk.who) == []


def test_what_can_be_no_list_is_said(desk: Desk, analyst: Who) -> None:
    path = desk.file(*GOOD)
    for columns, why in (
        (Columns(value="级"), "等级"),
        (Columns({"phone": "x"}), "手机号"),
        (Columns({"telephone": "手机号"}), "member_id"),
        (Columns(word="a", value="等级"), "not both"),
        (Columns(word=" a"), "no space"),
    ):
        with pytest.raises(Invalid, match=why):
            api.enter(desk.home, desk.who, "own.vip", path, columns)
    with pytest.raises(Invalid, match="--phone"):
        api.enter(desk.home, desk.who, "own.vip", desk.file("x", head="什么"), Columns())
    with pytest.raises(Forbidden):
        api.enter(desk.home, analyst, "own.vip", path, LEVEL)
    desk.save({"bands": {"of": "value.spend_total", "edges": [1]}}, "own.other")
    with pytest.raises(NoList):
        api.enter(desk.home, desk.who, "own.other", path, LEVEL)
    with pytest.raises(Invalid, match="printable"):
        desk.save({"list": {"words": [{"node": "^x"}]}})


def test_to_be_put_on_a_list_is_nothing_that_a_person_did() -> None:
    every = [one for one in DIMENSIONS if one.of.name == "touches" and not one.of.kinds]
    assert len(every) > 10
    assert [one.key for one in every if is_of("list.entered", one.of)] == []
    assert kind_of("track", "list.entered") == "custom", "no client puts anybody on a list"


def test_a_tag_by_any_touches_takes_no_words_of_lists(desk: Desk) -> None:
    said = {"take": "last", "word": "category"}
    desk.save({"touches": said}, "own.last")
    assert profiles.dimension(desk.home, "own.last").of.without == ("list.*",)


def test_the_command_makes_the_tag_and_says_what_became_of_the_file(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    command.set_flags(home=desk.home.root, lang="en")
    command.use_work_here(lambda home: desk.drain())
    try:
        words = ["import", "own.gold", str(desk.file(*GOOD, "12,gold,")), "--value", "等级"]
        with pytest.raises(NoSuchList):
            tags([*words], result_action="return_value")
        named = ["--layer", "value", "--zh", "金", "--en", "Gold"]
        tags([*words, *named, "--dry-run"], result_action="return_value")
        assert "2 would be taken, 1 refused" in capsys.readouterr().out
        assert {one.said.key for one in api.tags(desk.home, desk.who)} == {"own.vip"}
        tags([*words, *named], result_action="return_value")
        assert "3 rows: 2 taken, 0 repeated, 1 refused" in capsys.readouterr().out
        words = ["import", "own.gold", str(desk.file(GOOD[0])), "--word", "best", "--replace", "--json"]
        tags(words, result_action="return_value")
        told = json.loads(capsys.readouterr().out)
        assert (told["state"], told["accepted"], told["undone"]) == ("done", 1, [1])
    finally:
        command.home().close()
        command.set_flags()
