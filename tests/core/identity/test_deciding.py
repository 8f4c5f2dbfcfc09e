"""What people decide about two subjects outweighs what was seen, in both directions, at once and for ever."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.core.identity.steps import Id, partition, subject, take_in, together, touch
from zerodistance.core.identity import api
from zerodistance.core.identity.contracts import NoSuchDecision, NoSuchPerson, Verdict
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home

M1, M2, PHONE, TABLET = (
    ("member_id", "M1"),
    ("user_id", "u2"),
    ("phone", "13912348001"),
    ("device_id", "tablet"),
)


def subjects(home: Home, ids: Sequence[Id]) -> list[int]:
    return [subject(home, *one) for one in ids]


def family(home: Home) -> None:
    """A member and an account that have a phone and a tablet in common."""
    for n, who in enumerate((M1, M2)):
        take_in(home, touch(n, **dict([who, PHONE])), touch(n + 5, **dict([who, TABLET])))


def test_two_persons_stay_two_whatever_joins_them_by_however_many_ways(home: Home, admin: Who) -> None:
    family(home)
    assert together(home, M1, M2, PHONE, TABLET)
    found = api.decide(home, admin, *subjects(home, (M1, M2)), Verdict.DIFFERENT, "mother and son")
    assert found.split == 1
    assert not together(home, M1, M2) and together(home, M1, PHONE, TABLET)
    recognition = Recognition(home)
    take_in(
        home,
        touch(50, anonymous_id="c", user_id="u2"),
        touch(51, anonymous_id="c", member_id="M1"),
        with_=recognition,
    )
    assert not together(home, M1, M2)
    found = api.rebuild(home, admin)
    assert found.moved == 0 and found.vetoed["identity.decided.phone"] == 1
    assert not together(home, M1, M2)


def test_one_person_is_one_even_with_two_member_ids(home: Home, admin: Who) -> None:
    take_in(
        home, touch(0, member_id="M1", phone="13912348001"), touch(1, member_id="M2", email="a@example.com")
    )
    pair = subjects(home, (("member_id", "M1"), ("member_id", "M2")))
    assert api.decide(home, admin, *pair, Verdict.SAME, "joined twice").merged == 1
    every = (("member_id", "M1"), ("member_id", "M2"), PHONE, ("email", "a@example.com"))
    assert together(home, *every)
    assert api.rebuild(home, admin).moved == 0
    (said,) = api.decisions(home, admin)
    assert (said.verdict, said.why, said.by, said.weight) == (Verdict.SAME, "joined twice", "admin", None)
    assert api.withdraw(home, admin, said.number).split == 1
    assert not together(home, ("member_id", "M1"), ("member_id", "M2"))
    assert api.decisions(home, admin)[0].withdrawn_at is not None
    with pytest.raises(NoSuchDecision):
        api.withdraw(home, admin, said.number)


def test_the_latest_decision_holds_and_unsure_changes_nothing(home: Home, admin: Who) -> None:
    family(home)
    pair = subjects(home, (M2, M1))
    assert api.decide(home, admin, *pair, Verdict.UNSURE).moved == 0
    api.decide(home, admin, *pair, Verdict.DIFFERENT)
    assert not together(home, M1, M2)
    api.decide(home, admin, *pair, Verdict.SAME)
    assert together(home, M1, M2)
    assert {(d.a, d.b) for d in api.decisions(home, admin)} == {tuple(reversed(pair))}


def test_a_decision_about_nobody_or_one_subject_is_refused(home: Home, admin: Who) -> None:
    family(home)
    (one,) = subjects(home, (M1,))
    with pytest.raises(Invalid):
        api.decide(home, admin, one, one, Verdict.SAME)
    with pytest.raises(NoSuchPerson):
        api.decide(home, admin, one, 99, Verdict.SAME)


def public_ids(home: Home) -> dict[int, str]:
    """Return subject -> public id of its person."""
    rows = api.subject_map(home).to_pylist()
    found = api.public_ids(home, [row["person"] for row in rows])
    return {row["subject"]: found[row["person"]] for row in rows}


def test_many_random_merges_and_unmerges_end_where_they_began(home: Home, admin: Who) -> None:
    chance = random.Random(5)
    ids: list[Id] = [("user_id", f"u{n}") for n in range(30)]
    take_in(home, *(touch(n, user_id=f"u{n}", phone=f"139123480{n // 2:02}") for n in range(30)))
    api.rebuild(home, admin)
    before, numbers, public = partition(home, ids), api.subject_map(home).to_pylist(), public_ids(home)
    made = []
    for _ in range(60):
        pair = chance.sample(subjects(home, ids), 2)
        api.decide(home, admin, *pair, chance.choice([Verdict.SAME, Verdict.DIFFERENT]))
        made.append(api.decisions(home, admin, 1)[0].number)
    api.rebuild(home, admin)
    chance.shuffle(made)
    for number in made:
        api.withdraw(home, admin, number)
    assert partition(home, ids) == before
    assert public_ids(home) == public
    api.rebuild(home, admin)
    assert partition(home, ids) == before and public_ids(home) == public
    first = {row["subject"]: row["person"] for row in numbers}
    now = {row["subject"]: row["person"] for row in api.subject_map(home).to_pylist()}
    assert first.keys() == now.keys()


def test_a_forgotten_person_leaves_no_decision(home: Home, admin: Who) -> None:
    family(home)
    pair = subjects(home, (M1, M2))
    api.decide(home, admin, *pair, Verdict.DIFFERENT)
    assert api.forget(home, pair[:1])["identity_decision"] == 1
    assert api.decisions(home, admin) == []
