"""Mapping files: TOML that says how the columns of a file become touches. Parsed strictly, with errors that teach."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from zerodistance.core.touchpoints import toml_values as values
from zerodistance.core.touchpoints.contracts import KINDS_OF_SOURCE
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.core.touchpoints.shapes import (
    FORMATS,
    CsvShape,
    JsonShape,
    XlsxShape,
    csv_shape,
    json_shape,
    xlsx_shape,
)
from zerodistance.core.touchpoints.toml_values import MappingWrong, near, wrong
from zerodistance.kernel import clock
from zerodistance.kernel.text import Text

__all__ = [
    "CsvShape",
    "JsonShape",
    "KindRule",
    "Mapping",
    "MappingWrong",
    "SourceSpec",
    "Times",
    "XlsxShape",
    "moment",
    "near",
    "parse",
    "wrong",
]

NAMESPACES = ("user_id", "member_id", "phone", "email", "openid", "device_id", "anonymous_id", "record")
"""Namespaces an identifier column can be mapped to."""

WORDS = (
    "name",
    "product",
    "category",
    "currency",
    "fault",
    "place",
    "order_id",
    "channel",
    "page",
    "referrer",
    "campaign",
)
NUMBERS = ("quantity", "amount", "duration", "energy", "warnings")
TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIMESTAMP",
}
SOMEBODY = "somebody"
"""Required: of the identifiers of a row at least one can be used."""
EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}

_TOP = (
    "source",
    "format",
    "csv",
    "json",
    "xlsx",
    "members",
    "types",
    "kind",
    "identifiers",
    "times",
    "columns",
    "facts",
    "body",
    "source_id",
    "required",
    "checks",
)
_FIELD = re.compile(r"[a-z][a-z0-9_.]{0,60}")
_LAG = re.compile(r"(\d{1,6}) ?(s|min|h|d|second|minute|hour|day)s?")
_UNITS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3_600, "hour": 3_600, "d": 86_400, "day": 86_400}


@dataclass(frozen=True)
class SourceSpec:
    """Which source the touches belong to; with a name it is made if it does not exist."""

    key: str
    name: Text | None = None
    kind: str = "import"
    unit: str | None = None


@dataclass(frozen=True)
class KindRule:
    """A kind, and the SQL condition under which a row has it; None: always."""

    key: str
    when: str | None = None


@dataclass(frozen=True)
class Times:
    """Where the times stand.

    Attributes
    ----------
    formats
        strptime formats tried in order, or one of `EPOCHS`; empty: ISO 8601 or a column that holds times.
    zone
        IANA zone of times that carry none.
    known_at, lag
        A column or expression, or how long after `happened_at` the brand knew; one of them is given.
    """

    happened_at: str
    formats: tuple[str, ...] = ()
    zone: str | None = None
    known_at: str | None = None
    lag: timedelta | None = None

    @property
    def fixed(self) -> bool:
        """Whether every row has one moment, as `moment` writes it."""
        return self.happened_at.startswith(_MOMENT)


_MOMENT = "timestamptz '"


def moment(at: int) -> str:
    """Return the expression of a moment, microseconds UTC, for `happened_at` of rows that all have it.

    Examples
    --------
    >>> moment(1_700_000_000_000_001)
    "timestamptz '2023-11-14 22:13:20.000001+00:00'"
    """
    return f"{_MOMENT}{clock.from_micros(at).isoformat(sep=' ')}'"


@dataclass(frozen=True)
class Mapping:
    """One mapping file. Values of `identifiers`, `columns` and `facts` are columns or DuckDB scalar expressions.

    Attributes
    ----------
    required
        Mapped fields, and `SOMEBODY`: a row without one of them is refused.
    checks
        Mapped field -> condition: a row for which it is not true is refused.
    """

    source: SourceSpec
    format: str
    kinds: tuple[KindRule, ...]
    times: Times
    csv: CsvShape = field(default=CsvShape())
    types: dict[str, str] = field(default_factory=dict)
    identifiers: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    body: tuple[str, ...] = ()
    source_id: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    json: JsonShape = field(default=JsonShape(), repr=False)
    xlsx: XlsxShape = field(default=XlsxShape(), repr=False)
    members: str = field(default="*", repr=False)
    checks: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def hash(self) -> str:
        """SHA-256 of what the mapping says; comments and layout do not count.

        What came later counts only where it is not the default: a mapping keeps its hash through upgrades.
        """
        said, later = repr(self), (self.json, self.xlsx, self.members, self.csv.encoding)
        if later != (JsonShape(), XlsxShape(), "*", "utf-8"):
            said += repr(later)
        if self.checks:
            said += repr(self.checks)
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def encoding(self) -> str:
        """Encoding of the file, where it is a text."""
        return self.csv.encoding if self.format == "csv" else self.json.encoding

    @property
    def fields(self) -> set[str]:
        """Names of what is mapped."""
        return {*self.columns, *self.identifiers, *self.facts}

    @property
    def of_somebody(self) -> bool:
        """Whether a row is refused that has no identifier which can be used."""
        return SOMEBODY in self.required and SOMEBODY not in self.fields


def parse(text: str, *, unfinished: bool = False) -> Mapping:
    """Read a mapping file.

    Parameters
    ----------
    unfinished
        It is still being written: `times.happened_at` may be empty, and its parts need not go together yet.

    Raises
    ------
    MappingWrong
        The text is not TOML, a key is unknown or missing, or a value is not allowed; names the key and what is allowed.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise wrong("TOML", f"读不懂：{error}", f"it can't be read: {error}") from None
    values.known("", given, _TOP)
    mapping = Mapping(
        source=_source(values.need(given, "source")),
        format=values.one_of("format", given.get("format", "csv"), FORMATS),
        kinds=_kinds(values.need(given, "kind")),
        times=_times(values.table("times", values.need(given, "times")), unfinished),
        csv=csv_shape(values.table("csv", given.get("csv", {}))),
        json=json_shape(values.table("json", given.get("json", {})), given.get("format", "csv")),
        xlsx=xlsx_shape(values.table("xlsx", given.get("xlsx", {}))),
        members=values.string("members", given.get("members", "*")),
        types={
            c: values.one_of(f"types.{c}", t, tuple(TYPES))
            for c, t in values.table("types", given.get("types", {})).items()
        },
        identifiers=_expressions("identifiers", given, NAMESPACES),
        columns=_expressions("columns", given, WORDS + NUMBERS),
        facts=_expressions("facts", given, None),
        body=values.strings("body", given.get("body", [])),
        source_id=values.strings("source_id", given.get("source_id", [])),
        required=values.strings("required", given.get("required", [])),
        checks=_expressions("checks", given, None),
    )
    if not unfinished:
        _agree(mapping, given)
    return mapping


def _agree(mapping: Mapping, given: dict[str, Any]) -> None:
    for key, formats in (("csv", ("csv",)), ("json", ("json", "ndjson")), ("xlsx", ("xlsx",))):
        if key in given and mapping.format not in formats:
            raise wrong(
                key,
                f"format 是 {mapping.format}，去掉 [{key}]",
                f"the format is {mapping.format}: take [{key}] out",
            )
    if "members" in given and mapping.format in ("xlsx", "parquet"):
        raise wrong("members", "xlsx 和 parquet 不从 zip 里读", "xlsx and parquet are not read out of a zip")
    if mapping.facts and not mapping.identifiers:
        raise wrong(
            "facts",
            "个人资料要挂在某个人身上：在 [identifiers] 里至少映射一个标识",
            "personal fields need somebody they belong to: map at least one identifier in [identifiers]",
        )
    personal = {*mapping.identifiers.values(), *mapping.facts.values()}
    open_places = [("body", mapping.body), ("source_id", mapping.source_id)]
    open_places += [(f"columns.{name}", (expression,)) for name, expression in mapping.columns.items()]
    for key, used in open_places:
        for column in used:
            if column in personal:
                raise wrong(
                    key,
                    f"{column} 是标识或个人资料，只能进保险库，不能进交互日志",
                    f"{column} is an identifier or a personal field: it belongs in the vault, never in the log",
                )
    known = {*mapping.fields, *([SOMEBODY] if mapping.identifiers else [])}
    for key, names, allowed in (
        ("required", mapping.required, known),
        ("checks", mapping.checks, mapping.fields),
    ):
        for name in names:
            if name not in allowed:
                hint = near(name, sorted(allowed))
                raise wrong(key, f"{name} 没有映射；{hint.zh}", f"{name} is not mapped; {hint.en}")


def _source(given: Any) -> SourceSpec:
    if isinstance(given, str):
        return SourceSpec(values.key("source", given))
    table = values.table("source", given)
    values.known("source.", table, ("key", "name", "kind", "unit"))
    key = values.key("source.key", values.need(table, "key", "source.key"))
    name = table.get("name")
    if isinstance(name, str):
        name = Text(name, name)
    elif name is not None:
        both = values.table("source.name", name)
        values.known("source.name.", both, ("zh", "en"))
        zh, en = both.get("zh", both.get("en", key)), both.get("en", both.get("zh", key))
        name = Text(values.string("source.name.zh", zh), values.string("source.name.en", en))
    kind = values.one_of("source.kind", table.get("kind", "import"), KINDS_OF_SOURCE)
    unit = table.get("unit")
    return SourceSpec(key, name, kind, None if unit is None else values.string("source.unit", unit))


def _kinds(given: Any) -> tuple[KindRule, ...]:
    if isinstance(given, str):
        return (KindRule(values.one_of("kind", given, tuple(KINDS))),)
    if not isinstance(given, list) or not given:
        raise wrong(
            "kind",
            '写 kind = "order.line"，或若干个 [[kind]]',
            'write kind = "order.line", or several [[kind]]',
        )
    rules = []
    for place, rule in enumerate(given, start=1):
        table = values.table(f"kind {place}", rule)
        values.known(f"kind {place}, ", table, ("is", "when"))
        key = values.one_of(f"kind {place}, is", values.need(table, "is", f"kind {place}, is"), tuple(KINDS))
        when = table.get("when")
        rules.append(KindRule(key, None if when is None else values.string(f"kind {place}, when", when)))
    for place, found in enumerate(rules[:-1], start=1):
        if found.when is None:
            raise wrong(
                f"kind {place}",
                "没有 when 的规则总是成立，只能放在最后",
                "a rule without `when` always holds, so it can only be the last one",
            )
    return tuple(rules)


def _times(given: dict[str, Any], unfinished: bool) -> Times:
    values.known("times.", given, ("happened_at", "format", "zone", "known_at", "lag"))
    formats = given.get("format", [])
    at = values.need(given, "happened_at", "times.happened_at")
    times = Times(
        happened_at="" if unfinished and at == "" else values.string("times.happened_at", at),
        formats=(formats,) if isinstance(formats, str) else values.strings("times.format", formats),
        zone=given.get("zone"),
        known_at=None if "known_at" not in given else values.string("times.known_at", given["known_at"]),
        lag=None if "lag" not in given else lag_of(given["lag"]),
    )
    if times.zone is not None:
        try:
            ZoneInfo(values.string("times.zone", times.zone))
        except (ZoneInfoNotFoundError, ValueError):
            raise wrong(
                "times.zone",
                f"没有时区 {times.zone}；写 IANA 名称，如 Asia/Shanghai",
                f"there is no zone {times.zone}; write an IANA name such as Asia/Shanghai",
            ) from None
    if (times.known_at is None) == (times.lag is None):
        raise wrong(
            "times.known_at",
            '必须说明品牌何时才可能知道：known_at = "列名"，或 lag = "1 day"（发生后多久），二选一',
            'say when the brand could first know it: either known_at = "column", or lag = "1 day" after it happened',
        )
    for one in times.formats:
        if "%" not in one and one not in EPOCHS:
            hint = near(one, EPOCHS)
            raise wrong(
                "times.format",
                f"{one!r} 既不是 strptime 格式（如 %Y-%m-%d %H:%M:%S），也不是数字纪元；{hint.zh}",
                f"{one!r} is neither a strptime format such as %Y-%m-%d %H:%M:%S nor a number since 1970; {hint.en}",
            )
    return times


def lag_of(given: Any) -> timedelta:
    """Return how long after it happened the brand knew, as a mapping says it.

    Raises
    ------
    MappingWrong
        It is no number with a unit.
    """
    found = _LAG.fullmatch(values.string("times.lag", given).strip().lower())
    if found is None:
        raise wrong("times.lag", "写成 30 min、36 h 或 1 day", "write it as 30 min, 36 h or 1 day")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _expressions(key: str, given: dict[str, Any], allowed: tuple[str, ...] | None) -> dict[str, str]:
    table = values.table(key, given.get(key, {}))
    if allowed is not None:
        values.known(f"{key}.", table, allowed)
    for name in table:
        if not _FIELD.fullmatch(name):
            raise wrong(
                f"{key}.{name}",
                "名称用小写字母、数字、_ 和 .",
                "names are lower case letters, digits, _ and .",
            )
    return {name: values.string(f"{key}.{name}", value) for name, value in table.items()}
