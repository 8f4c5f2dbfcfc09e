"""A device or a cookie that several accounts use in turn: whose a touch on it is that names nobody else."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.identity.steps import subject, take_in, touch
from tests.factory import Touch, touches_batch
from zerodistance.core.identity import api, store
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load

SYSTEM = Who.system()


def user(home: Home, name: str) -> int:
    """Return the person with a user id."""
    return api.lookup(home, SYSTEM, "user_id", name).number


def owners(home: Home, subjects: Sequence[int]) -> list[int]:
    """Return whose the touches are that name these subjects."""
    with home.state.read() as tx:
        return [int(person) for person in api.person_of(tx, list(subjects))]


def test_a_tablet_is_each_ones_from_their_login_on(home: Home) -> None:
    found = take_in(
        home,
        touch(0, device_id="tablet"),
        touch(1, device_id="tablet", user_id="u1"),
        touch(2, device_id="tablet"),
        touch(3, device_id="tablet", user_id="u2"),
        touch(4, device_id="tablet"),
        touch(5, device_id="tablet", user_id="u1"),
        touch(6, device_id="tablet"),
    )
    one, two = user(home, "u1"), user(home, "u2")
    assert owners(home, found.subjects.tolist()) == [one, one, one, two, two, one, one]
    assert found.known.all()
    api.rebuild(home, SYSTEM)
    assert owners(home, found.subjects.tolist()) == [one, one, one, two, two, one, one]
    assert one != two


def test_the_order_of_the_rows_of_a_file_does_not_matter_within_a_batch(home: Home) -> None:
    found = take_in(
        home,
        touch(6, device_id="tablet"),
        touch(3, device_id="tablet", user_id="u2"),
        touch(2, device_id="tablet"),
        touch(4, device_id="tablet"),
        touch(5, device_id="tablet", user_id="u1"),
        touch(1, device_id="tablet", user_id="u1"),
    )
    one, two = user(home, "u1"), user(home, "u2")
    assert owners(home, found.subjects.tolist()) == [one, two, one, two, one, one]


def test_a_touch_that_comes_late_is_whose_turn_it_was_when_it_happened(home: Home) -> None:
    take_in(home, touch(1, device_id="tablet", user_id="u1"))
    take_in(home, touch(10, device_id="tablet", user_id="u2"), touch(20, device_id="tablet", user_id="u1"))
    late = take_in(
        home, touch(5, device_id="tablet"), touch(12, device_id="tablet"), touch(21, device_id="tablet")
    )
    one, two = user(home, "u1"), user(home, "u2")
    assert owners(home, late.subjects.tolist()) == [one, two, one]


def test_a_member_and_a_user_of_one_person_do_not_take_turns(home: Home) -> None:
    take_in(home, touch(0, member_id="M1", user_id="u1", device_id="phone"))
    found = take_in(home, touch(1, user_id="u1", device_id="phone"), touch(2, device_id="phone"))
    assert found.subjects.tolist()[1] == subject(home, "device_id", "phone")
    assert turns(home) == []


def test_an_account_of_another_kind_takes_its_turn_where_it_is_known_to_be_somebody_elses(home: Home) -> None:
    take_in(home, touch(0, member_id="M1", user_id="u1"), touch(0, member_id="M2", user_id="u2"))
    take_in(home, touch(1, member_id="M1", device_id="tablet"))
    found = take_in(home, touch(2, user_id="u2", device_id="tablet"), touch(3, device_id="tablet"))
    assert owners(home, found.subjects.tolist()) == [user(home, "u2")] * 2


def test_the_first_to_log_in_has_what_came_before_whatever_kind_of_account_the_next_one_is(
    home: Home,
) -> None:
    take_in(home, touch(0, member_id="M2", user_id="u2"), touch(1, user_id="u1", device_id="tablet"))
    take_in(home, touch(2, member_id="M2", device_id="tablet"), touch(2.5, member_id="M1", user_id="u1"))
    api.rebuild(home, SYSTEM)
    assert owners(home, [subject(home, "device_id", "tablet")]) == [user(home, "u1")]


def test_the_first_to_log_in_on_a_device_has_it_rather_than_whose_phone_was_typed_there(home: Home) -> None:
    take_in(home, touch(0, user_id="u1", phone="13812348001"))
    take_in(home, touch(1, phone="13812348001", anonymous_id="c1"))
    found = take_in(
        home,
        touch(2, anonymous_id="c1"),
        touch(3, user_id="u2", anonymous_id="c1"),
        touch(4, anonymous_id="c1"),
    )
    api.rebuild(home, SYSTEM)
    assert owners(home, found.subjects.tolist()) == [user(home, "u2")] * 3


def turns(home: Home) -> list[tuple[int, int]]:
    """Return (device, account) of all logins that are kept, in order of time."""
    with home.state.read() as tx:
        return [
            (row[0], row[1])
            for row in bulk.rows(tx, "select subject, account from identity_turn order by at")
        ]


histories = st.lists(
    st.tuples(
        st.sampled_from(["tablet", "phone"]),
        st.sampled_from([None, None, "u1", "u2", "u3"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories, cuts=st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_in_order_of_time_every_touch_belongs_to_whoever_logged_in_there_last(
    tmp_path_factory: pytest.TempPathFactory,
    history: list[tuple[str, str | None, bool]],
    cuts: list[int],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = create_home(load(home=Path(folder) / "home"))
        recognition, subjects, start, part = Recognition(home), list[int](), 0, 0
        touches = [made(at, *one) for at, one in enumerate(history)]
        while start < len(touches):
            size = cuts[part % len(cuts)]
            found = take_in(home, *touches[start : start + size], with_=recognition)
            subjects += found.subjects.tolist()
            start, part = start + size, part + 1
        wanted = expected(home, history)
        assert owners(home, subjects) == wanted
        api.rebuild(home, SYSTEM)
        assert [owner or None for owner in owners(home, subjects)] == expected(home, history)
        home.close()


def made(at: int, device: str, account: str | None, member_too: bool) -> Touch:
    """Return a touch on a device, with a login if an account is given, which may say the member too."""
    ids = {"device_id": device}
    if account:
        ids |= {"user_id": account} | ({"member_id": f"M-{account}"} if member_too else {})
    return Touch(ids, at)


def expected(home: Home, history: list[tuple[str, str | None, bool]]) -> list[int]:
    """Return whose each touch is: of the last login on its device before it, else the first one after, else a visitor's."""
    out = []
    for at, (device, _, _) in enumerate(history):
        logins = [(n, account) for n, (on, account, _) in enumerate(history) if on == device and account]
        before = [account for n, account in logins if n <= at]
        account = before[-1] if before else logins[0][1] if logins else None
        out.append(user(home, account) if account else api.lookup(home, SYSTEM, "device_id", device).number)
    return out


def shared_tablet(home: Home) -> list[int]:
    """Let u1 and then u2 use a tablet, with a touch of each without a login; return the subjects of those two touches."""
    take_in(home, touch(1, device_id="tablet", user_id="u1"))
    found = take_in(
        home,
        touch(2, device_id="tablet"),
        touch(3, device_id="tablet", user_id="u2"),
        touch(4, device_id="tablet"),
    )
    return [int(found.subjects[0]), int(found.subjects[2])]


def test_a_turn_is_no_identifier_and_is_not_counted_as_one(home: Home, admin: Who) -> None:
    shared_tablet(home)
    two = api.lookup(home, admin, "user_id", "u2", masked=True)
    assert two.counts == {"user_id": 1} and [one.namespace for one in two.identifiers] == ["user_id"]
    census = api.health(home, admin).census
    assert (census.persons, census.visitors, census.in_turn) == (2, 0, 1)
    assert census.held == {"user_id": 2, "device_id": 1} and census.anonymous == {}


def test_whoever_gives_the_name_of_a_turn_gives_an_unknown_identifier(home: Home) -> None:
    found = take_in(home, Touch({"turn": "x", "user_id": "u1"}, 0))
    assert found.counts == {(1, "identity.unknown.other"): 1}


def test_why_a_person_has_a_turn_is_said_with_who_used_the_device_when(home: Home, admin: Who) -> None:
    shared_tablet(home)
    one, two = (api.lookup(home, admin, "user_id", name) for name in ("u1", "u2"))
    for person in (one, two):
        (tablet,) = api.explain(home, admin, person.id).turns
        assert (tablet.device.namespace, tablet.device.masked) == ("device_id", "t*****")
        assert [use.person for use in tablet.uses] == [one.id, two.id]
        assert tablet.uses[0].until == tablet.uses[1].since == touch(3).happened_at
        assert tablet.uses[1].until is None
    explained = api.explain(home, admin, two.id)
    (turn,) = [edge for edge in explained.edges if edge.rules == ("turn",)]
    (node,) = [node for node in explained.nodes if node.subject == turn.b]
    assert turn.state == "active" and node.namespace == "turn" and node.masked == tablet.device.masked
    way = api.path(home, admin, subject(home, "user_id", "u1"), subject(home, "user_id", "u2"))
    assert not way.joined and way.turns == (tablet,)


def test_a_search_by_a_shared_device_finds_everybody_who_uses_it_the_present_one_first(
    home: Home, admin: Who
) -> None:
    shared_tablet(home)
    assert [person.number for person in api.search(home, admin, "tablet")] == [
        user(home, "u2"),
        user(home, "u1"),
    ]


def test_when_the_second_is_forgotten_the_device_falls_back_to_the_first(home: Home, admin: Who) -> None:
    shared_tablet(home)
    one, two = user(home, "u1"), user(home, "u2")
    with home.state.read() as tx:
        gone = api.subjects_of(tx, two)
    assert len(gone) == 2
    assert api.forget(home, gone)["identity_turn"] == 1
    assert api.lookup(home, admin, "device_id", "tablet").number == one
    later = take_in(home, touch(9, device_id="tablet"))
    assert owners(home, later.subjects.tolist()) == [one]
    with home.state.read() as tx:
        named = bulk.rows(tx, "select subject, account, turn from identity_turn")
        assert not {number for row in named for number in row} & set(gone)


def test_when_the_first_is_forgotten_the_device_is_the_seconds(home: Home, admin: Who) -> None:
    early, late = shared_tablet(home)
    two = user(home, "u2")
    with home.state.read() as tx:
        gone = api.subjects_of(tx, user(home, "u1"))
    api.forget(home, gone)
    with home.state.read() as tx:
        assert bulk.value(tx, "select count(*) from identity_turn") == 0
    assert owners(home, [early, late]) == [0, two]
    again = take_in(home, touch(9, device_id="tablet", user_id="u2"), touch(10, device_id="tablet"))
    assert owners(home, again.subjects.tolist()) == [two, two]


def imported(home: Home, *touches: Touch) -> list[int]:
    """Take touches in as import 7; return the subjects that they name."""
    recognition = Recognition(home)
    batch = touches_batch(*touches)
    batch.origin = 7
    found = recognition.recognise(batch)
    with home.state.write() as tx:
        recognition.write(tx, found, 2)
    return [int(number) for number in found.subjects]


def test_the_logins_of_an_import_go_with_it(home: Home, admin: Who) -> None:
    take_in(home, touch(1, device_id="tablet", user_id="u1"))
    subjects = imported(home, touch(3, device_id="tablet", user_id="u2"), touch(4, device_id="tablet"))
    assert owners(home, subjects) == [user(home, "u2")] * 2
    api.undo(home, 7, [2])
    with home.state.read() as tx:
        assert bulk.rows(tx, "select account from identity_turn") == []
        assert bulk.rows(tx, "select number, turned from subject order by number") == [(1, 0), (2, 0)]
    later = take_in(home, touch(5, device_id="tablet"))
    assert owners(home, later.subjects.tolist()) == [user(home, "u1")]


def test_what_an_import_says_of_logins_holds_for_its_own_touches_alone(home: Home, admin: Who) -> None:
    take_in(home, touch(1, device_id="tablet", user_id="u1"))
    imported(home, touch(3, device_id="tablet", user_id="u2"), touch(4, device_id="tablet"))
    live = take_in(home, touch(5, device_id="tablet"), touch(6, device_id="tablet", user_id="u3"))
    assert live.subjects[0] == subject(home, "device_id", "tablet")
    subjects = imported(home, touch(7, device_id="tablet"), touch(5.5, device_id="tablet"))
    assert owners(home, subjects) == [user(home, "u3"), user(home, "u2")]


def test_the_turns_of_a_released_kiosk_are_its_users_again(home: Home, admin: Who) -> None:
    recognition = Recognition(home)
    turn: list[int] = []
    for n in range(10):
        login = touch(2 * n, device_id="kiosk", user_id=f"u{n}")
        turn.append(
            int(take_in(home, login, touch(2 * n + 1, device_id="kiosk"), with_=recognition).subjects[1])
        )
    api.rebuild(home, admin)
    assert owners(home, [turn[1]]) != [user(home, "u1")]
    kiosk = subject(home, "device_id", "kiosk")
    api.release(home, admin, kiosk)
    assert owners(home, [turn[1]]) == [user(home, "u1")]
    later = take_in(home, touch(50, device_id="kiosk", user_id="u9"), touch(51, device_id="kiosk"))
    assert owners(home, later.subjects.tolist()) == [user(home, "u9")] * 2
    api.share(home, admin, kiosk)
    assert owners(home, [turn[1]]) != [user(home, "u1")]


def test_who_a_touch_was_about_at_an_earlier_time_can_be_told(home: Home, admin: Who) -> None:
    early, late = shared_tablet(home)
    with home.state.read() as tx:
        now = bulk.value(tx, "select max(person_from) from subject")
    api.decide(home, admin, subject(home, "user_id", "u1"), subject(home, "user_id", "u2"), api.Verdict.SAME)
    then = dict(
        zip(*(api.subject_map(home, at=now).to_pydict()[name] for name in ("subject", "person")), strict=True)
    )
    today = owners(home, [early, late])
    assert then[early] != then[late] and today[0] == today[1]


def test_a_device_on_which_two_accounts_met_long_ago_is_used_in_turn_from_the_next_login_on(
    home: Home,
) -> None:
    shared_tablet(home)
    with home.state.write() as tx:  # as a home of an earlier version has it
        bulk.run(tx, "delete from identity_turn")
        bulk.run(tx, "update subject set turned = 0")
        store.next_generation(tx)
    found = take_in(home, touch(8, device_id="tablet", user_id="u2"), touch(9, device_id="tablet"))
    assert owners(home, found.subjects.tolist()) == [user(home, "u2")] * 2


def test_a_failed_commit_leaves_no_turn_and_the_next_try_makes_the_same(home: Home) -> None:
    recognition = Recognition(home)
    take_in(home, touch(1, device_id="tablet", user_id="u1"), with_=recognition)
    batch = touches_batch(touch(3, device_id="tablet", user_id="u2"), touch(4, device_id="tablet"))
    with pytest.raises(RuntimeError), home.state.write() as tx:
        recognition.write(tx, recognition.recognise(batch), 2)
        raise RuntimeError("the disk is full")
    recognition.reset()
    assert turns(home) == []
    with home.state.read() as tx:
        assert bulk.value(tx, "select sum(turned) from subject") == 0
    found = recognition.recognise(batch)
    with home.state.write() as tx:
        recognition.write(tx, found, 2)
    assert owners(home, found.subjects.tolist()) == [user(home, "u2")] * 2
    assert len(turns(home)) == 1


def test_a_visitor_expires_and_a_person_with_a_shared_device_does_not(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_tablet(home)
    take_in(home, touch(5, anonymous_id="stranger"))
    later = clock.micros() + (home.settings.visitor_days + 1) * clock.MICROS_PER_DAY
    monkeypatch.setattr(clock, "micros", lambda: later)
    assert api.expire_visitors(home) == 1
    assert len(turns(home)) == 1 and user(home, "u2")


def test_touches_of_one_time_are_in_the_order_in_which_they_came(home: Home) -> None:
    found = take_in(
        home,
        touch(1, device_id="tablet"),
        touch(1, device_id="tablet", user_id="u2"),
        touch(1, device_id="tablet"),
        touch(1, device_id="tablet", user_id="u1"),
        touch(1, device_id="tablet"),
        touch(1, device_id="tablet", user_id="u2"),
        touch(1, device_id="tablet", user_id="u1"),
        touch(1, device_id="tablet"),
    )
    later = take_in(home, touch(2, device_id="tablet"))
    assert owners(home, [int(found.subjects[n]) for n in (4, 7)]) == [user(home, "u1")] * 2
    assert owners(home, later.subjects.tolist()) == [user(home, "u1")]
    assert owners(home, found.subjects[:3].tolist()) == [user(home, "u2")] * 3
