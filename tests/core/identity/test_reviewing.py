"""Pairs that the matcher left open wait for somebody, with what speaks for and against; what is decided holds and teaches how right the matcher is."""

from __future__ import annotations

import pytest

from tests.core.identity.steps import subject, take_in, together
from tests.core.identity.test_match import FLAT, record, row
from tests.factory import Touch
from zerodistance.core.identity import api, store
from zerodistance.core.identity.contracts import NoSuchDecision, NoSuchPerson, Verdict
from zerodistance.core.identity.rules import RuleSet
from zerodistance.core.identity.weighed import Asked, Review, Spelled
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home

ANALYST = Who(2, "analyst", Role.ANALYST)


def match_of(home: Home, a: tuple[str, str], b: tuple[str, str], bits: float, linked: int = 0) -> None:
    """Write a match as the matcher would have left it."""
    with home.state.write() as tx:
        pair = subject(home, *b), subject(home, *a)
        store.UPSERT_MATCH.run(tx, [(*pair, round(bits * 1e6), linked, "weights", 1)])


def doubtful(home: Home) -> None:
    """Three records of which two pairs are in doubt: one character and one digit off, and a mere namesake."""
    take_in(
        home,
        row(0, "欧阳晓辰", "13912348001", address=FLAT, birthday="1987-03-02"),
        row(1, "欧阳晓晨", "13912348007", birthday="1987-03-02"),
        row(2, "欧阳晓辰", "13912348555"),
    )
    match_of(home, record(0), record(1), 5.5)
    match_of(home, record(0), record(2), 3.4)


def text(spelled: Spelled) -> str:
    return "".join(sign.shown or "_" for sign in spelled)


def agreeing(spelled: Spelled) -> str:
    return "".join("=" if sign.same else "x" for sign in spelled)


def test_the_likeliest_pair_comes_first_with_its_reasons_and_nothing_whole(home: Home, admin: Who) -> None:
    doubtful(home)
    found = api.reviews(home, admin, limit=10)
    assert found.left == 2 and [one.bits for one in found.pairs] == [5.5, 3.4]
    first = found.pairs[0]
    assert round(first.probability, 3) == 0.978 and first.left.id != first.right.id
    fields = {one.name: one for one in first.fields}
    assert (text(fields["name"].left), text(fields["name"].right)) == ("欧••◦", "欧••◦")
    assert agreeing(fields["name"].right) == "===x"
    assert text(fields["phone"].left) == "+86139••••8001" and agreeing(fields["phone"].left)[-1] == "x"
    assert text(fields["birthday"].left) == "19••-••-02" and "x" not in agreeing(fields["birthday"].left)
    assert text(fields["address"].right) == "" and text(fields["address"].left).startswith("青岛•")
    said = {one.comparison: one.level.en for one in first.weights}
    assert said["given"] == "sounds the same, written otherwise" and said["phone"] == "one digit off"
    assert {one.comparison for one in first.weights if one.share is not None} == {"surname", "given"}
    assert sum(one.bits for one in first.weights) + first.rest == pytest.approx(first.bits)


def test_the_queue_is_walked_forward_and_back(home: Home, admin: Who) -> None:
    doubtful(home)
    first = api.reviews(home, admin)
    second = api.reviews(home, admin, first.places[0])
    assert (first.pairs[0].bits, second.pairs[0].bits) == (5.5, 3.4)
    assert api.reviews(home, admin, second.places[0]).pairs == ()
    back = api.reviews(home, admin, before=second.places[0])
    assert back.places == first.places
    assert api.reviews(home, admin, before=first.places[0]).pairs == ()


def test_a_verdict_takes_effect_at_once_leaves_the_queue_and_can_be_taken_back(
    home: Home, admin: Who
) -> None:
    doubtful(home)
    pair = api.reviews(home, admin).pairs[0]
    said = api.judge(home, admin, pair.a, pair.b, Verdict.SAME, Asked.DOUBT)
    assert together(home, record(0), record(1))
    assert said.weight == 5.5 and api.reviews(home, admin).left == 1
    api.withdraw(home, admin, said.number)
    assert not together(home, record(0), record(1)) and api.reviews(home, admin).left == 2
    with pytest.raises(NoSuchDecision):
        api.withdraw(home, admin, said.number)
    for verdict in (Verdict.UNSURE, Verdict.DIFFERENT):
        one = api.reviews(home, admin).pairs[0]
        api.judge(home, admin, one.a, one.b, verdict, Asked.DOUBT)
    assert api.reviews(home, admin).left == 0


def test_a_pair_that_became_one_person_by_other_means_is_not_asked(home: Home, admin: Who) -> None:
    doubtful(home)
    pair = api.reviews(home, admin).pairs[0]
    other = subject(home, *record(2))
    api.decide(home, admin, pair.a, other, Verdict.SAME)
    api.decide(home, admin, pair.b, other, Verdict.SAME)
    assert api.reviews(home, admin).left == 0


def test_links_are_checked_in_an_order_of_their_own(home: Home, admin: Who) -> None:
    take_in(home, *(row(n, "欧阳晓辰", birthday="1987-03-02", address=FLAT) for n in range(6)))
    for n in range(5):
        match_of(home, record(n), record(n + 1), 20.0, linked=1)
    api.rebuild(home, admin)
    assert api.reviews(home, admin).left == 0
    seen: list[Review] = list(api.reviews(home, admin, limit=9, asked=Asked.LINK).pairs)
    assert len(seen) == 5 and all(one.left.id == one.right.id for one in seen)
    api.judge(home, admin, seen[0].a, seen[0].b, Verdict.DIFFERENT, Asked.LINK)
    assert api.reviews(home, admin, asked=Asked.LINK).left == 4
    assert not together(home, *(record(n) for n in range(6)))


def test_what_was_said_in_an_earlier_batch_is_shown_where_it_is_likest(home: Home, admin: Who) -> None:
    take_in(home, row(0, "欧阳晓辰", birthday="1987-03-02"), row(1, "欧阳晓辰", birthday="1987-03-02"))
    take_in(home, row(1, "张三", birthday="1990-01-09"))
    match_of(home, record(0), record(1), 4.0)
    (pair,) = api.reviews(home, admin).pairs
    assert {one.level.en for one in pair.weights if one.comparison == "given"} == {"written the same"}


def test_whole_values_are_shown_to_whoever_may_see_them_and_that_is_written_down(
    home: Home, admin: Who
) -> None:
    doubtful(home)
    pair = api.reviews(home, admin).pairs[0]
    shown = api.reveal_pair(home, admin, pair.a, pair.b)
    assert {text(one.left) for one in shown.fields} >= {"欧阳晓辰", "1987-03-02"} and shown.revealed
    with home.state.read() as tx:
        (noted,) = api.known_reveals(tx, pair.left.id)
    assert noted[1:] == ("admin", "review", "review", f"{pair.a}-{pair.b}")


def test_only_whoever_operates_may_review(home: Home, admin: Who) -> None:
    doubtful(home)
    pair = api.reviews(home, admin).pairs[0]
    for verb in (api.review, api.reveal_pair):
        with pytest.raises(Forbidden):
            verb(home, ANALYST, pair.a, pair.b)
    with pytest.raises(Forbidden):
        api.reviews(home, ANALYST)
    with pytest.raises(Forbidden):
        api.judge(home, ANALYST, pair.a, pair.b, Verdict.SAME, Asked.DOUBT)
    with pytest.raises(NoSuchPerson):
        api.review(home, admin, pair.b, pair.a)


def test_the_matcher_itself_leaves_doubts_that_are_shown_as_it_weighed_them(home: Home, admin: Who) -> None:
    take_in(
        home,
        Touch({"member_id": "M1"}, 0, facts={"name": "欧阳晓辰", "birthday": "1987-03-02"}),
        Touch({"member_id": "M2"}, 1, facts={"name": "欧阳晓晨", "birthday": "1987-03-02"}),
    )
    api.match(home, admin)
    with home.state.read() as tx:
        bits = [row[0] / 1e6 for row in bulk.rows(tx, "select bits from identity_match where linked = 0")]
    found = api.reviews(home, admin, limit=50)
    assert [one.bits for one in found.pairs] == sorted(bits, reverse=True) and min(bits) >= RuleSet().doubt
    assert not any(one.older for one in found.pairs)


def test_what_keeps_two_persons_apart_is_said_beside_how_alike_they_are(home: Home, admin: Who) -> None:
    same = {"name": "欧阳晓辰", "address": FLAT, "birthday": "1987-03-02"}
    take_in(home, *(Touch({"member_id": f"M{n}", "user_id": f"u{n}"}, n, facts=same) for n in range(2)))
    take_in(home, Touch({"user_id": "u9"}, 9, facts=same))
    match_of(home, ("member_id", "M0"), ("member_id", "M1"), 30.0)
    match_of(home, ("member_id", "M0"), ("user_id", "u9"), 30.0)
    apart = [[kind.en for kind in one.apart] for one in api.reviews(home, admin, limit=10).pairs]
    assert sorted(apart) == [["member id", "user id"], ["user id"]]
    doubtful(home)
    assert {one.apart for one in api.reviews(home, admin, limit=10).pairs} >= {()}
