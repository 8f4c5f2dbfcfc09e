"""Published clients for Python, unmodified: python send.py CLIENT ADDRESS KEY calls|COUNT, see send.mjs."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Any

WHEN = datetime(2026, 11, 20, 8, tzinfo=UTC)
PHONE = "13912345601"


def make(name: str, host: str, key: str, on_error: Any, packed: bool) -> Any:
    """Return the client of a package."""
    if name == "segment":
        from segment.analytics.client import Client as Segment

        return Segment(
            key, host=host, gzip=packed, on_error=on_error, upload_size=4, upload_interval=0.2, max_retries=20
        )
    from rudderstack.analytics.client import Client as Rudder

    return Rudder(
        key, host=host, gzip=packed, on_error=on_error, upload_size=4, upload_interval=0.2, max_retries=20
    )


def main(name: str, host: str, key: str, what: str, packed: str = "") -> int:
    """Send, and return how many errors the client told of."""
    errors: list[Exception] = []
    client = make(name, host, key, lambda error, _: errors.append(error), bool(packed))
    member, visitor = f"member-{name}-python", f"visitor-{name}-python"
    if what == "calls":
        at = {"timestamp": WHEN}
        client.track(anonymous_id=visitor, event="Product Viewed", properties={"product_id": "BCD-500"}, **at)
        client.identify(member, {"phone": PHONE}, anonymous_id=visitor, **at)
        client.page(member, "shop", "Home", {"path": "/"}, **at)
        client.screen(member, "shop", "Start", **at)
        client.group(member, "family", {"size": 3}, **at)
        client.alias(visitor, member, **at)
    for n in range(0 if what == "calls" else int(what)):
        client.track(member, "Counted", {"n": n}, timestamp=WHEN)
        time.sleep(0.025)
    client.flush()
    client.join()
    print(*errors, sep="\n", file=sys.stderr)
    return len(errors)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
