"""Who is in which arm: once and for all, whoever asks how often, whoever is merged, split or forgotten."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from tests.core.measurement import town as towns
from tests.core.measurement.town import Town, frozen, said, some
from zerodistance.core.brand import api as brand
from zerodistance.core.measurement import api, mapped, packing, rules, standing, store
from zerodistance.core.measurement.contracts import (
    ExperimentEnded,
    ExperimentExists,
    Goal,
    HopelessPlan,
    NeedsHoldout,
    NoSuchExperiment,
)
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

GOAL, NAME = Goal("order.line", 28), Text("秋季", "Autumn")
SYSTEM = Who.system("test")
SLOW = bool(os.environ.get("ZERODISTANCE_TEST_SLOW"))
PLANNER = Who(3, "planner", Role.PLANNER)
MARKETER = Who(4, "marketer", Role.MARKETER, frozenset({7}))


@pytest.fixture
def town(home: Home) -> Iterator[Town]:
    """Return a home of 400 persons, the person n of the subjects n and 1000 + n."""
    made = Town(home)
    made.settle((s, s % 1000) for s in (*range(1, 401), *range(1001, 1401)))
    yield made


def everybody() -> BitMap:
    return BitMap(range(1, 401))


def test_who_is_assigned_keeps_the_arm_however_often_it_is_asked(town: Town) -> None:
    home = town.home
    api.create(home, SYSTEM, "autumn", NAME, GOAL, share_held=0.3)
    first = api.assign(home, SYSTEM, "autumn", BitMap(range(1, 201)))
    assert 30 < len(first.held) < 90 and len(first.treated) + len(first.held) == 200
    assert api.assign(home, SYSTEM, "autumn", BitMap(range(1, 201))) == first
    wider = api.assign(home, SYSTEM, "autumn", everybody())
    assert (wider.number, wider.again, len(wider.treated | wider.held)) == (2, 200, 400)
    assert wider.treated & BitMap(range(1, 201)) == first.treated
    for one in (first, wider):
        assert api.arms(home, "autumn", one.number) == (one.treated, one.held)
    assert api.treated(home, "autumn") == wider.treated
    found = api.experiment(home, SYSTEM, "autumn")
    assert (found.persons, found.held, found.assignments) == (400, len(wider.held), 2)
    with pytest.raises(NoSuchExperiment):
        api.arms(home, "autumn", 3)


def test_an_assignment_is_said_as_touches_in_its_own_transaction(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = town.home
    brand.load_default(home, SYSTEM)
    api.create(
        home, SYSTEM, "autumn", NAME, Goal("order.line", 28, category="fridge"), share_held=0.5, channel="sms"
    )
    with frozen():
        receipt = api.assign(home, SYSTEM, "autumn", BitMap(range(1, 41)))
    rows = said(home).sort_by("subject").to_pylist()
    assert [row["subject"] for row in rows] == list(range(1, 41))
    assert {row["subject"] for row in rows if row["kind"] == "message.held_out"} == set(receipt.held)
    assert {row["subject"] for row in rows if row["kind"] == "campaign.assigned"} == set(receipt.treated)
    assert (rows[0]["campaign"], rows[0]["channel"], rows[0]["category"]) == ("autumn", "sms", "fridge")
    assert rows[0]["message_id"] == "autumn:1:assigned"

    def fails(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zerodistance.kernel.fault.point", fails)
    with pytest.raises(KeyboardInterrupt):
        api.assign(home, SYSTEM, "autumn", everybody())
    monkeypatch.undo()
    assert len(said(home)) == 40 and len(api.treated(home, "autumn")) == len(receipt.treated)


def test_whoever_a_merge_puts_in_both_arms_is_in_that_of_the_first(town: Town) -> None:
    home = town.home
    api.create(home, SYSTEM, "autumn", NAME, GOAL, share_held=0.5)
    first = api.assign(home, SYSTEM, "autumn", BitMap(range(1, 101)))
    second = api.assign(home, SYSTEM, "autumn", BitMap(range(101, 201)))
    held, sent = min(first.held), min(second.treated)
    town.move(sent, held)
    town.move(1000 + sent, held)
    assert sent not in api.treated(home, "autumn") and held not in api.treated(home, "autumn")
    assert api.arms(home, "autumn", second.number) == (second.treated - some(sent), second.held | some(held))
    both = (min(first.treated), max(first.held))  # of the same assignment, in both arms
    town.move(both[0], both[1])
    town.move(1000 + both[0], both[1])
    assert both[1] not in api.treated(home, "autumn")
    there = standing.read(home, 1)
    assert int(standing.of_everybody(home, there).both.sum()) == 2


def test_a_part_that_is_split_off_keeps_the_arm(town: Town) -> None:
    home = town.home
    api.create(home, SYSTEM, "autumn", NAME, GOAL, share_held=0.5)
    first = api.assign(home, SYSTEM, "autumn", everybody())
    part = min(first.held)
    town.move(1000 + part, 900)
    again = api.assign(home, SYSTEM, "autumn", everybody() | some(900))
    assert 900 in again.held and again.again == 401


def test_the_global_holdout_is_held_out_of_all_marketing_and_of_no_service(town: Town) -> None:
    home = town.home
    api.hold_globally(home, SYSTEM, "all-contact", NAME, Goal("order.*", 365), 0.2)
    for key, purpose in (("autumn", "marketing"), ("winter", "marketing"), ("filters", "service")):
        api.create(
            home, SYSTEM, key, NAME, GOAL, share_held=0.1 if purpose == "marketing" else None, purpose=purpose
        )
    autumn = api.assign(home, SYSTEM, "autumn", BitMap(range(1, 301)))
    gone = api.experiment(home, SYSTEM, "all-contact")
    assert gone.persons == 300 and autumn.everywhere == gone.held > 30
    everywhere = BitMap(range(1, 301)) - api.treated(home, "all-contact")
    assert everywhere <= autumn.held and len(autumn.held) > gone.held
    winter = api.assign(home, SYSTEM, "winter", everybody())
    assert everywhere <= winter.held
    service = api.without_holdout(home, SYSTEM, "filters", everybody(), "a recall")
    assert service.treated == everybody() and service.reason == "a recall"
    with pytest.raises(NeedsHoldout):
        api.without_holdout(home, SYSTEM, "autumn", everybody(), "no")
    kinds = said(home).to_pylist()
    mine = {row["subject"] for row in kinds if row["campaign"] == "autumn"}
    assert not mine & set(everywhere)  # who is held out of everything is in no arm of a campaign
    one, other = min(everywhere), min(autumn.treated)
    town.move(other, one)
    town.move(1000 + other, one)
    assert one not in api.treated(home, "autumn")


def test_nobody_is_assigned_to_what_has_ended_and_what_was_assigned_stays(town: Town) -> None:
    home = town.home
    api.create(home, SYSTEM, "autumn", NAME, GOAL, share_held=0.5)
    receipt = api.assign(home, SYSTEM, "autumn", BitMap(range(1, 11)))
    assert api.end(home, SYSTEM, "autumn").ended
    with pytest.raises(ExperimentEnded):
        api.assign(home, SYSTEM, "autumn", everybody())
    assert api.arms(home, "autumn", 1)[0] == receipt.treated
    with pytest.raises(ExperimentExists):
        api.create(home, SYSTEM, "autumn", NAME, GOAL)


def test_who_is_forgotten_is_in_no_arm(town: Town) -> None:
    home = town.home
    api.create(home, SYSTEM, "autumn", NAME, GOAL, share_held=0.5)
    api.assign(home, SYSTEM, "autumn", everybody())
    api.assign(home, SYSTEM, "autumn", BitMap([1, 2]) | BitMap([3]))
    assert api.forget(home, [1, 1001, 5000]) == {"experiment_arms": 3}
    assert api.forget(home, [1, 1001]) == {"experiment_arms": 0}
    with home.state.read() as tx:
        left = [packing.unpack(blob) for arm in store.arms(tx, 1) for blob in (arm.treated, arm.held)]
    assert not {1, 1001} & set(np.concatenate(left).tolist())


def test_an_account_acts_for_its_own_units_only(town: Town) -> None:
    home = town.home
    with pytest.raises(Forbidden):
        api.create(home, PLANNER, "mine", NAME, GOAL)
    assert api.create(home, MARKETER, "mine", NAME, GOAL).unit == 7
    with pytest.raises(Invalid):
        api.create(home, MARKETER, "theirs", NAME, GOAL, unit=8)
    api.create(home, SYSTEM, "theirs", NAME, GOAL, unit=8)
    assert [one.key for one in api.experiments(home, MARKETER)] == ["mine"]
    with pytest.raises(NoSuchExperiment):
        api.assign(home, MARKETER, "theirs", everybody())
    with pytest.raises(Forbidden):
        api.hold_globally(home, MARKETER, "all", NAME, GOAL, 0.05)


def test_a_plan_that_can_find_nothing_is_refused_and_says_what_it_could(town: Town) -> None:
    home = town.home
    with pytest.raises(HopelessPlan) as refused:
        api.plan(home, SYSTEM, GOAL, 2_000, base_rate=0.011, detect=0.1)
    assert "2,000" in refused.value.message("en") and "%" in refused.value.message("zh")
    fine = api.plan(home, SYSTEM, GOAL, 2_000, base_rate=0.011, detect=0.1, anyway=True)
    assert fine.power < 0.1 and fine.detectable is not None and fine.detectable > 0.9
    assert fine.needed is not None and rules.power_of(fine.needed, 0.5, 0.011, 0.1) >= 0.8
    good = api.plan(home, SYSTEM, GOAL, 600_000, base_rate=0.011, detect=0.19)
    assert good.share_held == 0.04 and good.power >= 0.8
    assert api.plan(home, SYSTEM, GOAL, 600_000, base_rate=0.011).share_held == 0.1
    for wrong in ({"audience": 0}, {"audience": 10, "share_held": 0.95}, {"audience": 10, "base_rate": 0.0}):
        with pytest.raises(Invalid):
            api.plan(home, SYSTEM, GOAL, **wrong)
    with pytest.raises(Invalid):
        api.create(home, SYSTEM, "x", NAME, Goal("orders", 28))
    with pytest.raises(Invalid):
        api.create(home, SYSTEM, "x", NAME, GOAL, share_held=0.0)


@settings(max_examples=30)
@given(st.sets(st.integers(1, 1 << 34), max_size=200), st.sets(st.integers(1, 1 << 34), max_size=50))
def test_packed_subjects_are_what_they_were(subjects: set[int], gone: set[int]) -> None:
    array, out = (np.array(sorted(some), np.int64) for some in (subjects, gone))
    assert packing.unpack(packing.pack(array)).tolist() == sorted(subjects)
    body, went = packing.without(packing.pack(array), out)
    assert packing.unpack(body).tolist() == sorted(subjects - gone) and went == len(subjects & gone)


@settings(max_examples=30)
@given(
    st.lists(st.integers(1, 1 << 31), min_size=1, max_size=300, unique=True), st.integers(1, (1 << 63) - 1)
)
def test_a_lot_is_the_same_whoever_draws_with(home: Home, numbers: list[int], salt: int) -> None:
    every = np.array(sorted(numbers), np.uint32)
    together = rules.lots(home.seal.stream, salt, every)
    alone = [int(rules.lots(home.seal.stream, salt, every[n : n + 1])[0]) for n in range(len(every))]
    assert together.tolist() == alone


def test_lots_of_experiments_have_nothing_to_do_with_each_other(home: Home) -> None:
    people = np.arange(1, 100_001, dtype=np.uint32)
    one, other = (
        rules.below(rules.lots(home.seal.stream, home.seal.mark("experiment", key), people), 0.5)
        for key in ("a", "b")
    )
    for share in (one.mean(), other.mean(), (one == other).mean()):
        assert abs(share - 0.5) < 0.008  # five standard errors


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, (1 << 32) - 1)), min_size=1, max_size=200),
    st.floats(0, 1),
    st.floats(0, 0.999),
)
def test_each_stratum_has_its_share_to_a_person(
    rows: list[tuple[int, int]], share: float, luck: float
) -> None:
    strata, lots = np.array(rows, np.int64).T
    held = rules.lowest(lots.astype(np.uint32), strata, share, lambda stratum: luck)
    for one in np.unique(strata):
        mine = strata == one
        assert abs(int(held[mine].sum()) - share * int(mine.sum())) < 1
        if held[mine].any() and not held[mine].all():
            assert lots[mine & held].max() <= lots[mine & ~held].min()


@settings(max_examples=200 if SLOW else 8)
@given(
    st.lists(
        st.one_of(
            st.sets(st.integers(1, 20), min_size=1, max_size=12),
            st.tuples(st.integers(1, 60), st.integers(1, 20)),
        ),
        min_size=3,
        max_size=8,
    )
)
def test_whatever_is_merged_and_split_the_first_assignment_of_a_person_counts(
    home: Home, steps: list[set[int] | tuple[int, int]]
) -> None:
    """Sets are assigned, pairs move a subject to a person; a model in plain Python says who may be contacted."""
    town, key = Town(home), f"law-{len(api.experiments(home, SYSTEM))}"
    if key == "law-0":
        town.settle((s, (s - 1) % 20 + 1) for s in range(1, 61))
    api.create(home, SYSTEM, key, NAME, GOAL, share_held=0.5)
    subjects = np.arange(1, 61, dtype=np.int64)
    put: dict[int, tuple[int, bool]] = {}  # subject -> assignment, and whether it is held
    for step in steps:
        if isinstance(step, tuple):
            town.move(*step)
        else:
            receipt = api.assign(home, SYSTEM, key, BitMap(step))
            whose = dict(zip(subjects.tolist(), mapped.numbers_of(home, subjects).tolist(), strict=True))
            stood = {whose[s] for s in put}
            fresh = {s: p for s, p in whose.items() if p in step - stood}
            put |= {s: (receipt.number, p in receipt.held) for s, p in fresh.items()}
            assert receipt.treated | receipt.held == BitMap(step & set(whose.values()))
        whose = dict(zip(subjects.tolist(), mapped.numbers_of(home, subjects).tolist(), strict=True))
        firsts: dict[int, tuple[int, bool]] = {}
        for subject, (order, held) in put.items():
            mine = (order, not held)
            firsts[whose[subject]] = min(firsts.get(whose[subject], mine), mine)
        may = BitMap(person for person, (_, treated) in firsts.items() if treated)
        assert api.treated(home, key) == may
        assert api.assigned(home, key) == BitMap(firsts)


def test_many_are_mapped_as_few_are(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    subjects, numbers = np.arange(1, 1401, dtype=np.int64), np.arange(1, 401, dtype=np.uint32)
    few = mapped.numbers_of(town.home, subjects), mapped.subjects_of(town.home, numbers)
    monkeypatch.setattr(mapped, "_FEW", 0)
    monkeypatch.setattr(mapped, "_everybody", lambda home: (few[1][0][:700], few[1][1][:700]))
    assert mapped.numbers_of(town.home, subjects).tolist() == few[0].tolist()
    assert mapped.subjects_of(town.home, numbers)[0].tolist() == few[1][0][:700].tolist()
    assert towns.NOW.year == 2026
