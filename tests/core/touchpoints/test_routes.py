"""The routes besides those of the Segment SDKs on servers: batching, mobile, Jitsu, RudderStack, pixel, metrics, settings."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from tests.core.touchpoints.doors import Door, basic, make_source, opened
from zerodistance.core.touchpoints import answers, routes, store, writer
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.core.touchpoints.journal import REFUSED
from zerodistance.kernel.home import Home

EVENT = {"type": "track", "event": "e", "messageId": "m1", "anonymousId": "v"}
BATCH = {"batch": [EVENT]}
SHOP = "https://shop.example.com"
TYPES = ["alias", "group", "identify", "page", "screen", "track"]


@pytest.fixture
def source(home: Home) -> Source:
    return make_source(home, origins=[SHOP])


@pytest.fixture
def door(home: Home, source: Source) -> Iterator[Door]:
    with opened(home) as running:
        yield running


def _counted(door: Door, counter: str) -> dict[int, int]:
    door.collector.tally.flush()
    t = store.source_hour
    with door.home.state.read() as tx:
        return {row.source: row.value for row in tx.execute(select(t).where(t.c.counter == counter))}


def _data(event: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(event).encode()).decode().rstrip("=")


def test_kotlin_and_swift_send_gzipped_batches_as_text_with_the_key_in_the_body_alone(
    door: Door, source: Source
) -> None:
    body = gzip.compress(json.dumps({**BATCH, "writeKey": source.write_key, "sentAt": "2026-11-21"}).encode())
    headers = {"content-type": "text/plain; charset=utf-8", "content-encoding": "gzip"}
    for path in ("/v1/b", "/v1/import", "/v1/import/", "/v1//batch"):
        assert door.post(path, body, headers).status == 200
    assert [row.route for row in door.rows()] == ["batch"] * 4


@pytest.mark.parametrize("letter", "tipsga")
def test_one_letter_takes_the_key_from_the_body_too(door: Door, source: Source, letter: str) -> None:
    assert door.post(f"/v1/{letter}", {"userId": "u", "writeKey": source.write_key}).status == 200
    assert [row.route[0] for row in door.rows()] == [letter]


@pytest.mark.parametrize("prefix", ["/api/s/", "/api/s/s2s/"])
def test_jitsu_names_the_type_in_the_path_and_masks_the_key_in_the_body(
    door: Door, source: Source, prefix: str
) -> None:
    headers = {"x-write-key": f"{source.write_key}:secret"}
    masked = {"userId": "u", "writeKey": f"{source.write_key}:***"}
    for name in TYPES:
        assert door.post(prefix + name, masked, headers).status == 200
    assert door.post(prefix + "event", {**EVENT, **masked}, headers).status == 200
    assert [row.route for row in door.rows()] == [*TYPES, "event"]


def test_a_beacon_of_rudderstack_names_the_key_in_its_address(door: Door, source: Source) -> None:
    answer = door.post(
        "/beacon/v1/batch",
        BATCH,
        {"origin": SHOP, "content-type": "text/plain"},
        query=f"writeKey={source.write_key}",
    )
    assert answer.status == 200
    assert door.events() == [EVENT]


@pytest.mark.parametrize("path", ["/sourceConfig", "/sourceConfig/"])
def test_rudderstack_finds_a_source_without_destinations(door: Door, source: Source, path: str) -> None:
    headers = {"origin": SHOP, "host": "touch.example.com"}
    by_query = door.ask("GET", path, headers=headers, query=f"p=web&v=3&writeKey={source.write_key}")
    by_header = door.ask("GET", path, headers={**headers, "authorization": basic(source.write_key)})
    assert by_query.json == by_header.json
    found = by_query.json["source"]
    assert (found["writeKey"], found["enabled"], found["destinations"]) == (source.write_key, True, [])
    assert found["config"]["statsCollection"]["errors"]["enabled"] is False
    assert by_query.headers["access-control-allow-origin"] == SHOP
    assert door.ask("GET", path, query="writeKey=nobody").status == 401


def test_settings_name_the_door_so_that_one_address_is_enough(door: Door, source: Source) -> None:
    path = f"/v1/projects/{source.write_key}/settings"
    found = door.ask("GET", path, headers={"host": "touch.example.com:8420"}).json["integrations"]
    assert found["Segment.io"]["apiHost"] == "touch.example.com:8420/v1"
    for host in ("", "a b", "evil.example/x", 'a"b'):
        assert (
            "apiHost" not in door.ask("GET", path, headers={"host": host}).json["integrations"]["Segment.io"]
        )
    assert door.ask("HEAD", path).body == b""


def test_a_pixel_is_a_touch_and_always_a_picture(door: Door, source: Source) -> None:
    key = source.write_key
    event = {"userId": "u", "event": "Email Opened"}
    good = [
        door.ask("GET", "/v1/pixel/track", query="data=" + _data({**event, "writeKey": key})),
        door.ask("GET", "/v1/pixel/t/", query=f"writeKey={key}&data={_data(event)}"),
        door.ask(
            "GET",
            "/v1/pixel/page",
            query="data="
            + base64.b64encode(json.dumps({**event, "writeKey": key, "x": "???>"}).encode()).decode(),
        ),
    ]
    bad = [
        door.ask("GET", "/v1/pixel/track", query="data=" + _data(event)),
        door.ask("GET", "/v1/pixel/track", query=f"writeKey={key}"),
        door.ask("GET", "/v1/pixel/track", query=f"writeKey={key}&data=%00%00"),
        door.ask("GET", "/v1/pixel/track", query=f"writeKey={key}&data=%C2%9D%C3%A9"),
        door.ask("GET", "/v1/pixel/track", query=f"writeKey={key}&data=e3t7"),
    ]
    assert [a.status for a in good] == [200] * 3
    assert [(a.status, a.headers["x-error"]) for a in bad] == [
        (401, "unknown_key"),
        (400, "no_data"),
        (400, "no_data"),
        (400, "no_data"),
        (400, "not_json"),
    ]
    assert {(a.body, a.headers["content-type"], a.headers["cache-control"]) for a in good + bad} == {
        (answers.PIXEL, "image/gif", "no-store")
    }
    assert [row.route for row in door.rows()] == ["track", "track", "page", "track"]
    assert all(json.loads(row.body)["event"] == "Email Opened" for row in door.rows()[:3])
    assert (door.rows()[3].encoding, door.rows()[3].body) == (REFUSED, b"{{{")  # on its way to the quarantine


def test_a_head_request_of_a_pixel_is_no_touch(door: Door, source: Source) -> None:
    answer = door.ask("HEAD", "/v1/pixel/track", query="data=" + _data({"writeKey": source.write_key}))
    assert (answer.status, answer.body, answer.headers["content-length"]) == (
        200,
        b"",
        str(len(answers.PIXEL)),
    )
    assert door.rows() == []


@pytest.mark.parametrize("path", ["/v1/m", "/rsaMetrics"])
def test_metrics_are_counted_and_become_no_touch(door: Door, path: str) -> None:
    assert door.post(path, {"series": [{"metric": "a"}, {"metric": "b"}]}).body == answers.OK
    assert door.post(path, {}).status == 200
    assert door.post(path, b"[").status == 400
    assert door.rows() == []
    assert _counted(door, "door_metrics") == {0: 2}


def test_every_route_answers_preflights_of_allowed_pages(door: Door) -> None:
    asked = {
        "origin": SHOP,
        "access-control-request-method": "POST",
        "access-control-request-headers": "anonymousid,authorization,content-type,sentat,x-enable-debug",
    }
    for path, route in routes.table():
        answer = door.ask("OPTIONS", path.replace("{key}", "k"), headers=asked)
        is_settings = route is routes.SETTINGS
        assert (answer.status, "access-control-allow-origin" in answer.headers) == (204, True), path
        allowed = set(answer.headers["access-control-allow-headers"].split(", "))
        assert {"anonymousid", "sentat", "x-enable-debug", "x-write-key"} <= allowed
        assert is_settings or set(route.methods) <= set(
            answer.headers["access-control-allow-methods"].split(", ")
        )


def test_pages_may_read_when_to_come_again(door: Door, source: Source) -> None:
    answer = door.post("/v1/t", EVENT, {"origin": SHOP}, key=source.write_key)
    assert "retry-after" in answer.headers["access-control-expose-headers"].split(", ")


def test_clients_that_never_send_again_are_refused_last(door: Door, source: Source) -> None:
    door.collector.writer.trouble = writer.JournalFull
    key = {"x-write-key": source.write_key}
    impatient = ["/api/s/track", "/beacon/v1/batch"]
    usual = [door.post(path, BATCH, key).status for path in ("/v1/batch", "/v1/track", *impatient)]
    door.collector.writer.trouble_last = writer.JournalFull
    assert usual == [429, 429, 200, 200]
    assert [door.post(path, BATCH, key).status for path in impatient] == [429, 429]


def test_memory_too_keeps_its_last_tenth_for_them(door: Door, source: Source) -> None:
    door.collector.inflight = door.home.settings.max_inflight_bytes * 95 // 100
    key = {"x-write-key": source.write_key}
    found = [door.post(path, BATCH, key).status for path in ("/v1/batch", "/beacon/v1/batch")]
    door.collector.inflight = 0
    assert found == [429, 200]


def test_a_wrong_method_names_those_that_are_right(door: Door) -> None:
    for path, allowed in (
        ("/v1/pixel/track", "GET, HEAD, OPTIONS"),
        ("/sourceConfig/", "GET, HEAD, OPTIONS"),
        ("/api/s/track", "POST, OPTIONS"),
    ):
        answer = door.ask("PUT", path)
        assert (answer.status, answer.headers["allow"]) == (405, allowed)
