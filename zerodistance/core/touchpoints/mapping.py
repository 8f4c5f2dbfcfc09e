"""Mapping files: TOML that says how the columns of a CSV or Parquet file become touches. Parsed strictly, with errors that teach."""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from zerodistance.core.touchpoints.contracts import KINDS_OF_SOURCE
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

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
NUMBERS = ("quantity", "amount", "duration")
TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIMESTAMP",
}
EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}

_TOP = (
    "source",
    "format",
    "csv",
    "types",
    "kind",
    "identifiers",
    "times",
    "columns",
    "facts",
    "body",
    "source_id",
    "required",
)
_FIELD = re.compile(r"[a-z][a-z0-9_.]{0,60}")
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,60}")
_LAG = re.compile(r"(\d{1,6}) ?(s|min|h|d|second|minute|hour|day)s?")
_UNITS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3_600, "hour": 3_600, "d": 86_400, "day": 86_400}


class MappingWrong(ZeroDistanceError):
    """A mapping file says something that can't be followed: which key, what is allowed."""

    code, status = "mapping_wrong", 400
    text = Text("映射文件的 {key}：{zh}", "mapping, {key}: {en}")


@dataclass(frozen=True)
class SourceSpec:
    """Which source the touches belong to; with a name it is made if it does not exist."""

    key: str
    name: Text | None = None
    kind: str = "import"
    unit: str | None = None


@dataclass(frozen=True)
class CsvShape:
    """How a CSV file is written: UTF-8, one delimiter, one quote sign that is doubled inside quotes."""

    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    columns: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ("",)


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


@dataclass(frozen=True)
class Mapping:
    """One mapping file. Values of `identifiers`, `columns` and `facts` are columns or DuckDB scalar expressions."""

    source: SourceSpec
    format: str
    kinds: tuple[KindRule, ...]
    times: Times
    csv: CsvShape = CsvShape()
    types: dict[str, str] = field(default_factory=dict)
    identifiers: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    body: tuple[str, ...] = ()
    source_id: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of what the mapping says; comments and layout do not count."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def near(given: str, allowed: Iterable[str]) -> Text:
    """Return "did you mean ..." for a name that is not among the allowed ones, and the allowed names."""
    names = list(allowed)
    close = difflib.get_close_matches(given.lower(), names, 1, 0.6) or difflib.get_close_matches(
        given, names, 1, 0.6
    )
    close = close or [name for name in names if name.lower() == given.lower()]
    listed = ", ".join(names[:40]) + (" ..." if len(names) > 40 else "")
    guess = Text(f"；是不是 {close[0]}？", f"; did you mean {close[0]}?") if close else Text("", "")
    return Text(f"可用的有 {listed}{guess.zh}", f"allowed are {listed}{guess.en}")


def wrong(key: str, zh: str, en: str) -> MappingWrong:
    """Make the error for one key of a mapping."""
    return MappingWrong(key=key, zh=zh, en=en)


def parse(text: str) -> Mapping:
    """Read a mapping file.

    Raises
    ------
    MappingWrong
        The text is not TOML, a key is unknown or missing, or a value is not allowed; names the key and what is allowed.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise wrong("TOML", f"读不懂：{error}", f"it can't be read: {error}") from None
    _known("", given, _TOP)
    mapping = Mapping(
        source=_source(_need(given, "source")),
        format=_one_of("format", given.get("format", "csv"), ("csv", "parquet")),
        kinds=_kinds(_need(given, "kind")),
        times=_times(_table("times", _need(given, "times"))),
        csv=_csv(_table("csv", given.get("csv", {}))),
        types={
            c: _one_of(f"types.{c}", t, tuple(TYPES))
            for c, t in _table("types", given.get("types", {})).items()
        },
        identifiers=_expressions("identifiers", given, NAMESPACES),
        columns=_expressions("columns", given, WORDS + NUMBERS),
        facts=_expressions("facts", given, None),
        body=_strings("body", given.get("body", [])),
        source_id=_strings("source_id", given.get("source_id", [])),
        required=_strings("required", given.get("required", [])),
    )
    _agree(mapping, given)
    return mapping


def _agree(mapping: Mapping, given: dict[str, Any]) -> None:
    if mapping.format != "csv" and "csv" in given:
        raise wrong("csv", "format 不是 csv，去掉 [csv]", "the format is not csv: take [csv] out")
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
    fields = {*mapping.columns, *mapping.identifiers, *mapping.facts}
    for name in mapping.required:
        if name not in fields:
            hint = near(name, sorted(fields))
            raise wrong("required", f"{name} 没有映射；{hint.zh}", f"{name} is not mapped; {hint.en}")


def _source(given: Any) -> SourceSpec:
    if isinstance(given, str):
        return SourceSpec(_key("source", given))
    table = _table("source", given)
    _known("source.", table, ("key", "name", "kind", "unit"))
    key = _key("source.key", _need(table, "key", "source.key"))
    name = table.get("name")
    if isinstance(name, str):
        name = Text(name, name)
    elif name is not None:
        both = _table("source.name", name)
        _known("source.name.", both, ("zh", "en"))
        zh, en = both.get("zh", both.get("en", key)), both.get("en", both.get("zh", key))
        name = Text(_string("source.name.zh", zh), _string("source.name.en", en))
    kind = _one_of("source.kind", table.get("kind", "import"), KINDS_OF_SOURCE)
    unit = table.get("unit")
    return SourceSpec(key, name, kind, None if unit is None else _string("source.unit", unit))


def _csv(given: dict[str, Any]) -> CsvShape:
    _known("csv.", given, ("delimiter", "quote", "header", "columns", "nulls", "encoding"))
    encoding = _string("csv.encoding", given.get("encoding", "utf-8")).lower().replace("_", "-")
    if encoding not in ("utf-8", "utf8"):
        raise wrong(
            "csv.encoding",
            f"只读 utf-8；先转换：iconv -f {encoding} -t utf-8 IN > OUT",
            f"only utf-8 is read; convert first: iconv -f {encoding} -t utf-8 IN > OUT",
        )
    shape = CsvShape(
        delimiter=_sign("csv.delimiter", given.get("delimiter", ",")),
        quote=_sign("csv.quote", given.get("quote", '"')),
        header=_boolean("csv.header", given.get("header", True)),
        columns=_strings("csv.columns", given.get("columns", [])),
        nulls=_strings("csv.nulls", given.get("nulls", [""]), empty=True),
    )
    if shape.header == bool(shape.columns):
        raise wrong(
            "csv.columns",
            "文件有表头就不写列名；header = false 时必须写",
            "name the columns if, and only if, header = false",
        )
    if shape.delimiter == shape.quote:
        raise wrong("csv.quote", "不能与 delimiter 相同", "it can't be the same as the delimiter")
    return shape


def _kinds(given: Any) -> tuple[KindRule, ...]:
    if isinstance(given, str):
        return (KindRule(_one_of("kind", given, tuple(KINDS))),)
    if not isinstance(given, list) or not given:
        raise wrong(
            "kind",
            '写 kind = "order.line"，或若干个 [[kind]]',
            'write kind = "order.line", or several [[kind]]',
        )
    rules = []
    for place, rule in enumerate(given, start=1):
        table = _table(f"kind {place}", rule)
        _known(f"kind {place}, ", table, ("is", "when"))
        key = _one_of(f"kind {place}, is", _need(table, "is", f"kind {place}, is"), tuple(KINDS))
        when = table.get("when")
        rules.append(KindRule(key, None if when is None else _string(f"kind {place}, when", when)))
    for place, found in enumerate(rules[:-1], start=1):
        if found.when is None:
            raise wrong(
                f"kind {place}",
                "没有 when 的规则总是成立，只能放在最后",
                "a rule without `when` always holds, so it can only be the last one",
            )
    return tuple(rules)


def _times(given: dict[str, Any]) -> Times:
    _known("times.", given, ("happened_at", "format", "zone", "known_at", "lag"))
    formats = given.get("format", [])
    times = Times(
        happened_at=_string("times.happened_at", _need(given, "happened_at", "times.happened_at")),
        formats=(formats,) if isinstance(formats, str) else _strings("times.format", formats),
        zone=given.get("zone"),
        known_at=None if "known_at" not in given else _string("times.known_at", given["known_at"]),
        lag=None if "lag" not in given else _lag(given["lag"]),
    )
    if times.zone is not None:
        try:
            ZoneInfo(_string("times.zone", times.zone))
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


def _lag(given: Any) -> timedelta:
    found = _LAG.fullmatch(_string("times.lag", given).strip().lower())
    if found is None:
        raise wrong("times.lag", "写成 30 min、36 h 或 1 day", "write it as 30 min, 36 h or 1 day")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _expressions(key: str, given: dict[str, Any], allowed: tuple[str, ...] | None) -> dict[str, str]:
    table = _table(key, given.get(key, {}))
    if allowed is not None:
        _known(f"{key}.", table, allowed)
    for name in table:
        if not _FIELD.fullmatch(name):
            raise wrong(
                f"{key}.{name}",
                "名称用小写字母、数字、_ 和 .",
                "names are lower case letters, digits, _ and .",
            )
    return {name: _string(f"{key}.{name}", value) for name, value in table.items()}


def _known(prefix: str, table: dict[str, Any], allowed: tuple[str, ...]) -> None:
    for name in table:
        if name not in allowed:
            hint = near(name, allowed)
            raise wrong(prefix + name, f"没有这个键；{hint.zh}", f"there is no such key; {hint.en}")


def _need(table: dict[str, Any], name: str, key: str | None = None) -> Any:
    if name not in table:
        raise wrong(key or name, "缺少这个键", "this key is missing")
    return table[name]


def _table(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong(key, f"应是一张表：[{key}]", f"a table is needed: [{key}]")
    return value


def _string(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise wrong(key, f"应是文字，给的是 {value!r}", f"a text is needed, not {value!r}")
    return value


def _boolean(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong(key, "应是 true 或 false", "true or false is needed")
    return value


def _sign(key: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) != 1 or not value.isascii() or value in "\r\n":
        raise wrong(
            key, f"应是一个 ASCII 字符，给的是 {value!r}", f"one ASCII character is needed, not {value!r}"
        )
    return value


def _key(key: str, value: Any) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise wrong(key, "用小写字母、数字、_ - .", "use lower case letters, digits, _ - .")
    return value


def _strings(key: str, value: Any, empty: bool = False) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(v, str) and (v or empty) for v in listed):
        raise wrong(key, "应是文字的列表", "a list of texts is needed")
    return tuple(listed)


def _one_of(key: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        hint = near(str(value), allowed)
        raise wrong(key, f"不能是 {value!r}；{hint.zh}", f"it can't be {value!r}; {hint.en}")
    return str(value)
