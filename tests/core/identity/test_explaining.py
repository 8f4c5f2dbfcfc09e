"""Why two records are one person, step by step, with what each field of a match weighs; and what keeps two apart."""

from __future__ import annotations

import pytest

from tests.core.identity.steps import subject, take_in, touch
from tests.core.identity.test_match import FLAT, record, row
from tests.core.identity.test_reviewing import doubtful
from zerodistance.core.identity import api
from zerodistance.core.identity.contracts import EdgeState, NoSuchPerson, Verdict
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home

PHONE = ("phone", "13912348001")


def matched(home: Home) -> None:
    """Two records of one person without a common identifier, and another one."""
    take_in(
        home,
        row(0, "欧阳晓辰", "13912348001", address=FLAT, birthday="1987-03-02"),
        row(1, "欧阳晓晨", "13912348007", address="双桥城4-2-201", birthday="1987-03-02"),
        row(2, "李娜", "13912348002"),
    )
    api.match(home, Who.system())


def person_of(home: Home, who: Who, namespace: str, value: str) -> str:
    return api.lookup(home, who, namespace, value).id


def test_a_match_is_explained_by_what_each_field_weighs(home: Home, admin: Who) -> None:
    matched(home)
    found = api.explain(home, admin, person_of(home, admin, *PHONE))
    (edge,) = [edge for edge in found.edges if edge.rules == ("match",)]
    assert edge.state == EdgeState.ACTIVE and edge.weight is not None and edge.weight > 6.6
    assert {part.level.en for part in edge.parts} >= {"sounds the same, written otherwise", "one digit off"}


def test_the_way_between_two_records_goes_over_evidence_and_matches(home: Home, admin: Who) -> None:
    matched(home)
    ends = subject(home, *PHONE), subject(home, "phone", "13912348007")
    way = api.path(home, admin, *ends)
    assert way.joined and [edge.rules[0] for edge in way.steps] == ["login", "match", "login"]
    assert way.nodes[ends[0]].masked == "+86139****8001" and way.steps[1].parts
    assert api.path(home, admin, ends[1], ends[0]).steps == tuple(reversed(way.steps))
    assert api.path(home, admin, ends[0], ends[0]).steps == ()


def test_what_keeps_two_apart_stands_on_the_way_between_them(home: Home, admin: Who) -> None:
    matched(home)
    pair = subject(home, *record(0)), subject(home, *record(1))
    api.decide(home, admin, *pair, Verdict.DIFFERENT)
    way = api.path(home, admin, *pair)
    assert not way.joined and [edge.reason for edge in way.steps] == ["decided"]
    other = api.path(home, admin, pair[0], subject(home, *record(2)))
    assert not other.joined and other.steps == ()


def test_a_decision_joins_and_a_doubt_does_not(home: Home, admin: Who) -> None:
    doubtful(home)
    pair = api.reviews(home, admin).pairs[0]
    found = api.explain(home, admin, pair.left.id)
    assert {edge.reason for edge in found.edges if edge.state == EdgeState.VETOED} == {"doubt"}
    assert found.outside[pair.b] == pair.right.id
    api.decide(home, admin, pair.a, pair.b, Verdict.SAME)
    way = api.path(home, admin, pair.a, pair.b)
    assert way.joined and [edge.rules for edge in way.steps] == [("decided",)]


def test_a_shared_key_is_named_as_what_cuts_the_way(home: Home, admin: Who) -> None:
    take_in(home, *(touch(n, openid=f"o{n}", device_id="kiosk") for n in range(10)))
    api.rebuild(home, admin)
    way = api.path(home, admin, subject(home, "openid", "o0"), subject(home, "device_id", "kiosk"))
    assert [edge.reason for edge in way.steps] == ["shared"]


def test_a_record_is_named_by_number_or_by_any_identifier(home: Home, admin: Who) -> None:
    matched(home)
    number = subject(home, *PHONE)
    assert api.subject_of(home, admin, str(number)) == api.subject_of(home, admin, "139 1234 8001") == number
    with pytest.raises(NoSuchPerson):
        api.subject_of(home, admin, "13912349999")
    with pytest.raises(NoSuchPerson):
        api.path(home, Who(2, "analyst", Role.ANALYST), number, 999)
