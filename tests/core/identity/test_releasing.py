"""A key in quarantine is released by hand, links again in batch and live, and stays so until it is shared again."""

from __future__ import annotations

import pytest

from tests.core.identity.steps import subject, take_in, together, touch
from zerodistance.core.identity import api, releasing
from zerodistance.core.identity.contracts import NotShared
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home

TABLET = ("device_id", "kiosk")
KNOWN = [("openid", f"o{n}") for n in range(10)]


def kiosk(home: Home) -> int:
    """A device on which ten people were seen: too many."""
    take_in(home, *(touch(n, openid=f"o{n}", device_id="kiosk") for n in range(10)))
    api.rebuild(home, Who.system())
    return subject(home, *TABLET)


def shared(home: Home) -> list[int]:
    with home.state.read() as tx:
        keys, total = releasing.quarantined(home, tx)
    assert total == len(keys)
    return [one.key.subject for one in keys]


def test_a_key_in_quarantine_has_a_story(home: Home, admin: Who) -> None:
    tablet = kiosk(home)
    with home.state.read() as tx:
        ((one,), total) = releasing.quarantined(home, tx)
    assert total == 1 and (one.key.subject, one.key.persons, one.key.by) == (tablet, 10, "openid")
    assert one.sources == {1: 10} and one.evidence == 10 and one.first_at < one.last_at


def test_a_released_key_links_at_once_after_a_rebuild_and_as_touches_come_in(home: Home, admin: Who) -> None:
    tablet = kiosk(home)
    assert not together(home, KNOWN[0], KNOWN[1])
    assert api.release(home, admin, tablet, "all of one family").merged > 0
    assert together(home, TABLET, *KNOWN) and shared(home) == []
    assert api.rebuild(home, admin).moved == 0
    take_in(home, touch(30, openid="o10", device_id="kiosk"), with_=Recognition(home))
    assert together(home, TABLET, *KNOWN, ("openid", "o10")) and shared(home) == []
    found = api.health(home, admin).released
    assert [(one.key.persons, one.why, one.who) for one in found] == [(10, "all of one family", "admin")]


def test_a_worker_that_is_running_hears_of_a_release(home: Home, admin: Who) -> None:
    running = take_in_with(home)
    api.release(home, admin, subject(home, *TABLET))
    take_in(home, touch(40, openid="o10", device_id="kiosk"), with_=running)
    assert together(home, TABLET, *KNOWN, ("openid", "o10")) and shared(home) == []


def take_in_with(home: Home) -> Recognition:
    running = Recognition(home)
    take_in(home, *(touch(n, openid=f"o{n}", device_id="kiosk") for n in range(10)), with_=running)
    api.rebuild(home, Who.system())
    return running


def test_a_key_that_is_shared_again_by_hand_stops_linking(home: Home, admin: Who) -> None:
    tablet = kiosk(home)
    api.release(home, admin, tablet)
    assert api.share(home, admin, tablet).split > 0
    assert shared(home) == [tablet] and not together(home, KNOWN[0], KNOWN[1])
    assert api.rebuild(home, admin).moved == 0 and api.health(home, admin).released == ()
    with pytest.raises(NotShared):
        api.share(home, admin, tablet)


def test_only_a_shared_key_is_released_and_only_by_whoever_operates(home: Home, admin: Who) -> None:
    tablet = kiosk(home)
    with pytest.raises(Forbidden):
        api.release(home, Who(2, "analyst", Role.ANALYST), tablet)
    with pytest.raises(NotShared):
        api.release(home, admin, tablet + 99)


def test_a_forgotten_key_leaves_no_release(home: Home, admin: Who) -> None:
    tablet = kiosk(home)
    api.release(home, admin, tablet)
    assert api.forget(home, [tablet])["identity_release"] == 1
    with home.state.read() as tx:
        assert bulk.value(tx, "select count(*) from identity_release") == 0
