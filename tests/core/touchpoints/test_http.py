"""The collection protocol at the door: routes, keys, packing, CORS, answers, limits."""

from __future__ import annotations

import gzip
import json
import sqlite3
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.core.touchpoints.doors import SYSTEM, Door, basic, make_source, opened
from zerodistance.core.touchpoints import bodies, http, routes, sources, store, writer
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.kernel.home import Home

EVENT = {"type": "track", "event": "e", "messageId": "m1", "anonymousId": "v"}
BATCH = {"batch": [EVENT], "sentAt": "2026-11-21T00:00:00Z"}
OK = b'{"success": true}'
SHOP = "https://shop.example.com"


@pytest.fixture
def source(home: Home) -> Source:
    """A source that takes touches from one web origin."""
    return make_source(home, origins=[SHOP])


@pytest.fixture
def door(home: Home, source: Source) -> Iterator[Door]:
    """A running door."""
    with opened(home) as running:
        yield running


def _counted(door: Door, counter: str) -> dict[int, int]:
    door.collector.tally.flush()
    t = store.source_hour
    with door.home.state.read() as tx:
        return {row.source: row.value for row in tx.execute(select(t).where(t.c.counter == counter))}


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/batch/"])
def test_a_batch_is_in_the_journal_as_it_was_sent(door: Door, source: Source, path: str) -> None:
    raw = gzip.compress(json.dumps(BATCH).encode())
    answer = door.post(path, raw, {"content-encoding": "gzip"}, key=source.write_key)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, OK, "application/json")
    (row,) = door.rows()
    assert (row.source, row.route, row.events, row.encoding, row.body) == (
        source.number,
        "batch",
        1,
        "gzip",
        raw,
    )


@pytest.mark.parametrize("name", ["track", "identify", "page", "screen", "group", "alias"])
def test_every_type_has_a_route_and_a_route_of_one_letter(door: Door, source: Source, name: str) -> None:
    for path in (f"/v1/{name}", f"/v1/{name[0]}"):
        assert door.post(path, {"userId": "u"}, key=source.write_key).body == OK
    assert [row.route for row in door.rows()] == [name, name]


def test_the_key_may_stand_in_four_places(door: Door, source: Source) -> None:
    key = source.write_key
    answers = [
        door.post("/v1/batch", BATCH, {"authorization": basic(key)}),
        door.post("/v1/batch", {**BATCH, "writeKey": key}),
        door.post("/v1/track", {**EVENT, "writeKey": key}),
        door.post("/v1/batch", {**BATCH, "writeKey": f"{key}:***"}, {"x-write-key": f"{key}:secret"}),
        door.post("/v1/batch", BATCH, {"x-write-key": key}),
        door.post("/v1/batch", BATCH, query=f"a=b&writeKey={key}"),
        door.post("/v1/batch", BATCH, {"authorization": "Bearer of something else"}, query=f"writeKey={key}"),
    ]
    assert [answer.status for answer in answers] == [200] * 7
    assert len(door.rows()) == 7


def test_an_unknown_or_missing_key_is_401_and_counted_for_nobody(door: Door) -> None:
    for answer in (
        door.post("/v1/batch", BATCH, key="0" * 32),
        door.post("/v1/batch", BATCH),
        door.post("/v1/batch", {**BATCH, "writeKey": 5}),
        door.post("/v1/batch", BATCH, {"authorization": "Basic %%%", "x-write-key": ":"}),
    ):
        assert answer.status == 401
        assert answer.json["code"] == "unknown_key"
        assert answer.json["message"]
    assert door.rows() == []
    assert _counted(door, "door_401") == {0: 4}


def test_a_source_that_was_just_made_is_known_at_its_first_request(door: Door) -> None:
    for n in range(3):
        assert door.post("/v1/batch", BATCH, key=make_source(door.home, f"new{n}").write_key).status == 200


def test_many_unknown_keys_do_not_mean_many_looks_at_the_table(door: Door) -> None:
    began = time.monotonic()
    for n in range(4):
        door.post("/v1/track", EVENT, key=f"{n:032x}")
    assert time.monotonic() - began > 3 * 0.15


def test_a_source_that_is_switched_off_is_refused_within_a_second_and_by_name(
    door: Door, source: Source
) -> None:
    sources.switch_off(door.home, SYSTEM, source.key)
    door.collector.keys.look()
    answer = door.post("/v1/batch", BATCH, key=source.write_key)
    assert (answer.status, answer.json["code"]) == (401, "source_off")
    assert _counted(door, "door_401") == {source.number: 1}


def test_content_type_does_not_matter_and_packing_is_seen_from_the_bytes(door: Door, source: Source) -> None:
    raw = json.dumps(BATCH).encode()
    for body, headers in (
        (raw, {"content-type": "text/plain"}),
        (gzip.compress(raw), {"content-type": "application/x-www-form-urlencoded"}),
        (raw, {"content-encoding": "gzip"}),
        (zlib.compress(raw), {"content-encoding": "deflate"}),
        ([raw[:5], b"", raw[5:]], {}),
    ):
        assert door.post("/v1/batch", body, headers, key=source.write_key).status == 200
    assert door.events() == [EVENT] * 5


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[]", "not_an_object"),
        (b"{}", "not_a_batch"),
        (b'{"batch": 1}', "not_a_batch"),
        (gzip.compress(b"{}")[:-3], "bad_encoding"),
    ],
)
def test_what_can_not_be_read_is_400_with_code_and_message(
    door: Door, source: Source, body: bytes, code: str
) -> None:
    answer = door.post("/v1/batch", body, key=source.write_key)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert _counted(door, "door_400") == {source.number: 1}


def test_errors_are_told_in_the_language_that_is_asked_for(door: Door, source: Source) -> None:
    answer = door.post("/v1/batch", b"[]", {"accept-language": "zh-CN,zh;q=0.9"}, key=source.write_key)
    assert "JSON 对象" in answer.json["message"]


def test_a_batch_with_bad_events_is_taken_whole_and_an_empty_one_leaves_no_row(
    door: Door, source: Source
) -> None:
    assert door.post("/v1/batch", {"batch": [1, None, EVENT, {}]}, key=source.write_key).status == 200
    assert door.post("/v1/batch", {"batch": []}, key=source.write_key).status == 200
    assert [row.events for row in door.rows()] == [4]


def test_too_much_is_413(home: Home, source: Source) -> None:
    smaller = {"max_request_bytes": 2_000, "max_body_bytes": 5_000}
    object.__setattr__(home, "settings", home.settings.model_copy(update=smaller))
    with opened(home) as door:
        for body, headers in (
            (b"x" * 2_001, {}),
            (b"", {"content-length": "2001"}),
            ([b"x" * 1_500] * 3, {}),
            (gzip.compress(b" " * 5_001), {}),
        ):
            answer = door.post("/v1/batch", body, headers, key=source.write_key)
            assert (answer.status, answer.json["code"]) == (413, "too_large")
        assert door.collector.inflight == 0
        assert _counted(door, "door_413") == {source.number: 4}


def test_too_many_events_are_413(door: Door, source: Source) -> None:
    answer = door.post("/v1/batch", {"batch": [0] * (bodies.MAX_EVENTS + 1)}, key=source.write_key)
    assert (answer.status, answer.json["code"]) == (413, "too_many_events")


def test_memory_disk_and_journal_are_kept_by_429_with_whole_seconds(door: Door, source: Source) -> None:
    door.collector.inflight = door.home.settings.max_inflight_bytes
    answers = [
        door.post("/v1/batch", BATCH, {"content-length": "100"}, key=source.write_key),
        door.post("/v1/batch", [b"{", b"}"], key=source.write_key),
    ]
    door.collector.inflight = 0
    for trouble in (writer.DiskShort, writer.JournalFull):
        door.collector.writer.trouble = door.collector.writer.trouble_last = trouble
        answers.append(door.post("/v1/batch", BATCH, key=source.write_key))
    assert [answer.status for answer in answers] == [429] * 4
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    assert door.rows() == []
    assert sum(_counted(door, "door_429").values()) == 4


def test_a_write_that_fails_is_503_and_never_200(
    door: Door, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(writer, "_insert", full)
    answer = door.post("/v1/batch", BATCH, key=source.write_key)
    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (503, "journal_failed", "5")


def test_a_body_that_is_never_finished_is_given_up(
    home: Home, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0)
    with opened(home) as door:
        answer = door.post("/v1/batch", [b"{"] * 1_000, key=source.write_key)
        assert (answer.status, answer.json["code"]) == (408, "too_slow")
        assert door.collector.inflight == 0


def test_a_body_that_never_begins_is_given_up(
    home: Home, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.05)
    with opened(home) as door:
        answer = door.post("/v1/batch", None, key=source.write_key)
        assert (answer.status, answer.json["code"]) == (408, "too_slow")


def test_twelve_thousand_small_events_are_one_batch(door: Door, source: Source) -> None:
    body = json.dumps({"batch": [EVENT] * 12_000}).encode()
    assert len(body) > 800_000
    assert door.post("/v1/batch", body, key=source.write_key).status == 200
    assert door.rows()[0].events == 12_000


def test_four_mebibytes_of_the_shortest_events_are_one_batch(door: Door, source: Source) -> None:
    event = b'{"type":"track","event":"e","userId":"u"}'
    body = b'{"batch":[' + b",".join([event] * ((4 << 20) // (len(event) + 1) - 1)) + b"]}"
    assert door.post("/v1/batch", body, key=source.write_key).status == 200


def test_half_an_emoji_is_taken_in(door: Door, source: Source) -> None:
    cut = rb'{"batch":[{"type":"track","event":"\ud83d","userId":"u"}]}'
    assert door.post("/v1/batch", cut, key=source.write_key).status == 200


def test_the_journal_knows_how_large_a_packed_body_is(door: Door, source: Source) -> None:
    raw = json.dumps({**BATCH, "pad": " " * (1 << 20)}).encode()
    assert door.post("/v1/batch", gzip.compress(raw), key=source.write_key).status == 200
    with sqlite3.connect(door.home.path("journal.db")) as connection:
        assert connection.execute("select unpacked from row").fetchall() == [(len(raw),)]


def test_a_page_of_an_allowed_origin_hears_its_origin_and_others_are_403(door: Door, source: Source) -> None:
    answer = door.post("/v1/track", EVENT, {"origin": SHOP}, key=source.write_key)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["vary"] == "Origin"
    for where in ({"key": source.write_key}, {}):
        other = door.post(
            "/v1/track", {**EVENT, "writeKey": source.write_key}, {"origin": "https://other.example"}, **where
        )
        assert (other.status, other.json["code"]) == (403, "origin_not_allowed")
        assert "access-control-allow-origin" not in other.headers
    assert len(door.rows()) == 1


def test_a_preflight_reflects_an_origin_that_some_source_allows(door: Door) -> None:
    asked = {
        "origin": SHOP,
        "access-control-request-headers": "authorization,rsa-x",
        "access-control-request-method": "POST",
    }
    answer = door.ask("OPTIONS", "/v1/t", headers=asked)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert {"authorization", "content-type", "x-write-key", "rsa-x"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )
    other = door.ask("OPTIONS", "/v1/t", headers={**asked, "origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers


def test_errors_reach_the_pages_of_allowed_origins_too(door: Door, source: Source) -> None:
    answer = door.post("/v1/track", b"[]", {"origin": SHOP}, key=source.write_key)
    assert answer.status == 400
    assert answer.headers["access-control-allow-origin"] == SHOP


def test_wrong_methods_and_paths_are_json_errors(door: Door) -> None:
    answer = door.ask("GET", "/v1/batch")
    assert (answer.status, answer.json["code"], answer.headers["allow"]) == (
        405,
        "wrong_method",
        "POST, OPTIONS",
    )
    answer = door.ask("POST", "/v1/nothing")
    assert (answer.status, answer.json["code"]) == (404, "no_such_path")
    assert not door.collector.handles("/v1/persons/lookup")
    assert door.collector.handles("/v1/batch")


@pytest.mark.parametrize("prefix", ["/v1/projects/", "/projects/"])
def test_browser_clients_get_the_settings_they_wait_for(door: Door, source: Source, prefix: str) -> None:
    answer = door.ask("GET", f"{prefix}{source.write_key}/settings", headers={"origin": SHOP})
    assert answer.json["integrations"]["Segment.io"]["apiKey"] == source.write_key
    assert answer.json["metrics"]["sampleRate"] == 0
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert door.ask("GET", f"{prefix}{'0' * 32}/settings").status == 401


def test_what_is_accepted_is_counted_by_source(door: Door, source: Source) -> None:
    for _ in range(3):
        door.post("/v1/batch", {"batch": [EVENT, EVENT]}, key=source.write_key)
        assert _counted(door, "door_200")
    assert _counted(door, "door_200") == {source.number: 3}
    assert _counted(door, "door_events") == {source.number: 6}


@pytest.fixture(scope="module")
def any_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, Source]]:
    """One door for many random requests."""
    from zerodistance.kernel.home import create_home
    from zerodistance.kernel.settings import load
    from zerodistance.kernel.state import metadata

    made = create_home(load(home=tmp_path_factory.mktemp("any") / "home"))
    metadata.create_all(made.state.engine)
    source = make_source(made)
    with opened(made) as running:
        yield running, source
    made.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)
ANY_BODY = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=300).map(gzip.compress),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({"batch": JSON, "writeKey": JSON}).map(lambda value: json.dumps(value).encode()),
    st.lists(JSON, max_size=5).map(
        lambda values: json.dumps({"batch": values}).encode("utf-8", "surrogatepass")
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=ANY_BODY,
    route=st.sampled_from([*sorted(routes.POSTED), "/v1/m", "/v1//batch"]),
    encoding=st.sampled_from(["", "gzip", "deflate", "br", "GZIP, x"]),
)
def test_no_bytes_ever_give_500(
    any_door: tuple[Door, Source], body: bytes, route: str, encoding: str
) -> None:
    door, source = any_door
    answer = door.post(route, body, {"content-encoding": encoding}, key=source.write_key)
    assert answer.status in (200, 400, 413)
    assert answer.json.keys() >= ({"success"} if answer.status == 200 else {"code", "message"})
    assert door.collector.inflight == 0
