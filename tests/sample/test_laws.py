"""What holds in every city: who is where, what comes before what, and that luck decides once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sample.cities import town
from zerodistance.sample import people
from zerodistance.sample.appliances import NEVER, campaigns
from zerodistance.sample.calendar import BEGIN, TRUTH_UNTIL, UNTIL
from zerodistance.sample.digital import digital
from zerodistance.sample.silos import club, crm, devices, messages, pos, service, shop, social, web
from zerodistance.sample.town import Town

cities = given(
    st.sampled_from((60, 170, 330)), st.integers(0, 4), st.sampled_from(("base", "shifted"))
)  # each is made once
few = settings(max_examples=4)


def every_row(made: Town) -> list[service.Rows]:
    side, after, mail = digital(made), service.serve(made), messages.post(made)
    return [
        *crm.rows(made, after.callers),
        *club.rows(made),
        *pos.rows(made),
        *shop.rows(made),
        *service.rows(after),
        web.browse(made, side, mail)[0],
        social.post(made)[0],
        *devices.rows(made, side),
        *messages.rows(mail),
    ]


@few
@cities
def test_as_many_people_as_asked_for_live_in_households_of_their_own(many: int, seed: int, name: str) -> None:
    made = town(many, seed, name)
    assert len(made.people) == many == made.households.size.sum()
    assert (made.people.role[made.households.first_person] == people.HEAD).all()
    assert (np.diff(made.people.household) >= 0).all()


@few
@cities
def test_nobody_shares_a_home_and_everybody_has_one(many: int, seed: int, name: str) -> None:
    lived = town(many, seed, name).residences
    order = np.lexsort((lived.since, lived.home))
    same = np.flatnonzero(np.diff(lived.home[order]) == 0)
    assert (lived.until[order[same]] <= lived.since[order[same + 1]]).all()
    assert (lived.until > lived.since).all()
    assert set(lived.household[lived.until == NEVER]) == set(range(int(lived.household.max()) + 1))


@few
@cities
def test_a_number_is_one_persons_at_a_time(many: int, seed: int, name: str) -> None:
    phones = town(many, seed, name).contacts.phones
    order = np.lexsort((phones.since, phones.number))
    same = np.flatnonzero(np.diff(phones.number[order]) == 0)
    assert (phones.until[order[same]] <= phones.since[order[same + 1]]).all()


@few
@cities
def test_need_comes_before_its_purchase_and_an_appliance_before_its_faults(
    many: int, seed: int, name: str
) -> None:
    lives = town(many, seed, name).lives
    units, needs, faults = lives.units, lives.needs, lives.faults
    bought = needs["purchased"] != NEVER
    assert (needs["purchased"] > needs["started"]).all()
    assert (units["bought"][needs["new_unit"][bought]] == needs["purchased"][bought]).all()
    assert (units["retired"] > units["bought"]).all()
    assert (faults["at"] >= units["bought"][faults["unit"]]).all()
    assert (faults["at"] < units["retired"][faults["unit"]]).all()
    assert (units["bought"] < TRUTH_UNTIL).all()


@few
@cities
def test_what_happened_is_the_outcome_that_the_lot_chose(many: int, seed: int, name: str) -> None:
    made = town(many, seed, name)
    rows, places, needs = made.lives.outcomes, made.lives.places, made.lives.needs
    drawn = made.lives.drawn
    sent = set(
        zip(
            drawn["campaign"][drawn["reached"]].tolist(),
            drawn["person"][drawn["reached"]].tolist(),
            strict=True,
        )
    )
    every = campaigns(made.world)
    for number, place, without, with_message, luck in zip(
        *(rows[n].tolist() for n in ("campaign", "place", "p_without", "p_with", "luck")), strict=True
    ):
        month = every[number][0]
        treated = (number, int(places.decider[place])) in sent
        mine = needs["place"] == place
        start, end = people.STARTS[month], people.STARTS[month + 1]
        bought = bool(
            (
                mine & (needs["purchased"] >= start) & (needs["purchased"] < end) & (needs["started"] < start)
            ).any()
        )
        assert bought == (luck < (with_message if treated else without))


@few
@cities
def test_every_row_is_known_in_time_and_about_somebody_and_has_an_id_of_its_own(
    many: int, seed: int, name: str
) -> None:
    made = town(many, seed, name)
    for rows in every_row(made):
        assert ((rows.known >= BEGIN) & (rows.known < UNTIL)).all(), rows.silo
        assert (rows.person < many).all()
        assert (rows.person >= 0).all() or rows.silo == "social"
        assert len(rows.record) == len(set(rows.record.to_pylist())) == len(rows.known)
        assert all(len(column) == len(rows.known) for column in rows.payload.values())
        assert rows.silo == "club" or rows.payload["line"].null_count == 0
