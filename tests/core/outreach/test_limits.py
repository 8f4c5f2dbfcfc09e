"""Nobody is written to beyond the limits, whatever order messages come in."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.outreach.people import index_of, messages, say, settle
from tests.core.outreach.sending import set_policy
from zerodistance.core.outreach import limits, policy, quiet, suppression, zones
from zerodistance.core.outreach.policy import Cap, Policy, Quiet
from zerodistance.core.outreach.zones import Where
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.home import Home

NOON = clock.to_micros(datetime(2026, 11, 27, 4, 0, tzinfo=UTC))  # in Shanghai
HOUR = 3_600_000_000


def book(home: Home, *rows: tuple[str, int], now: int = NOON, **more: object) -> list[tuple[str, str]]:
    seen = limits.look(home)
    with home.state.write() as tx:
        found = limits.book(tx, home, messages(*rows, **more), now, seen)  # type: ignore[arg-type]
    return [(one.message_id, "" if one.may else one.reason) for one in found]


@pytest.fixture
def at(home: Home) -> dict[str, int]:
    """Persons 1 to 4, who agreed to e-mail; 1 has two addresses."""
    limits._looks.clear()
    found = settle(
        home,
        {
            1: [("email", "a@x.cn"), ("email", "a2@x.cn")],
            2: [("email", "b@x.cn")],
            3: [("email", "c@x.cn")],
            4: [("email", "d@x.cn")],
        },
    )
    for subject in found.values():
        say(home, subject)
    index_of(home, [1, 2, 3, 4], {})
    return found


def test_a_cap_counts_every_address_of_the_person_and_a_merge_gives_no_more(
    home: Home, at: dict[str, int]
) -> None:
    assert book(home, ("m1", at["a@x.cn"]), ("m2", at["a2@x.cn"]), ("m3", at["b@x.cn"])) == [
        ("m1", ""),
        ("m2", "cap"),
        ("m3", ""),
    ]
    assert book(home, ("m1", at["a@x.cn"])) == [("m1", "")]  # asked again it is the same contact
    with home.state.write() as tx:
        bulk.run(tx, "update subject set person = 1 where person = 2")
    day = 24 * HOUR
    assert book(home, ("m4", at["b@x.cn"]), now=NOON + day) == [("m4", "")]
    assert book(home, ("m5", at["a@x.cn"]), now=NOON + 2 * day) == [("m5", "cap")]  # three in a week by now
    assert book(home, ("m5", at["a@x.cn"]), now=NOON + 7 * day) == [("m5", "")]


def test_what_reached_nobody_is_taken_back(home: Home, at: dict[str, int]) -> None:
    book(home, ("m1", at["a@x.cn"]))
    with home.state.write() as tx:
        assert limits.unbook(tx, ["m1"]) == 1
    assert book(home, ("m2", at["a@x.cn"])) == [("m2", "")]


def test_contacts_go_when_no_cap_counts_them_any_more(home: Home, at: dict[str, int]) -> None:
    with clock.freeze(clock.from_micros(NOON)):
        book(home, ("m1", at["a@x.cn"]))
    for days, gone in ((60, 0), (61, 1)):
        with clock.freeze(clock.from_micros(NOON + days * 24 * HOUR)):
            assert limits.expire(home) == gone


def test_consent_and_suppression_are_asked_once_more(home: Home, at: dict[str, int]) -> None:
    say(home, at["a@x.cn"], given=False, at=NOON)
    with home.state.write() as tx:
        suppression.add(tx, home, [at["b@x.cn"]], "bounced", at=NOON)
        bulk.run(tx, "update subject set shared = 1 where person = 3")
        bulk.run(tx, "delete from subject where person = 4")
    rows = [(name, at[f"{name}@x.cn"]) for name in "abcd"]
    assert book(home, *rows) == [("a", "no_consent"), ("b", "suppressed"), ("c", "shared"), ("d", "gone")]
    assert book(home, ("s", at["a@x.cn"]), purpose="service") == [("s", "")]


def test_minors_and_who_complained_hear_of_service_only(home: Home, at: dict[str, int]) -> None:
    with home.state.write() as tx:
        suppression.add(tx, home, [at["a2@x.cn"]], "complained", at=NOON)
    with clock.freeze(clock.from_micros(NOON)):
        limits._looks.clear()
        assert book(home, ("m1", at["a@x.cn"])) == [("m1", "cool_down")]  # by another address of hers
        assert book(home, ("m2", at["a@x.cn"]), purpose="service") == [("m2", "")]
        set_policy(home, replace(Policy(), cool_down_days=0))
        assert book(home, ("m1", at["a@x.cn"])) == [("m1", "")]


def test_a_message_in_quiet_hours_waits_and_is_not_booked(home: Home, at: dict[str, int]) -> None:
    late = NOON + 10 * HOUR  # 22:00
    seen = limits.look(home)
    with home.state.write() as tx:
        (verdict,) = limits.book(tx, home, messages(("m1", at["a@x.cn"])), late, seen)
        assert (verdict.may, verdict.reason, verdict.due_at) == (False, "quiet", NOON + 21 * HOUR)
        assert not bulk.rows(tx, "select message from outreach_contact")


def test_what_waits_for_the_morning_is_counted_on_that_day(home: Home, at: dict[str, int]) -> None:
    assert book(home, ("m1", at["a@x.cn"])) == [("m1", "")]
    assert book(home, ("m2", at["a@x.cn"]), now=NOON + 10 * HOUR) == [
        ("m2", "quiet")
    ]  # a cap of today is none of tomorrow
    assert book(home, ("m2", at["a@x.cn"]), now=NOON + 21 * HOUR) == [("m2", "")]


def test_units_have_budgets_of_their_own_within_that_of_all(home: Home, at: dict[str, int]) -> None:
    set_policy(home, replace(Policy(), caps=(Cap(3, 7), Cap(1, 7, unit="*"))))
    subject = at["a@x.cn"]
    assert book(home, ("m1", subject), ("m2", subject), unit=5) == [("m1", ""), ("m2", "cap")]
    assert book(home, ("m3", subject), unit=6) + book(home, ("m4", subject), unit=7) == [
        ("m3", ""),
        ("m4", ""),
    ]
    assert book(home, ("m5", subject), unit=8) == [("m5", "cap")]


ASKED = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 2),
        st.sampled_from(["marketing", "service", "research"]),
        st.integers(0, 40),
    ),
    max_size=16,
)


@settings(max_examples=6)
@given(asked=ASKED, merges=st.sets(st.integers(2, 3)))
def test_no_cap_is_ever_broken(home: Home, asked: list[tuple[int, int, str, int]], merges: set[int]) -> None:
    caps = (Cap(1, 1), Cap(2, 7), Cap(1, 7, unit="*"), Cap(2, 1, purpose="service"))
    set_policy(home, replace(Policy(), caps=caps))
    with home.state.write() as tx:
        for table in ("subject", "outreach_consent", "outreach_consent_now", "outreach_contact"):
            bulk.run(tx, f"delete from {table}")
    subjects = settle(home, {n: [("email", f"{n}@x.cn")] for n in (1, 2, 3)})
    for subject in subjects.values():
        for purpose in ("marketing", "research"):
            say(home, subject, purpose)
    index_of(home, [1, 2, 3], {})
    sent: list[tuple[int, int, str, int]] = []
    who = dict.fromkeys((1, 2, 3))
    for n, (subject, unit, purpose, day) in enumerate(sorted(asked, key=lambda one: one[3])):
        if n == len(asked) // 2:
            with home.state.write() as tx:
                for one in merges:
                    bulk.run(tx, "update subject set person = 1 where person = ?", (one,))
        with home.state.read() as tx:
            who = dict(bulk.rows(tx, "select number, person from subject"))
        number = sorted(who)[subject % 3]
        if (
            book(home, (f"m{n}", number), now=NOON + day * 24 * HOUR, purpose=purpose, unit=unit or None)[0][
                1
            ]
            == ""
        ):
            sent.append((number, unit, purpose, day))
            mine = [one for one in sent if who[one[0]] == who[number]]
            for cap in caps:
                counted = [
                    (u, d)
                    for _, u, p, d in mine
                    if (p == "service") == (cap.purpose == "service") and day - cap.days < d <= day
                ]
                if (purpose == "service") == (cap.purpose == "service"):
                    each = Counter(u for u, _ in counted if u)[unit] if cap.unit else len(counted)
                    assert each <= cap.most or (cap.unit and not unit)


HOURS = st.builds(Quiet, st.integers(0, 1440), st.integers(0, 1440), weekend=st.booleans())
ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "America/St_Johns",
)


@settings(max_examples=80)
@given(
    hours=st.lists(HOURS, min_size=1, max_size=2),
    names=st.lists(st.sampled_from(ZONES), min_size=1, max_size=2, unique=True),
    minute=st.integers(0, 366 * 1440),
)
def test_a_message_goes_at_the_first_minute_that_is_quiet_nowhere(
    hours: list[Quiet], names: list[str], minute: int
) -> None:
    said, where = replace(Policy(), quiet=tuple(hours)), Where("XX", tuple(names))
    now = clock.to_micros(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute))
    due = quiet.due(said, "marketing", "email", where, now)
    assert quiet.due(said, "service", "email", where, now) == now
    if due is None:
        return
    local = [clock.from_micros(due).astimezone(ZoneInfo(name)) for name in names]
    assert all(quiet.end_of(one, at) is None for one in hours for at in local)
    for early in np.linspace(now, due, 7, endpoint=False).astype(np.int64).tolist():
        then = [clock.from_micros(early).astimezone(ZoneInfo(name)) for name in names]
        assert due == now or any(quiet.end_of(one, at) is not None for one in hours for at in then)


def test_the_hours_of_a_country_take_the_place_of_those_of_all(home: Home) -> None:
    at = clock.to_micros(datetime(2026, 7, 1, 12, 30, tzinfo=UTC))  # half past eight in New York
    assert quiet.due(Policy(), "marketing", "sms", Where("US", ("America/New_York",)), at) == at
    assert quiet.due(Policy(), "marketing", "sms", Where("CA", ("America/Toronto",)), at) == at + HOUR // 2
    assert (
        quiet.due(Policy(), "marketing", "sms", Where("US", ("America/New_York", "America/Chicago")), at)
        == at + HOUR // 2
    )


@pytest.mark.parametrize(
    "wrong",
    [{"caps": [{"most": -1, "days": 7}]}, {"caps": [{"most": 1, "days": 3}]}, {"caps": [{"days": 7}]}, {"quiet": [{"begins": 0}]},
     {"minor_age": True}, {"nonsense": 1}, {"zones": {"US": "Nowhere"}}, {"quiet": [{"begins": 0, "ends": 9, "country": "usa"}]}],
)  # fmt: skip
def test_limits_that_can_not_be_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(policy.Invalid):
        policy.of_dict(wrong)


def test_limits_are_read_back_as_they_were_written() -> None:
    assert policy.of_dict(json.loads(json.dumps(Policy().as_dict()))) == Policy()


def test_every_zone_of_the_table_is_one() -> None:
    assert {one.name for some in zones.table().values() for one in some} <= policy.zones_known()
    assert zones.nearest("RU", 43.1, 131.9) == "Asia/Vladivostok"
