"""Published clients, unmodified, against a real server: what they send is in the journal exactly once."""

from __future__ import annotations

import json
import logging
import subprocess
from typing import Any

import pytest

from tests.clients.serving import served
from tests.core.touchpoints.doors import make_source
from tests.needs import CLIENTS, node
from zerodistance.core.touchpoints import bodies
from zerodistance.core.touchpoints.journal import Journal
from zerodistance.kernel.home import Home

ALL_TYPES = ["alias", "group", "identify", "page", "screen", "track"]


def _events(home: Home) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for row in Journal.of(home).read(0):
        body = json.loads(bodies.unpack(row.body, row.encoding, 1 << 24))
        assert row.events == len(body["batch"])
        found += body["batch"]
    return found


@pytest.mark.parametrize("packed", [False, True])
def test_segment_analytics_python_delivers_every_type(home: Home, packed: bool) -> None:
    client_module = pytest.importorskip("segment.analytics.client")
    source, errors = make_source(home, kind="server"), []
    with served(home) as address:
        client = client_module.Client(
            source.write_key,
            host=address,
            gzip=packed,
            on_error=lambda error, _: errors.append(error),
            max_retries=1,
        )
        client.track("member", "Product Viewed", {"product_id": "BCD-500"})
        client.identify("member", {"phone": "13800000000"}, anonymous_id="visitor")
        client.page("member", "shop", "Home", {"path": "/"})
        client.screen("member", "shop", "Start")
        client.group("member", "family", {"size": 3})
        client.alias("old", "member")
        client.shutdown()
    found = _events(home)
    assert errors == []
    assert sorted(event["type"] for event in found) == ALL_TYPES
    assert len({event["messageId"] for event in found}) == 6
    assert next(e for e in found if e["type"] == "identify")["traits"] == {"phone": "13800000000"}
    assert {row.encoding for row in Journal.of(home).read(0)} == {"gzip" if packed else ""}


def test_segment_analytics_python_hears_of_a_wrong_key(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    client_module = pytest.importorskip("segment.analytics.client")
    caplog.set_level(logging.CRITICAL, logger="segment")
    errors: list[Exception] = []
    with served(home) as address:
        client = client_module.Client("0" * 32, host=address, on_error=lambda error, _: errors.append(error))
        client.track("member", "Product Viewed")
        client.shutdown()
    (error,) = errors
    assert (error.status, error.code) == (401, "unknown_key")  # type: ignore[attr-defined]


@pytest.mark.node
def test_segment_analytics_node_delivers_every_type(home: Home) -> None:
    source, path = make_source(home, kind="server"), node()
    assert path is not None
    with served(home) as address:
        command = [path, str(CLIENTS / "send.mjs"), address, source.write_key]
        done = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = _events(home)
    assert sorted(event["type"] for event in found) == ALL_TYPES
    assert len({event["messageId"] for event in found}) == 6
    assert next(e for e in found if e["type"] == "track")["properties"] == {"product_id": "BCD-500"}
