"""Recognition as touches come in."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.identity.steps import partition, subject, take_in, together, touch
from tests.factory import Touch, touches_batch
from tests.postgres import stored
from zerodistance.core.identity import api
from zerodistance.core.identity.contracts import VISITORS_FROM, Kind, StaleRecognition
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.kernel import bulk, bus
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load


def test_a_login_joins_the_anonymous_touches_before_it(home: Home, analyst: Who) -> None:
    take_in(home, touch(0, anonymous_id="c1"), touch(1, anonymous_id="c1"))
    assert api.lookup(home, analyst, "anonymous_id", "c1").kind is Kind.VISITOR
    take_in(home, touch(2, anonymous_id="c1", user_id="u1"))
    person = api.lookup(home, analyst, "user_id", "u1")
    assert person.kind is Kind.PERSON
    assert person.number < VISITORS_FROM
    assert api.lookup(home, analyst, "anonymous_id", "c1") == person
    assert person.counts == {"user_id": 1, "anonymous_id": 1}


def test_a_touch_names_its_strongest_identifier_and_known_means_more_than_a_cookie(home: Home) -> None:
    found = take_in(
        home,
        touch(0, anonymous_id="c1", phone="138 1234 8001", member_id="M1"),
        touch(1, anonymous_id="c2", device_id="d2"),
        touch(2, email="a.b@example.com"),
        Touch((), 3),
    )
    assert found.subjects.tolist() == [
        subject(home, "member_id", "M1"),
        subject(home, "device_id", "d2"),
        subject(home, "email", "a.b@example.com"),
        0,
    ]
    assert found.known.tolist() == [True, False, True, False]


def test_subjects_are_numbered_as_they_come_and_keep_their_number(home: Home) -> None:
    take_in(home, touch(0, anonymous_id="c1"), touch(1, user_id="u1"))
    take_in(home, touch(2, user_id="u2"), touch(3, anonymous_id="c1", user_id="u1"))
    assert [subject(home, *i) for i in (("anonymous_id", "c1"), ("user_id", "u1"), ("user_id", "u2"))] == [
        1,
        2,
        3,
    ]


def test_two_members_who_share_a_tablet_stay_two(home: Home) -> None:
    found = take_in(
        home, touch(0, member_id="M1", device_id="tablet"), touch(1, member_id="M2", device_id="tablet")
    )
    assert partition(home, [("member_id", "M1"), ("member_id", "M2"), ("device_id", "tablet")]) == {
        frozenset({("member_id", "M1"), ("device_id", "tablet")}),
        frozenset({("member_id", "M2")}),
    }
    assert found.counts[1, "identity.unique.member_id"] == 1


def test_a_person_may_have_one_member_id_and_one_user_id(home: Home) -> None:
    take_in(
        home, touch(0, member_id="M1", phone="13812348001"), touch(1, user_id="u1", phone="+8613812348001")
    )
    assert together(home, ("member_id", "M1"), ("user_id", "u1"), ("phone", "13812348001"))


def test_a_phone_with_too_many_members_stops_linking_and_is_listed(home: Home, analyst: Who) -> None:
    take_in(home, *(touch(i, member_id=f"M{i}", phone="13912348001") for i in range(12)))
    guards = api.guards(home, analyst)
    assert [(s.namespace, s.masked, s.persons, s.by) for s in guards.shared] == [
        ("phone", "+86139****8001", 12, "member_id")
    ]
    assert guards.counters["identity.shared.phone"][0] == 12
    assert not together(home, ("member_id", "M0"), ("phone", "13912348001"))


def test_a_user_id_on_every_cookie_stops_at_the_limit(home: Home) -> None:
    found = take_in(home, *(touch(i, user_id="robot", anonymous_id=f"c{i}") for i in range(120)))
    ids = [("user_id", "robot"), *(("anonymous_id", f"c{i}") for i in range(120))]
    assert max(len(part) for part in partition(home, ids)) == 101
    assert found.counts[1, "identity.limit.anonymous_id"] == 20


def test_a_cookie_a_month_for_ten_years_is_one_person(home: Home) -> None:
    take_in(home, *(touch(i * 43_200, user_id="loyal", anonymous_id=f"c{i}") for i in range(120)))
    assert together(home, ("user_id", "loyal"), *(("anonymous_id", f"c{i}") for i in range(120)))


def test_placeholders_and_wrong_values_identify_nobody_and_are_counted(home: Home) -> None:
    found = take_in(
        home,
        touch(0, user_id="null", anonymous_id="c1"),
        touch(1, user_id="NULL", anonymous_id="c1"),
        touch(2, phone="12", email="nobody"),
        Touch((("telepathy", "x"),), 3),
    )
    assert found.subjects.tolist() == [1, 1, 0, 0]
    assert dict(found.counts) == {
        (1, "identity.blocked.user_id"): 2,
        (1, "identity.invalid.phone"): 1,
        (1, "identity.invalid.email"): 1,
        (1, "identity.unknown.other"): 1,
    }


def test_records_of_two_sources_with_the_same_key_are_two(home: Home) -> None:
    found = take_in(home, Touch({"record": "17"}, 0, source=1), Touch({"record": "17"}, 1, source=2))
    assert found.subjects.tolist() == [1, 2]


@pytest.mark.parametrize(("batches", "records"), [(1, 100), (4, 100), (4, 20)])
def test_a_shops_phone_on_the_records_of_a_source_joins_nobody(
    home: Home, batches: int, records: int
) -> None:
    recognition = Recognition(home)
    rows = [
        touch(n, record=f"r{n}", phone="0532 8888 0001", email=f"r{n}@example.com") for n in range(records)
    ]
    for part in range(batches):
        take_in(home, *rows[part::batches], with_=recognition)
    api.rebuild(home, Who.system())
    phone = next(iter(api.guards(home, Who.system()).shared), None)
    one_person = [together(home, ("record", "1:r0"), ("record", f"1:r{n}")) for n in range(1, records)]
    if records > 20:
        assert phone is not None and (phone.namespace, phone.persons, phone.by) == (
            "phone",
            records,
            "record",
        )
        assert not any(one_person)
    else:
        assert phone is None and any(one_person)


def test_a_user_id_that_looks_like_an_e_mail_stays_a_user_id(home: Home) -> None:
    take_in(home, touch(0, user_id="a.b@example.com"), touch(1, email="a.b@example.com"))
    assert subject(home, "user_id", "a.b@example.com") != subject(home, "email", "a.b@example.com")


def test_a_failed_commit_leaves_nothing_in_memory_or_state(home: Home) -> None:
    recognition = Recognition(home)
    take_in(home, touch(0, anonymous_id="c1"), with_=recognition)
    batch = touches_batch(touch(1, anonymous_id="c1", user_id="u1"), touch(2, user_id="u2"))
    with pytest.raises(RuntimeError), home.state.write() as tx:
        recognition.write(tx, recognition.recognise(batch), 2)
        raise RuntimeError("the disk is full")
    recognition.reset()
    with home.state.read() as tx:
        assert tx.exec_driver_sql("select number, person >= 2147483648 from subject").all() == [(1, 1)]
        assert bus.said(tx) == []
    found = take_in(
        home, touch(2, user_id="u2"), touch(1, anonymous_id="c1", user_id="u1"), with_=recognition
    )
    assert found.subjects.tolist() == [2, 3]
    assert together(home, ("anonymous_id", "c1"), ("user_id", "u1"))


def test_a_rebuild_between_recognition_and_commit_is_noticed(home: Home, admin: Who) -> None:
    recognition = Recognition(home)
    found = recognition.recognise(touches_batch(touch(0, user_id="u1")))
    api.rebuild(home, admin)
    with pytest.raises(StaleRecognition), home.state.write() as tx:
        recognition.write(tx, found, 1)
    recognition.reset()
    assert take_in(home, touch(0, user_id="u1"), with_=recognition).subjects.tolist() == [1]


def test_one_event_a_batch_names_the_changes_and_lists_nobody(home: Home) -> None:
    take_in(home, touch(0, anonymous_id="c1"), touch(1, anonymous_id="c2"))
    take_in(home, touch(2, anonymous_id="c1", user_id="u1"), touch(3, anonymous_id="c2", user_id="u1"))
    with home.state.read() as tx:
        (said,) = bus.said(tx)
        after, subjects = api.changes_since(tx, said.body["first_change"] - 1)
    assert (said.topic, said.body["reason"], said.body["merged"]) == ("identity.persons_changed", "digest", 2)
    assert (after, subjects.tolist()) == (said.body["last_change"], [1, 2])


def test_facts_go_sealed_to_the_vault_and_only_some_are_published(home: Home, analyst: Who) -> None:
    recognition = Recognition(home)
    facts = {
        "name": "王小明",
        "birthday": "1987-03-02",
        "gender": "男",
        "city": "青岛",
        "language": "zh-Hans-CN",
    }
    take_in(home, Touch({"user_id": "u1"}, 5, facts=facts), with_=recognition)
    take_in(home, Touch({"user_id": "u1"}, 1, facts={"name": "王大明", "city": "济南"}), with_=recognition)
    person = api.lookup(home, analyst, "user_id", "u1")
    assert api.card(home, analyst, person.id)["name"] == "王**"
    assert api.People(home).facts(None).to_pylist() == [
        {"number": person.number, "fact": "birth_year", "value": "1987"},
        {"number": person.number, "fact": "city", "value": "青岛"},
        {"number": person.number, "fact": "gender", "value": "male"},
        {"number": person.number, "fact": "language", "value": "zh"},
    ]
    assert "王小明".encode() not in stored(home)


def test_the_smallest_cache_recognises_the_same(home: Home) -> None:
    small = Recognition(home)
    small._cache._most = 10
    for start in range(0, 60, 7):
        take_in(
            home,
            *(touch(i, user_id=f"u{i % 20}", anonymous_id=f"c{i % 30}") for i in range(start, start + 9)),
            with_=small,
        )
        small._cache._most = 10
    assert subject(home, "user_id", "u0") == 1
    with home.state.read() as tx:
        sql = "select namespace = 9, count(*) from subject group by 1 order by 1"
        assert [tuple(row) for row in tx.exec_driver_sql(sql)] == [
            (0, 50),
            (1, 35),
        ]  # 35 turns on shared cookies


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1_000_000))
def test_whatever_fits_into_memory_the_same_is_written(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    assert written(tmp_path_factory.mktemp("small"), seed, 6) == written(
        tmp_path_factory.mktemp("large"), seed, 1_000_000
    )


def written(folder: Path, seed: int, most: int) -> list[Any]:
    """Take random batches in, of live touches and of two imports, while `most` identifiers are kept in memory; return what is kept."""
    home = create_home(load(home=folder / "home").model_copy(update={"cache_ids": most}))
    recognition, luck = Recognition(home), random.Random(seed)
    for number in range(1, 13):
        batch = touches_batch(*[random_touch(luck) for _ in range(8)])
        batch.origin = luck.choice([0, 0, 3, 3, 4])
        found = recognition.recognise(batch)
        with home.state.write() as tx:
            recognition.write(tx, found, number)
    tables = (
        "select number, namespace, person, first_at, live_at, shared, turned from subject order by 1",
        "select b, a, rule, at, origin, source from evidence order by 1, 2, 3, 4, 5",
        "select origin, subject, first_at from identity_sighting order by 1, 2",
        "select subject, at, account, origin, turn from identity_turn order by 1, 2, 3, 4",
    )
    with home.state.read() as tx:
        said = [bulk.rows(tx, sql) for sql in tables]
    home.close()
    return said


def random_touch(luck: random.Random) -> Touch:
    namespaces = luck.sample(
        ["anonymous_id", "device_id", "member_id", "user_id", "phone"], luck.choice([1, 1, 2, 2, 3])
    )
    ids = {
        name: f"1391234{luck.randrange(6):04}" if name == "phone" else f"{name[0]}{luck.randrange(9)}"
        for name in namespaces
    }
    return Touch(ids, luck.randrange(50), rule=luck.choice(["login", "identify"]))
