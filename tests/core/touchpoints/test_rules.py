"""Who a request says it is, and which origins match."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.touchpoints import rules


def _candidates(authorization: str = "", x_write_key: str = "", query: str = "") -> list[str]:
    return list(rules.key_candidates(authorization, x_write_key, query))


def test_the_basic_user_is_the_key_with_or_without_a_password() -> None:
    assert _candidates("Basic " + base64.b64encode(b"key:").decode()) == ["key"]
    assert _candidates("basic " + base64.b64encode(b"key:secret").decode().rstrip("=")) == ["key"]


def test_the_header_that_clients_send_reads_back_as_the_key() -> None:
    assert rules.basic_user(rules.header_value("0f" * 16).decode()) == "0f" * 16


def test_other_authorizations_name_no_key() -> None:
    assert _candidates("Bearer abc") == []
    assert _candidates("Basic ***") == []
    assert _candidates("Basic " + base64.b64encode(b"\xff\xfe:").decode()) == []


def test_x_write_key_may_be_the_key_or_either_half_of_id_and_secret() -> None:
    assert _candidates(x_write_key="key") == ["key"]
    assert _candidates(x_write_key="id:secret") == ["id:secret", "secret", "id"]


def test_basic_comes_before_x_write_key_before_the_query() -> None:
    authorization = "Basic " + base64.b64encode(b"a:").decode()
    assert _candidates(authorization, "b", "x=1&writeKey=c") == ["a", "b", "c"]


@given(st.text(), st.text(), st.text())
def test_no_header_or_query_breaks_the_reading(authorization: str, x_write_key: str, query: str) -> None:
    assert all(
        isinstance(key, str) for key in rules.key_candidates("Basic " + authorization, x_write_key, query)
    )


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("https://Shop.Example.com/", "https://shop.example.com"),
        ("https://shop.example.com:443", "https://shop.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://*.example.com", "https://*.example.com"),
        ("*", "*"),
        ("shop.example.com", None),
        ("https://shop.example.com/path", None),
        ("https://*", None),
        ("ftp://shop.example.com", None),
        ("https://a..b", None),
        ("", None),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(given: str, clean: str | None) -> None:
    assert rules.clean_origin(given) == clean


def test_a_star_for_subdomains_does_not_open_the_domain_itself_nor_its_lookalikes() -> None:
    allowed = ("https://*.example.com",)
    assert rules.origin_allowed("https://a.b.example.com", allowed)
    assert not rules.origin_allowed("https://example.com", allowed)
    assert not rules.origin_allowed("https://evilexample.com", allowed)
    assert not rules.origin_allowed("http://a.example.com", allowed)


def test_without_origins_no_page_may_send() -> None:
    assert not rules.origin_allowed("https://shop.example.com", ())
    assert rules.origin_allowed("null", ("*",))


def test_a_preflight_hears_our_headers_and_the_rsa_family_only() -> None:
    asked = "Content-Type, RSA-Session, SentAt, rsa-\r\nset-cookie, a b, " + ", ".join(
        f"x{n}" for n in range(99)
    )
    told = rules.reflected_headers(asked).split(", ")
    assert {"authorization", "content-type", "x-write-key", "rsa-session", "sentat"} <= set(told)
    assert not {"a b", "x98"} & set(told)
    assert len(told) == len(set(told))
    assert not any("\n" in name for name in told)


def test_every_reason_and_counter_has_words_in_both_languages() -> None:
    for text in [*rules.REASONS.values(), *rules.COUNTERS.values()]:
        assert text.zh
        assert text.en
