"""Consent belongs to an address, a purpose and a channel."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.outreach.people import LONG_AGO, say, settle
from tests.factory import Touch, touches_batch
from zerodistance.core.identity import api as identity
from zerodistance.core.outreach import consent, forgetting, suppression
from zerodistance.core.outreach.consent import Word
from zerodistance.core.outreach.hearing import Hearing
from zerodistance.core.touchpoints import sources
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def usable(home: Home, *persons: int, purpose: str = "marketing", channel: str = "email") -> dict[int, int]:
    with home.state.read() as tx:
        found = consent.usable(tx, home, np.array(persons, np.uint32), purpose, channel)
    return dict(zip(found["person"].to_pylist(), found["subject"].to_pylist(), strict=True))


def test_somebody_is_written_to_at_the_address_seen_last_of_those_that_agreed(home: Home) -> None:
    at = settle(
        home, {1: [("email", "a@x.cn"), ("email", "b@x.cn"), ("email", "c@x.cn")], 2: [("email", "d@x.cn")]}
    )
    say(home, at["a@x.cn"])
    say(home, at["b@x.cn"])
    assert usable(home, 1, 2) == {1: at["b@x.cn"]}
    assert usable(home, 1, 2, channel="sms") == {}
    assert usable(home, 1, 2, purpose="research") == {}


def test_service_needs_no_consent_and_heeds_a_withdrawal(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")], 2: [("email", "b@x.cn")]})
    say(home, at["a@x.cn"], "service", given=False)
    assert usable(home, 1, 2, purpose="service") == {2: at["b@x.cn"]}


def test_many_are_found_as_few_are(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    at = settle(home, {n: [("email", f"{n}@x.cn"), ("phone", f"+86138{n:08d}")] for n in range(1, 60)})
    for n in range(1, 60, 3):
        say(home, at[f"{n}@x.cn"])
    few = usable(home, *range(1, 50))
    monkeypatch.setattr(consent, "_MANY", 1)
    from zerodistance.core.identity import reaching

    monkeypatch.setattr(reaching, "_FEW", 1_000)
    assert usable(home, *range(1, 50)) == few and len(few) == 17


def test_a_merge_never_widens_consent(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")], 2: [("email", "b@x.cn"), ("phone", "+8613900000001")]})
    say(home, at["a@x.cn"])
    with home.state.write() as tx:
        bulk.run(tx, "update subject set person = 1")
    assert usable(home, 1, 2) == {1: at["a@x.cn"]}
    say(home, at["a@x.cn"], given=False, at=LONG_AGO + 1)
    assert usable(home, 1) == {}


WORDS = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.sampled_from(["p1", "p2"])), max_size=8)


@settings(max_examples=25)
@given(words=WORDS, order=st.randoms(use_true_random=False))
def test_the_latest_word_holds_in_whatever_order_they_come(
    home: Home, words: list[tuple[bool, int, str]], order: Any
) -> None:
    with home.state.write() as tx:
        for table in ("outreach_consent", "outreach_consent_now"):
            bulk.run(tx, f"delete from {table}")
    said = [Word(7, "marketing", "email", yes, at, proof=proof) for yes, at, proof in words]
    order.shuffle(said)
    with home.state.write() as tx:
        kept = consent.keep(tx, said, 1)
        assert consent.keep(tx, said, 2) == 0  # a replay says nothing new
        holds = consent.said(tx, np.array([7]), "marketing", "email", "given").tolist()
        consent.settle(tx, [7])
        assert consent.said(tx, np.array([7]), "marketing", "email", "given").tolist() == holds
    last = max((at for _, at, _ in words), default=-1)
    assert kept == len(set(words))
    assert holds == [bool(words) and all(yes for yes, at, _ in words if at == last)]


def test_an_address_on_a_list_is_not_written_to_even_if_somebody_has_it_later(home: Home) -> None:
    loaded = suppression.load(
        home, ["a@x.cn", "A@x.cn ", "nonsense", "", "b@x.cn"], "email", source="list.csv"
    )
    assert (loaded.rows, loaded.added, loaded.known, loaded.unreadable) == (4, 2, 0, 1)
    at = settle(home, {1: [("email", "a@x.cn")], 2: [("email", "c@x.cn")]})
    for value in at:
        say(home, at[value])
    with home.state.read() as tx:
        assert suppression.why(tx, home, list(at.values()), "marketing") == {at["a@x.cn"]: "listed"}
    assert suppression.catch_up(home) == 1 and suppression.catch_up(home) == 0
    assert usable(home, 1, 2) == {2: at["c@x.cn"]}


def test_an_address_stays_suppressed_when_its_person_is_forgotten(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")]})
    say(home, at["a@x.cn"])
    with home.state.write() as tx:
        suppression.add(tx, home, [at["a@x.cn"]], "complained", at=1)
    forgetting.forget(home, [at["a@x.cn"]])
    with home.state.write() as tx:
        assert bulk.rows(tx, "select subject from outreach_suppressed") == [(None,)]
        assert not bulk.rows(tx, "select subject from outreach_consent")
        bulk.run(tx, "delete from subject")
    again = settle(home, {5: [("email", "a@x.cn")]})
    with home.state.read() as tx:
        assert suppression.why(tx, home, list(again.values()), "service") == {again["a@x.cn"]: "complained"}


class Listening:
    """Digestion of touches, as far as consent is concerned."""

    def __init__(self, home: Home) -> None:
        self._home, self._hearing, self._batch = home, Hearing(home, identity.Recognition(home)), 0
        for key, kind in (("shop", "server"), ("page", "web")):  # sources 1 and 2
            sources.create_source(home, Who.system(), key=key, name=Text(key, key), kind=kind)

    def hear(self, *touches: Touch) -> None:
        self._batch += 1
        found = self._hearing.recognise(touches_batch(*touches, position=self._batch))
        with self._home.state.write() as tx:
            self._hearing.write(tx, found, self._batch)


def said(kind: str, at: float, *, source: int = 1, ids: Any = (("user_id", "wei"),), **body: str) -> Touch:
    return Touch(ids, at, source, kind, columns={"body": json.dumps(body), "name": kind})


@pytest.fixture
def work(home: Home) -> Listening:
    listening = Listening(home)
    listening.hear(Touch({"user_id": "wei", "email": "wei@x.cn", "phone": "13712340987"}, rule="identify"))
    return listening


def test_consent_is_heard_among_the_touches(home: Home, work: Listening) -> None:
    work.hear(said("consent.given", 1, purpose="marketing", channel="e-mail", text_version="2026-01"))
    (subject,) = usable(home, 1).values()
    with home.state.read() as tx:
        ((_, word),) = consent.of_subjects(tx, [subject])
    assert (word.text_version, word.source, word.given) == ("2026-01", "touch", True)
    more = Touch({"user_id": "wei", "email": "wei@y.cn"}, 2, rule="identify")
    work.hear(more, said("consent.given", 3, purpose="research", channel="email"))
    assert (
        usable(home, 1, purpose="research") == {}
    )  # of which of the two addresses it is meant, nobody knows
    work.hear(said("consent.given", 4, purpose="marketing", channel="sms"))
    by_mail = said("message.refused", 5, ids={"user_id": "wei", "email": "wei@x.cn"})
    work.hear(by_mail)
    assert usable(home, 1) == {} and usable(home, 1, channel="sms") != {}
    work.hear(said("message.refused", 6))  # names no address: holds for all of them
    assert usable(home, 1, channel="sms") == {}


def test_a_web_page_may_say_no_but_not_yes(home: Home, work: Listening) -> None:
    work.hear(said("consent.given", 1, source=2, purpose="marketing", channel="email"))
    assert usable(home, 1) == {} != usable(home, 1, purpose="service")
    work.hear(said("consent.withdrawn", 2, source=2, purpose="service", channel="email"))
    assert usable(home, 1, purpose="service") == {}


def test_what_an_import_said_is_taken_back_with_it(home: Home, work: Listening) -> None:
    (subject,) = usable(home, 1, purpose="service").values()
    say(home, subject)
    with home.state.write() as tx:
        consent.keep(tx, [Word(subject, "marketing", "email", False, LONG_AGO + 9, origin=4)], 1)
    assert usable(home, 1) == {}
    assert forgetting.undo_counts(home, 4, []) == {"consents": 1}
    forgetting.undo(home, 4, [])
    forgetting.undo(home, 4, [])
    assert usable(home, 1) == {1: subject}
