"""Events of the collection protocol, taken apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.touchpoints.sentences import in_chinese
from zerodistance.core.touchpoints import scrub, times
from zerodistance.core.touchpoints.contracts import BUILT, Batch
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.sent import Sent
from zerodistance.kernel.home import Home

RECEIVED = times.parse_one("2026-11-21T12:00:00Z")
assert RECEIVED is not None


@pytest.fixture
def parser(home: Home) -> Iterator[Parser]:
    with home.engine.connect() as connection:
        yield Parser(connection, home.seal, lambda source: 2_000, "CNY")


def one(parser: Parser, *events: Any, sent_at: str | None = None, route: str = "batch") -> Batch:
    body = (
        {"batch": list(events), **({"sentAt": sent_at} if sent_at else {})} if route == "batch" else events[0]
    )
    return parser.parse([Sent(7, 3, route, RECEIVED, json.dumps(body).encode())])


def event(**said: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Product Viewed", "messageId": "m1", "userId": "u1", **said}


def row(batch: Batch) -> dict[str, Any]:
    assert batch.touches.num_rows == 1, batch.refused
    return dict(batch.touches.to_pylist()[0])


def test_an_event_fills_the_typed_columns(parser: Parser) -> None:
    found = one(
        parser,
        event(
            properties={
                "product_id": "W1",
                "category": "washer",
                "duration": 31.5,
                "kwh": 0.5,
                "warnings": 2,
                "colour": "white",
            },
            context={
                "library": {"name": "analytics-python"},
                "page": {"path": "/w1?token=1", "referrer": "https://Search.Example:8080/q?x=1"},
                "campaign": {"name": "autumn"},
                "ip": "10.1.2.3",
            },
        ),
    )
    got = row(found)
    assert found.touches.schema.equals(BUILT)
    assert (got["kind"], got["name"], got["source"], got["source_id"]) == (
        "product.viewed",
        "Product Viewed",
        3,
        "m1",
    )
    assert (got["product"], got["category"], got["duration"]) == ("W1", "washer", 31.5)
    assert (got["energy"], got["warnings"]) == (0.5, 2.0)
    assert (got["channel"], got["page"], got["referrer"], got["campaign"]) == (
        "analytics-python",
        "/w1",
        "search.example",
        "autumn",
    )
    assert json.loads(got["body"]) == {
        "product_id": "W1",
        "category": "washer",
        "duration": 31.5,
        "kwh": 0.5,
        "warnings": 2,
        "colour": "white",
    }
    assert "10.1.2.3" not in str(got)


def test_the_clock_rule_corrects_a_wrong_client_clock(parser: Parser) -> None:
    got = row(one(parser, event(timestamp="2026-11-21T13:00:00Z"), sent_at="2026-11-21T13:00:10Z"))
    assert got["happened_at"].isoformat() == "2026-11-21T11:59:50+00:00"
    assert got["sent_at"].isoformat() == "2026-11-21T13:00:10+00:00"
    assert got["original_at"].isoformat() == "2026-11-21T13:00:00+00:00"


def test_no_touch_lies_in_the_future(parser: Parser) -> None:
    found = one(parser, event(timestamp="2030-01-01T00:00:00Z"))
    assert row(found)["happened_at"] == row(found)["received_at"]
    assert found.counts[3, "clock_ahead"] == 1


PHONE = "13800002207"


@pytest.mark.parametrize(
    "body",
    [
        f'{{"batch":[{{"type":"{PHONE}","userId":"u"}}]}}',
        f'{{"batch":[{{"type":"track","userId":"u","timestamp":"{PHONE} 王"}}]}}',
        f'{{"batch":[{{"type":"track","userId":"u"}}],"sentAt":"call {PHONE}"}}',
        f'{{"batch":[{{"type":"track","userId":"u","timestamp":"call {PHONE}"}}]}}',
        f'{{"batch":[{{"type":"track","userId":{PHONE}x}}]}}',
        f'{{"batch":"{PHONE}"}}',
        f'{{"batch":[{{"type":"track","userId":"{PHONE}\xff"}}]}}',
        f'"{PHONE}"',
        f"{PHONE}x",
    ],
)
@pytest.mark.parametrize("route", ["batch", "track"])
def test_nothing_raw_stands_beside_the_sealed_row(parser: Parser, body: str, route: str) -> None:
    found = parser.parse([Sent(1, 3, route, RECEIVED, body.encode("utf-8").replace(b"\xc3\xbf", b"\xff"))])
    for refused in found.refused:
        assert not re.search("1380|2207|0000|王", refused.detail), refused.detail
        assert in_chinese(refused.detail), refused.detail


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"messageId": "m", "userId": "u"}, "no_type"),
        ({"type": "buy", "userId": "u"}, "unknown_type"),
        ({"type": "track", "event": "x"}, "no_identifier"),
        ({"type": "track", "userId": None, "anonymousId": None}, "no_identifier"),
        ({"type": "track", "userId": {"id": 1}}, "bad_type"),
        ({"type": "track", "userId": "u", "timestamp": "yesterday"}, "bad_timestamp"),
        ({"type": "track", "userId": "u", "sentAt": "soon"}, "bad_timestamp"),
        ({"type": "track", "userId": "u", "properties": {"long": "x" * 3_000}}, "too_large"),
        ("text", "not_an_object"),
        (None, "not_an_object"),
        ([1], "not_an_object"),
    ],
)
def test_a_bad_event_is_refused_with_its_reason_and_its_neighbours_stay(
    parser: Parser, said: Any, reason: str
) -> None:
    found = one(parser, event(messageId="a"), said, event(messageId="b"))
    assert [(r.reason, r.place, json.loads(r.raw)) for r in found.refused] == [(reason, "message 1", said)]
    assert in_chinese(found.refused[0].detail)
    assert found.touches["source_id"].to_pylist() == ["a", "b"]
    assert found.counts[3, "received"] == 3


def test_ids_may_be_numbers_and_a_missing_message_id_is_always_the_same(parser: Parser) -> None:
    found = one(parser, event(userId=42, messageId=None), event(messageId=17))
    assert found.signs.lists()[2] == ["42", "u1"]
    first, second = found.touches["source_id"].to_pylist()
    assert second == "17"
    again = one(parser, event(userId=42, messageId=None), event(messageId=17))
    assert again.touches["source_id"].to_pylist() == [first, "17"]
    assert again.fingerprints.tolist() == found.fingerprints.tolist()


def test_single_calls_take_their_type_from_the_route(parser: Parser) -> None:
    assert row(one(parser, {"name": "Home", "anonymousId": "a"}, route="page"))["kind"] == "page.viewed"
    assert (
        row(one(parser, {"event": "Order Completed", "anonymousId": "a"}, route="track"))["kind"]
        == "order.completed"
    )


def test_identify_traits_go_to_the_vault_and_nothing_raw_stays(parser: Parser) -> None:
    traits = {
        "email": "Li@Example.cn",
        "phone": "13912345678",
        "name": "李雷",
        "plan": "gold",
        "address": {"city": "青岛", "street": "海棠路 1"},
    }
    found = one(
        parser, {"type": "identify", "userId": "u", "traits": {**traits, "tags": ["a"]}, "messageId": "m"}
    )
    assert set(zip(*found.signs.lists()[1:], strict=True)) == {
        ("user_id", "u", "login"),
        ("email", "Li@Example.cn", "identify"),
        ("phone", "13912345678", "identify"),
    }
    assert set(zip(found.facts.field, found.facts.value, strict=True)) == {
        ("name", "李雷"), ("trait.plan", "gold"), ("city", "青岛"), ("address", "海棠路 1"),
    }  # fmt: skip
    assert json.loads(found.texts[0][1]) == {"tags": ["a"]}
    assert row(found)["body"] is None


def test_rudderstack_traits_in_the_context_count_as_well(parser: Parser) -> None:
    found = one(parser, {"type": "identify", "userId": "u", "context": {"traits": {"email": "a@b.cn"}}})
    assert found.signs.lists()[1] == ["user_id", "email"]


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ({"traits": {"locale": "en-GB"}, "context": {"locale": "zh-CN"}}, "en-GB"),
        ({"context": {"locale": "zh-CN", "traits": {"lang": "de"}}}, "de"),
        ({"traits": {"city": "Jinan"}, "context": {"locale": " zh-CN "}}, "zh-CN"),
        ({"context": {"locale": "x" * 101}}, None),
        ({"type": "track", "event": "Product Viewed", "context": {"locale": "zh-CN"}}, None),
    ],
)
def test_a_language_is_what_a_trait_says_else_that_of_the_app_which_names_somebody(
    parser: Parser, said: dict[str, Any], language: str | None
) -> None:
    facts = one(parser, {"type": "identify", "userId": "u", **said}).facts
    assert [v for f, v in zip(facts.field, facts.value, strict=True) if f == "language"] == (
        [] if language is None else [language]
    )


def test_an_alias_names_who_was_anonymous_before_and_invents_no_second_user(parser: Parser) -> None:
    found = one(parser, {"type": "alias", "userId": "new", "previousId": "old"})
    assert list(zip(*found.signs.lists()[1:], strict=True)) == [
        ("user_id", "new", "login"),
        ("anonymous_id", "old", "alias"),
    ]


def test_an_order_sums_its_lines(parser: Parser) -> None:
    lines = [
        {"product_id": "A", "category": "fridge", "quantity": 2},
        {"product_id": "B", "category": "fridge"},
    ]
    got = row(
        one(
            parser,
            event(event="Order Completed", properties={"order_id": 9, "total": 99.5, "products": lines}),
        )
    )
    assert (got["order_id"], got["amount"], got["currency"], got["quantity"]) == ("9", 99.5, "CNY", 3.0)
    assert (got["category"], got["product"]) == ("fridge", None)


def test_personal_data_in_properties_is_sealed(parser: Parser) -> None:
    found = one(parser, event(properties={"sku": "W1", "note": "please ring 13912345678", "by": "a@b.cn"}))
    assert json.loads(row(found)["body"]) == {"sku": "W1", "note": "[sealed]", "by": "[sealed]"}
    assert json.loads(found.texts[0][1])["by"] == "a@b.cn"


@pytest.mark.parametrize(
    "said",
    [
        {"openid": "oX4kz1"}, {"unionId": "u-1"}, {"member_id": "M1"}, {"device_id": "d1"}, {"imei": "86"}, {"wechat": "w"}, {"qq": 1},
        {"customerPhone": "12"}, {"receiver": "王"}, {"receiver_tel": "8"}, {"收货人": "王"}, {"联系人": "王"}, {"full_address": "x"},
        {"x": "139 1234 8001"}, {"x": "ring 139-1234-8001 now"}, {"x": "１３９１２３４８００１"}, {"x": "+86 139 1234 8001"},
    ],
)  # fmt: skip
def test_however_it_is_named_or_written_it_is_sealed(parser: Parser, said: dict[str, Any]) -> None:
    body = json.loads(row(one(parser, event(properties={"sku": "W1", **said})))["body"])
    assert body == {"sku": "W1", **dict.fromkeys(said, "[sealed]")}


def test_a_typed_column_holds_no_phone_and_equal_order_numbers_stay_equal(parser: Parser) -> None:
    said = {
        "order_id": "13912348001",
        "place": "li@example.com",
        "category": "13912348001",
        "fault": "a@b.cn",
        "product_id": "13912348001",
    }
    got = [row(one(parser, event(event="Order Completed", properties=said))) for _ in range(2)]
    for name in ("place", "category", "fault"):
        assert got[0][name] == "[sealed]"
    assert got[0]["order_id"] == got[1]["order_id"] == got[0]["product"]
    assert got[0]["order_id"].startswith("#") and "13912348001" not in json.dumps(got[0], default=str)
    plain = {
        "order_id": "SO-2026-0001",
        "place": "QD",
        "category": "fridge",
        "fault": "E4",
        "product_id": "6901234567892",
    }
    kept = row(one(parser, event(event="Order Completed", properties=plain)))
    assert [kept[n] for n in ("order_id", "place", "category", "fault", "product")] == list(plain.values())


def test_an_address_in_the_path_is_sealed(parser: Parser) -> None:
    assert row(one(parser, event(context={"page": {"path": "/reset/a@b.cn"}})))["page"] == "[sealed]"


def test_one_broken_event_does_not_hide_the_others(parser: Parser) -> None:
    body = b'{"batch":[{"type":"track","userId":"a","messageId":"1"},{"type":"track","userId":"\xff","messageId":"2"}]}'
    found = parser.parse([Sent(1, 3, "batch", RECEIVED, body)])
    assert found.touches["source_id"].to_pylist() == ["1"]
    assert [r.reason for r in found.refused] == ["not_json"]


class OnlySeed:
    fingerprint_seed = 5
    pseudonym = staticmethod(str.upper)


ANY_PARSER = Parser(duckdb.connect(), OnlySeed(), lambda source: 100_000, "CNY")  # type: ignore[arg-type]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    [
        "type",
        "messageId",
        "userId",
        "anonymousId",
        "event",
        "name",
        "timestamp",
        "sentAt",
        "properties",
        "traits",
        "context",
        "previousId",
        "groupId",
    ]
)


@given(
    st.lists(
        st.dictionaries(
            names, json_values | st.sampled_from(["track", "identify", "group", "alias"]), max_size=8
        )
        | json_values,
        max_size=6,
    )
)
def test_whatever_comes_is_a_touch_or_refused(events: list[Any]) -> None:
    body = json.dumps({"batch": events}).encode()
    found = ANY_PARSER.parse([Sent(1, 1, "batch", RECEIVED, body)])
    assert found.touches.num_rows + len(found.refused) == len(events)
    assert found.touches.schema.equals(BUILT)


@given(json_values)
def test_a_walked_value_has_no_mail_address(value: Any) -> None:
    clean = scrub.walk({"by": "a@b.cn", "x": value})
    assert "a@b.cn" not in json.dumps(clean)
    assert scrub.walk(clean) == clean


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-21T12:00:00.123456789Z", "2026-11-21T12:00:00.123457"),
        ("2026-11-21T20:00:00+08:00", "2026-11-21T12:00:00"),
        ("2026-11-21 12:00:00", "2026-11-21T12:00:00"),
        (1_795_262_400, "2026-11-21T12:00:00"),
        ("1795262400000", "2026-11-21T12:00:00"),
        (1_795_262_400_000_000, "2026-11-21T12:00:00"),
    ],
)
def test_times_are_read_in_the_forms_clients_send(given: str | int, expected: str) -> None:
    from datetime import datetime

    micros = times.parse_one(given)
    assert micros is not None
    assert abs(micros - round(datetime.fromisoformat(expected + "+00:00").timestamp() * 1e6)) <= 1


def test_an_empty_original_timestamp_is_none(parser: Parser) -> None:
    found = row(one(parser, event(originalTimestamp=" ", timestamp="2026-11-01T00:00:00Z")))
    assert str(found["original_at"]) == "2026-11-01 00:00:00+00:00"


@pytest.mark.parametrize("number", ["1.10", "1e2", "-0.50", "100000000000000000000.0"])
def test_a_number_as_an_id_stays_the_text_that_was_sent(parser: Parser, number: str) -> None:
    raw = b'{"batch":[{"type":"track","event":"a","userId":%s,"messageId":%s}]}'
    found = parser.parse([Sent(7, 3, "batch", RECEIVED, raw % (number.encode(), number.encode()))])
    assert found.signs.lists()[2] == [number] and row(found)["source_id"] == number


@pytest.mark.parametrize("text", ["1234e567-5eed-4c2a-8f3e-0123456789ab", "12.5e", "[a]", "{a}", "7e5 boxes"])
def test_a_text_that_looks_like_a_number_or_an_object_is_an_id_as_it_stands(
    parser: Parser, text: str
) -> None:
    found = one(parser, event(userId=text, messageId=text))
    assert found.signs.lists()[2] == [text] and row(found)["source_id"] == text


def test_ids_that_are_empty_are_no_ids(parser: Parser) -> None:
    kept = one(parser, event(userId="", anonymousId="a1", previousId=""))
    assert kept.signs.lists()[1:3] == (["anonymous_id"], ["a1"])
    nobody = one(parser, event(userId="", anonymousId=""))
    assert [refused.reason for refused in nobody.refused] == ["no_identifier"]


def test_the_context_of_a_batch_is_that_of_its_events_but_what_they_say_themselves_stands(
    parser: Parser,
) -> None:
    body = {
        "batch": [event(messageId="m1"), event(messageId="m2", context={"library": {"name": "own"}})],
        "context": {"library": {"name": "analytics-go"}, "campaign": {"name": "autumn"}},
        "integrations": {"All": False},
    }
    found = parser.parse([Sent(7, 3, "batch", RECEIVED, json.dumps(body).encode())]).touches.to_pylist()
    assert [(t["channel"], t["campaign"]) for t in found] == [("analytics-go", "autumn"), ("own", "autumn")]


@pytest.mark.parametrize("context", ["x", 5, [], None, {"library": 5}])
def test_a_context_of_a_batch_that_is_none_harms_nothing(parser: Parser, context: Any) -> None:
    body = {"batch": [event()], "context": context}
    assert row(parser.parse([Sent(7, 3, "batch", RECEIVED, json.dumps(body).encode())]))["source_id"] == "m1"


def test_an_event_on_a_route_for_any_type_names_its_own(parser: Parser) -> None:
    assert row(one(parser, event(type="identify"), route="event"))["kind"] == "profile.updated"
    assert [r.reason for r in one(parser, {"userId": "u"}, route="event").refused] == ["no_type"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T20:00:00.1234567+08:00",  # .NET
        "2026-11-21T12:00:00.123456789Z",  # Go
        "2026-11-21T12:00:00.123+0000",  # Objective-C, Java
        "2026-11-21T12:00:00.123Z",
        "2026-11-21 12:00:00.123 UTC",  # Ruby's to_s
        "2026-11-21 12:00:00.123 +0000",
    ],
)
def test_times_are_read_in_the_forms_that_clients_of_other_languages_write(text: str) -> None:
    found = times.parse_one(text)
    assert found is not None
    assert found // 1_000 == RECEIVED // 1_000 + 123
