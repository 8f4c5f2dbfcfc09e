"""Sources: the places touches come from, each with a write key, an owner unit and a policy."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from zerodistance.core.brand import api as brand
from zerodistance.core.touchpoints import rules, store
from zerodistance.core.touchpoints.contracts import KINDS_OF_SOURCE, OWN_SOURCE, Source
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Forbidden, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.state import upsert
from zerodistance.kernel.text import Text

EVENT_BYTES = 32_768  # the protocol's policy: 32 KB an event
EVENT_BYTES_BOUNDS = (256, 4 << 20)  # own value
LIMIT_BOUNDS = (1, 2_000_000_000)  # own value
FRESH_BOUNDS = (1, 10 * 366 * 86_400)  # own value: ten years, seconds
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_OURS = Text("本平台", "This platform")
_FIELDS = {
    "key": Text("标识", "key"),
    "name": Text("名称", "name"),
    "kind": Text("类型", "kind"),
    "unit": Text("小微", "unit"),
    "origins": Text("允许的网页来源", "origins"),
    "event_bytes": Text("单条大小上限", "event size"),
    "fresh_seconds": Text("新鲜度", "freshness"),
    "events_per_second": Text("每秒上限", "limit a second"),
    "burst": Text("突发上限", "burst"),
    "events_per_day": Text("每天上限", "limit a day"),
}


class WrongSource(ZeroDistanceError):
    """A source was described with a value it may not have."""

    code, status = "wrong_source", 400
    text = Text(
        "来源的{field_zh}不能是 {given!r}：{why_zh}",
        "the {field_en} of a source can't be {given!r}: {why_en}",
    )

    def __init__(self, field: str, given: object, why: Text) -> None:
        label = _FIELDS[field]
        super().__init__(
            field=field, given=given, field_zh=label.zh, field_en=label.en, why_zh=why.zh, why_en=why.en
        )


class SourceExists(ZeroDistanceError):
    """A source with this key exists."""

    code, status = "source_exists", 409
    text = Text("来源 {key} 已存在，请换一个标识", "there is a source {key} already; choose another key")


class NoSource(ZeroDistanceError):
    """There is no source with this key that the account may see."""

    code, status = "no_source", 404
    text = Text(
        "没有来源 {key}；用 `zerodistance sources list` 查看",
        "there is no source {key}; `zerodistance sources list` shows them",
    )


def create_source(
    home: Home,
    who: Who,
    *,
    key: str,
    name: Text,
    kind: str,
    unit: str | None = None,
    origins: Iterable[str] = (),
    event_bytes: int = EVENT_BYTES,
    fresh_seconds: int | None = None,
) -> Source:
    """Create a source with a random write key.

    Raises
    ------
    Forbidden
        No permission, or the unit is outside the account's right.
    WrongSource
        A value is not allowed; says which are.
    SourceExists
        The key is taken, by a source that is switched off too.
    """
    who.need(Permission.MANAGE_SOURCES)
    values = {
        "key": _checked_key(key),
        **_checked_name(name),
        "kind": _checked_kind(kind),
        "unit": _checked_unit(home, who, unit),
        "origins": " ".join(_checked_origins(origins)),
        "event_bytes": _checked_event_bytes(event_bytes),
        "fresh_seconds": _checked_fresh(fresh_seconds),
        "write_key": _new_write_key(),
        "created_at": clock.micros(),
    }
    try:
        with home.state.write() as tx:
            tx.execute(insert(store.source).values(values))
            return _one(tx, values["key"])
    except IntegrityError:
        raise SourceExists(key=key) from None


def ours(home: Home) -> Source:
    """Return the source that stands for ourselves, made when it is asked for the first time."""
    known = next((one for one in every(home) if one.key == OWN_SOURCE), None)
    if known is not None:
        return known
    values = {"key": OWN_SOURCE, **_checked_name(_OURS), "kind": "server", "event_bytes": EVENT_BYTES}
    values |= {"origins": "", "write_key": _new_write_key(), "created_at": clock.micros()}
    made = upsert(store.source).values(values).on_conflict_do_nothing(index_elements=["key"])
    with home.state.write() as tx:
        tx.execute(made)
        return _one(tx, OWN_SOURCE)


def list_sources(home: Home, who: Who, *, with_off: bool = True) -> list[Source]:
    """Return the sources this account may see, ordered by key; write keys only for those who manage sources."""
    seen = _units_seen(home, who)
    with home.state.read() as tx:
        found = _all(tx)
    shown = [s for s in found if (with_off or s.off_at is None) and (seen is None or s.unit in seen)]
    return shown if who.may(Permission.MANAGE_SOURCES) else [_masked(s) for s in shown]


def get_source(home: Home, who: Who, key: str) -> Source:
    """Return one source.

    Raises
    ------
    NoSource
        There is none with this key that the account may see.
    """
    found = next((s for s in list_sources(home, who) if s.key == key), None)
    if found is None:
        raise NoSource(key=key)
    return found


def find_by_write_key(home: Home, write_key: str) -> Source | None:
    """Return the source of a write key, switched off or not; for the door, which has nobody to ask for yet."""
    with home.state.read() as tx:
        row = tx.execute(select(store.source).where(store.source.c.write_key == write_key)).mappings().first()
    return None if row is None else _source(row)


def every(home: Home) -> list[Source]:
    """Return every source, ordered by key; for the door and the worker, which act for nobody."""
    with home.state.read() as tx:
        return _all(tx)


def set_origins(home: Home, who: Who, key: str, origins: Iterable[str]) -> Source:
    """Replace the web origins that may send; `*` for any, none for no browser at all."""
    return _change(home, who, key, origins=" ".join(_checked_origins(origins)))


KEEP = -1
"""Stands for "as it is" in `set_policy`."""


def set_policy(
    home: Home,
    who: Who,
    key: str,
    *,
    event_bytes: int = KEEP,
    fresh_seconds: int | None = KEEP,
    events_per_second: int | None = KEEP,
    burst: int | None = KEEP,
    events_per_day: int | None = KEEP,
) -> Source:
    """Change how much the source may send, and how long it may be silent; None takes a limit away.

    A limit holds within about a second. What is over it is answered 429 with `Retry-After`, and clients send it again.

    Raises
    ------
    WrongSource
        A value is not allowed, or a burst was given without a limit a second.
    """
    found = get_source(home, who, key)
    given = {
        "event_bytes": event_bytes,
        "fresh_seconds": fresh_seconds,
        "events_per_second": events_per_second,
        "burst": burst,
        "events_per_day": events_per_day,
    }
    values = {name: value for name, value in given.items() if value != KEEP}
    if "event_bytes" in values:
        _checked_event_bytes(event_bytes)
    if "fresh_seconds" in values:
        _checked_fresh(fresh_seconds)
    for name in ("events_per_second", "burst", "events_per_day"):
        _checked_limit(name, values.get(name))
    if values.get("events_per_second", found.events_per_second) is None:
        if values.get("burst") is not None:
            why = Text("要先有每秒上限", "it needs a limit a second")
            raise WrongSource("burst", burst, why)
        values["burst"] = None
    return _change(home, who, key, **values)


def rotate_key(home: Home, who: Who, key: str) -> Source:
    """Give the source a new write key; the old one stops within about a second."""
    return _change(home, who, key, write_key=_new_write_key())


def switch_off(home: Home, who: Who, key: str) -> Source:
    """Take nothing more from the source; what it sent stays. Switching off twice keeps the first time."""
    found = get_source(home, who, key)
    return _change(home, who, key, off_at=found.off_at or clock.micros())


def switch_on(home: Home, who: Who, key: str) -> Source:
    """Take touches from the source again."""
    return _change(home, who, key, off_at=None)


def _change(home: Home, who: Who, key: str, **values: Any) -> Source:
    who.need(Permission.MANAGE_SOURCES)
    get_source(home, who, key)
    with home.state.write() as tx:
        tx.execute(update(store.source).where(store.source.c.key == key).values(values))
        return _one(tx, key)


def _all(tx: Connection) -> list[Source]:
    return [_source(row) for row in tx.execute(select(store.source).order_by(store.source.c.key)).mappings()]


def _one(tx: Connection, key: object) -> Source:
    return _source(tx.execute(select(store.source).where(store.source.c.key == key)).mappings().one())


def _source(row: RowMapping) -> Source:
    values = dict(row)
    name = Text(values.pop("name_zh"), values.pop("name_en"))
    return Source(**{**values, "name": name, "origins": tuple(values["origins"].split())})


def _masked(source: Source) -> Source:
    return Source(**{**source.__dict__, "write_key": ""})


def _units_seen(home: Home, who: Who) -> set[str | None] | None:
    """Return the unit keys inside the account's right, None for all; a source without a unit is everybody's."""
    if not who.units:
        return None
    return {None, *(unit.key for unit in brand.units(home, Who.system()) if who.sees_unit(unit.number))}


def _new_write_key() -> str:
    return secrets.token_hex(16)


def _checked_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise WrongSource(
            "key",
            key,
            Text("小写字母、数字和 - _ . ，最多 63 个", "lower-case letters, digits and - _ . , 63 at most"),
        )
    if key == OWN_SOURCE:
        raise WrongSource(
            "key", key, Text("这个标识留给平台自己", "this key is kept for what the platform itself says")
        )
    return key


def _checked_name(name: Text) -> dict[str, str]:
    zh, en = (text.strip() for text in (name.zh, name.en))
    if not (zh or en) or len(zh) > 200 or len(en) > 200:
        raise WrongSource(
            "name", name.zh or name.en, Text("需要 1 到 200 个字", "it needs 1 to 200 characters")
        )
    return {"name_zh": zh or en, "name_en": en or zh}


def _checked_kind(kind: str) -> str:
    if kind not in KINDS_OF_SOURCE:
        allowed = ", ".join(KINDS_OF_SOURCE)
        raise WrongSource("kind", kind, Text(f"可用：{allowed}", f"allowed are {allowed}"))
    return kind


def _checked_unit(home: Home, who: Who, unit: str | None) -> str | None:
    if unit is None:
        if who.units:
            raise WrongSource("unit", unit, Text("请写明你所在的小微", "name one of your units"))
        return None
    known = {u.key: u.number for u in brand.units(home, Who.system())}
    if unit not in known:
        allowed = ", ".join(sorted(known)) or "-"
        raise WrongSource("unit", unit, Text(f"可用：{allowed}", f"allowed are {allowed}"))
    if not who.sees_unit(known[unit]):
        raise Forbidden(who=who.name, permission=f"{Permission.MANAGE_SOURCES.value} ({unit})")
    return unit


def _checked_origins(origins: Iterable[str]) -> Sequence[str]:
    cleaned = set()
    for given in origins:
        origin = rules.clean_origin(given)
        if origin is None:
            raise WrongSource(
                "origins",
                given,
                Text(
                    "写作 https://shop.example.com、https://*.example.com 或 *",
                    "write https://shop.example.com, https://*.example.com or *",
                ),
            )
        cleaned.add(origin)
    return sorted(cleaned)


def _checked_event_bytes(value: int) -> int:
    low, high = EVENT_BYTES_BOUNDS
    if not low <= value <= high:
        raise WrongSource("event_bytes", value, Text(f"{low} 到 {high} 字节", f"{low} to {high} bytes"))
    return value


def _checked_limit(field: str, value: int | None) -> None:
    low, high = LIMIT_BOUNDS
    if value is not None and not low <= value <= high:
        raise WrongSource(
            field, value, Text(f"{low} 到 {high} 条，或不设", f"{low} to {high} events, or none")
        )


def _checked_fresh(value: int | None) -> int | None:
    low, high = FRESH_BOUNDS
    if value is not None and not low <= value <= high:
        raise WrongSource(
            "fresh_seconds", value, Text(f"{low} 到 {high} 秒，或不设", f"{low} to {high} seconds, or none")
        )
    return value
