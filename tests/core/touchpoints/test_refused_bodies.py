"""Bodies that a door refuses as a whole are kept in the quarantine, within a bound, and replayed once they are mended."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator

import pytest

from tests.core.touchpoints.doors import Door, make_source, opened
from tests.core.touchpoints.sentences import in_chinese
from tests.doors import world
from zerodistance import compose
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import collect, forget, http, quarantine
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.doors.worker import once
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home

WHO = Who(1, "admin", Role.ADMIN)
EVENT = {"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "m1"}
LENIENT = b'{"userId": "u1", "event": "x", "messageId": "m9",}'
"""What the engine reads and the door does not: its client was told that it is wrong, so it must not become a touch."""
GOOD = json.dumps({"batch": [EVENT]}).encode()

CUT = gzip.compress(GOOD)[:-3]


@pytest.fixture
def source(home: Home) -> Source:
    return make_source(home)


@pytest.fixture
def door(home: Home, source: Source) -> Iterator[Door]:
    with opened(home) as found:
        yield found


def refused(home: Home) -> list[tuple[str, str, bytes]]:
    world.digest(home, seal=False)
    rows = quarantine.rows(home, WHO)
    return [(row.place, row.reason, quarantine.content(home, WHO, row.id)) for row in rows]


@pytest.mark.parametrize(
    ("path", "body", "unpacked"),
    [
        ("/v1/batch", b"{", b"{"),
        ("/v1/batch", GOOD[:-1], GOOD[:-1]),
        ("/v1/batch", b"[]", b"[]"),
        ("/v1/batch", b'{"batch": 1}', b'{"batch": 1}'),
        ("/v1/batch", b"\xff\xfe\x00", b"\xff\xfe\x00"),
        ("/v1/batch", CUT, CUT),
        ("/v1/batch", zlib.compress(GOOD)[:-3], zlib.compress(GOOD)[:-3]),
        ("/v1/batch", gzip.compress(b"no JSON" * 100), b"no JSON" * 100),
        ("/v1/track", b"[1]", b"[1]"),
        ("/v1/track", b'"text"', b'"text"'),
        ("/v1/track", LENIENT, LENIENT),
        ("/v1/page", gzip.compress(b'{"name": '), b'{"name": '),
    ],
)
def test_a_body_that_can_not_be_read_is_refused_and_kept_as_it_came(
    home: Home, door: Door, source: Source, path: str, body: bytes, unpacked: bytes
) -> None:
    assert door.post(path, body, key=source.write_key).status == 400
    ((place, reason, raw),) = refused(home)
    assert (raw, reason) == (unpacked, "body")
    assert place == ("body" if path == "/v1/batch" else path.removeprefix("/v1/"))
    assert in_chinese(quarantine.rows(home, WHO)[0].detail.en)
    assert GOOD not in b"".join(p.read_bytes() for p in home.root.rglob("*") if p.is_file())


def test_a_call_that_was_refused_is_mended_as_the_call_it_was(home: Home, door: Door, source: Source) -> None:
    door.post("/v1/page", b'{"userId": "u1", ', key=source.write_key)
    refused(home)
    (row,) = quarantine.rows(home, WHO)
    quarantine.mend(home, WHO, row.id, b'{"userId": "u1", "messageId": "m1"}')
    quarantine.replay(home, WHO)
    world.digest(home, seal=False)
    (group,) = quarantine.groups(home, WHO)
    assert (group.waiting, group.replayed) == (0, 1)


def test_whoever_is_forgotten_is_in_no_body_that_nobody_can_read(
    home: Home, door: Door, source: Source
) -> None:
    door.post("/v1/batch", GOOD, key=source.write_key)
    for body in (CUT, b"\xff\xfe\x00", b'{"nobody": "we forget"', GOOD[:-1]):
        door.post("/v1/batch", body, key=source.write_key)
    world.digest(home, seal=False)
    assert len(quarantine.rows(home, WHO)) == 4
    person = identity.lookup(home, WHO, "user_id", "u1")
    with home.state.read() as tx:
        subjects = identity.subjects_of(tx, person.number)
    forget.ask(home, WHO, person.id, subjects, "asked by the person")
    once(compose.work(home))
    assert [quarantine.content(home, WHO, row.id) for row in quarantine.rows(home, WHO)] == [
        b'{"nobody": "we forget"'
    ]


def test_a_kept_body_is_mended_and_its_events_are_taken_in(home: Home, door: Door, source: Source) -> None:
    door.post("/v1/batch", GOOD[:-1], key=source.write_key)
    refused(home)
    (row,) = quarantine.rows(home, WHO)
    quarantine.mend(home, WHO, row.id, GOOD)
    quarantine.replay(home, WHO)
    quarantine.replay(home, WHO)
    world.digest(home, seal=False)
    (group,) = quarantine.groups(home, WHO)
    assert (group.waiting, group.replayed) == (0, 1)


def test_what_is_over_the_bound_is_counted_and_let_go(
    home: Home, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "REFUSED_BYTES", 250)
    monkeypatch.setattr(http, "REFUSED_LARGEST", 120)
    with opened(home) as door:
        for size in (100, 100, 100, 130):
            assert door.post("/v1/batch", b"{" * size, key=source.write_key).status == 400
        assert door.post("/v1/batch", GOOD, key=source.write_key).status == 200
        tally = door.collector.tally
        counts = {name: n for (_, _, name), n in tally._counts.items() if name.startswith("door_body")}
    assert counts == {"door_body_kept": 2, "door_body_let_go": 2}
    assert [len(raw) for _, _, raw in refused(home)] == [100, 100]


def test_the_bound_is_a_sources_own_and_an_hours() -> None:
    allowance = collect.Allowance(100, 80)
    now = clock.now().replace(minute=5)
    with clock.freeze(now):
        assert [allowance.take(1, 60), allowance.take(1, 60), allowance.take(2, 60)] == [True, False, True]
        assert not allowance.take(3, 81)
    with clock.freeze(now.replace(minute=59)):
        assert not allowance.take(1, 60)
    with clock.freeze(now.replace(hour=(now.hour + 1) % 24)):
        assert allowance.take(1, 60)


def test_a_body_of_nobody_we_know_is_not_kept(home: Home, door: Door) -> None:
    assert door.post("/v1/batch", b"{", key="nobody").status in (400, 401)
    assert door.post("/v1/batch", b"{").status in (400, 401)
    assert refused(home) == []


def test_an_empty_body_and_one_that_is_too_large_leave_nothing(
    home: Home, door: Door, source: Source
) -> None:
    assert door.post("/v1/batch", b"", key=source.write_key).status == 400
    too_large = b"{" * (home.settings.max_request_bytes + 1)
    assert door.post("/v1/batch", too_large, key=source.write_key).status == 413
    assert refused(home) == []
