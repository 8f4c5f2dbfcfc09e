"""A mapping as one SQL query over a piece of its file: typed columns, then fields of touches, then what is wrong with a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from zerodistance.core.touchpoints.expressions import check, columns_in, literal, quoted
from zerodistance.core.touchpoints.mapping import (
    EPOCHS,
    NUMBERS,
    SOMEBODY,
    TYPES,
    WORDS,
    Mapping,
    near,
    wrong,
)

ROW = "zd_row"
PIECE = "zd_piece"
_WORD = 200  # own value, as for events of the collection protocol
_MONEY = "^[A-Z]{3}$"
_ZONED = r":\d{2}(\.\d+)?\s*(Z|z|[+-]\d{2}(:?\d{2})?)$"
_NESTED = ("STRUCT", "ROW", "TUPLE", "MAP", "UNION", "VARIANT")
_WHOLE, _FRACTION = ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "U"), ("DOUBLE", "FLOAT")


@dataclass(frozen=True)
class Plan:
    """A mapping bound to the columns of a file.

    Attributes
    ----------
    query
        Gives, per row of `PIECE` and in its order: zd_row int64; problem text (`reason|key`, null: fine); kind; happened,
        original, known as timestamptz; ahead boolean; every word and number column; id_N, fact_N; source_id; body.
        Bound: $received, microseconds UTC.
    failing
        Gives (row, problem) of the rows on which an expression itself breaks.
    namespaces, facts
        What id_N and fact_N are.
    """

    query: str
    failing: str
    namespaces: tuple[str, ...]
    facts: tuple[str, ...]


class _Binder:
    """Checks expressions against the file's columns and says their types."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        mapping: Mapping,
        schema: pa.Schema,
        targets: dict[str, str],
    ) -> None:
        self._connection, self.names = connection, tuple(schema.names)
        self.typed = ""
        for name in schema.names:
            if name.lower().startswith("zd_"):
                raise wrong(
                    "columns",
                    f"列名 {name} 以 zd_ 开头，留作内用",
                    f"the column {name} begins with zd_, which is ours",
                )
        empty = schema.empty_table().append_column(ROW, pa.array([], pa.int64()))
        connection.register(PIECE, empty)
        given = {
            row[0]: str(row[1]) for row in connection.execute(f"describe select * from {PIECE}").fetchall()
        }
        self.typed = _typed_layer(given, mapping, targets)
        self.all: list[tuple[str, str]] = []

    def column(self, key: str, name: str) -> str:
        """Return a column that must exist, quoted."""
        if name not in self.names:
            hint = near(name, self.names)
            raise wrong(key, f"文件没有列 {name}；{hint.zh}", f"the file has no column {name}; {hint.en}")
        return quoted(name)

    def keep_apart(self, mapping: Mapping) -> None:
        """Refuse what would carry an identifier or a personal field into the log, under whatever expression."""

        def read(key: str, expression: str) -> set[str]:
            return columns_in(self._connection, key, expression, self.names)

        personal: set[str] = set()
        for table, fields in (("identifiers", mapping.identifiers), ("facts", mapping.facts)):
            for name, expression in fields.items():
                personal |= read(f"{table}.{name}", expression)
        open_places = [("body", column) for column in mapping.body] + [
            ("source_id", c) for c in mapping.source_id
        ]
        open_places += [(f"columns.{name}", expression) for name, expression in mapping.columns.items()]
        for key, expression in open_places:
            for column in sorted(read(key, expression) & personal):
                raise wrong(
                    key,
                    f"{column} 是标识或个人资料，只能进保险库，不能进交互日志",
                    f"{column} is an identifier or a personal field: it belongs in the vault, never in the log",
                )

    def bind(self, key: str, expression: str) -> tuple[str, str]:
        """Return the name under which an expression is computed, once a row, and its type."""
        sql = check(self._connection, key, expression, self.names)
        try:
            rows = self._connection.execute(f"describe select {sql} as zd_x from {self.typed}").fetchall()
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            raise wrong(
                key,
                f'{expression!r} 算不出来：{said}。CSV 的列是文字；数字要在 [types] 里写明，如 Quantity = "number"',
                f"{expression!r} can't be computed: {said}. Columns of CSV are text; say in [types] which are not, "
                'such as Quantity = "number"',
            ) from None
        kind = str(rows[0][1])
        if key != "body" and (kind.startswith(_NESTED) or kind.endswith("]")):
            raise wrong(
                key,
                f"{expression!r} 得到的是 {kind}，应是一个值",
                f"{expression!r} gives {kind}; one value is needed",
            )
        self.all.append((key, sql))
        return f"zd_{len(self.all)}", kind

    def computed(self) -> str:
        """Return the layer in which every expression has been computed."""
        parts = ", ".join(f"{sql} as zd_{i}" for i, (_, sql) in enumerate(self.all, start=1))
        return f"(select {ROW}, zd_problem, {parts} from {self.typed})"


def plan(
    connection: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    schema: pa.Schema,
    *,
    event_bytes: int,
    targets: dict[str, str] | None = None,
) -> Plan:
    """Bind a mapping to a file.

    Parameters
    ----------
    targets
        Column -> DuckDB type it is cast to first; for rows that come back from the quarantine as text.

    Raises
    ------
    MappingWrong
        A column is missing or an expression is not allowed or does not fit the types.
    """
    on = _Binder(connection, mapping, schema, targets or {})
    for name in mapping.types:
        on.column(f"types.{name}", name)
    on.keep_apart(mapping)
    fields: dict[str, str] = {"kind": _kind(on, mapping)}
    problems: list[tuple[str, str]] = [
        ("zd_problem is not null", "zd_problem"),
        ("kind is null", literal("no_kind|kind")),
    ]
    _times(on, mapping, fields, problems)
    for name in WORDS:
        fields[name] = (
            f"left({_text(*on.bind(f'columns.{name}', mapping.columns[name]))}, {_WORD})"
            if name in mapping.columns
            else "null::varchar"
        )
    if "currency" in mapping.columns:
        bad = f"not regexp_full_match(currency, {literal(_MONEY)})"
        problems.append((bad, literal("bad_value|columns.currency")))
    for name in NUMBERS:
        _number(on, mapping, name, fields, problems)
    places = [("identifiers", "id", mapping.identifiers), ("facts", "fact", mapping.facts)]
    ids: dict[str, str] = {}
    for key, short, table in places:
        for i, (name, expression) in enumerate(table.items()):
            fields[f"{short}_{i}"] = _text(*on.bind(f"{key}.{name}", expression))
            ids[name] = f"{short}_{i}"
    if mapping.of_somebody:
        named = ", ".join(f"id_{i}" for i in range(len(mapping.identifiers)))
        problems.append((f"coalesce({named}) is null", literal("nobody|identifiers")))
    for name in mapping.required:
        if name == SOMEBODY and mapping.of_somebody:
            continue
        field, key = (
            (name, "columns")
            if name in mapping.columns
            else (ids[name], "identifiers" if name in mapping.identifiers else "facts")
        )
        problems.append((f"{field} is null", literal(f"missing_value|{key}.{name}")))
    for i, (name, condition) in enumerate(mapping.checks.items()):
        fields[f"zd_check_{i}"] = _condition(on, f"checks.{name}", condition)
        problems.append((f"zd_check_{i} is not true", literal(f"bad_value|checks.{name}")))
    fields["source_id"] = _source_id(on, mapping, problems)
    fields["body"] = _body(on, mapping)
    problems.append((f"strlen(body) > {int(event_bytes)}", literal("too_large|body")))
    inner = ", ".join(f"{sql} as {name}" for name, sql in fields.items())
    case = " ".join(f"when {condition} then {code}" for condition, code in problems)
    kept = ", ".join(n for n in fields if not n.startswith("zd_") and n not in ("happened", "known"))
    query = (
        f"select {ROW}, case {case} end as problem, happened > zd_received as ahead, happened as original, "
        f"least(happened, zd_received) as happened, least(coalesce(known, zd_received), zd_received) as known, {kept} "
        f"from (select {ROW}, zd_problem, make_timestamptz($received) as zd_received, {inner} from {on.computed()})"
    )
    breaks = " ".join(
        f"when try(({sql}) is null) is null then {literal(f'bad_value|{key}')}" for key, sql in on.all
    )
    failing = f"select {ROW}, problem from (select {ROW}, case {breaks} end as problem from {on.typed}) where problem is not null"
    return Plan(query, failing, tuple(mapping.identifiers), tuple(mapping.facts))


def _typed_layer(given: dict[str, str], mapping: Mapping, targets: dict[str, str]) -> str:
    nulls = mapping.csv.nulls if mapping.format == "csv" else ()
    columns, problems = [], []
    for name, kind in given.items():
        if name == ROW:
            continue
        raw = quoted(name)
        if kind == "VARCHAR":
            for nothing in nulls:
                raw = f"nullif({raw}, {literal(nothing)})"
        if kind in _FRACTION:  # data frames write NaN for nothing
            raw = f"case when isnan({raw}) then null else {raw} end"
        target = TYPES[mapping.types[name]] if name in mapping.types else targets.get(name, kind)
        if target == kind:
            columns.append(f"{raw} as {quoted(name)}")
            continue
        source = f"nullif(trim({raw}), '')" if kind == "VARCHAR" and target != "VARCHAR" else raw
        cast = f"try_cast({source} as {target})"
        lost = f"{source} is not null and {cast} is null"
        if target.startswith(_WHOLE):  # a cast would round 3.7
            lost += (
                f" or try_cast({source} as double) is distinct from {cast}::double and {source} is not null"
            )
        if target in _FRACTION:
            lost += f" or not isfinite({cast})"
        columns.append(f"{cast} as {quoted(name)}")
        problems.append(f"when {lost} then {literal(f'bad_value|types.{name}')}")
    problem = f"case {' '.join(problems)} end" if problems else "null::varchar"
    return f"(select {', '.join([ROW, *columns, f'{problem} as zd_problem'])} from {PIECE})"


def _kind(on: _Binder, mapping: Mapping) -> str:
    parts, otherwise = [], "null::varchar"
    for place, rule in enumerate(mapping.kinds, start=1):
        if rule.when is None:
            otherwise = literal(rule.key)
            continue
        key = f"kind {place}, when"
        parts.append(f"when {_condition(on, key, rule.when)} then {literal(rule.key)}")
    return f"case {' '.join(parts)} else {otherwise} end" if parts else otherwise


def _condition(on: _Binder, key: str, expression: str) -> str:
    sql, kind = on.bind(key, expression)
    if kind != "BOOLEAN":
        raise wrong(
            key,
            f"应是条件（真或假），得到的是 {kind}",
            f"a condition is needed, true or false, but this is {kind}",
        )
    return sql


def _times(on: _Binder, mapping: Mapping, fields: dict[str, str], problems: list[tuple[str, str]]) -> None:
    times = mapping.times
    zone = times.zone
    given, fields["happened"] = _time(on, mapping, "times.happened_at", times.happened_at, zone)
    fields["zd_happened"] = f"{given} is null"
    problems.append(("zd_happened", literal("missing_value|times.happened_at")))
    problems.append((_odd_time("happened"), literal("bad_timestamp|times.happened_at")))
    if times.known_at is None:
        assert times.lag is not None
        seconds = int(times.lag.total_seconds())
        fields["known"] = f"{fields['happened']} + to_seconds({seconds})"
        return
    given, fields["known"] = _time(on, mapping, "times.known_at", times.known_at, zone)
    fields["zd_known"] = f"{given} is null"
    problems.append((f"not zd_known and ({_odd_time('known')})", literal("bad_timestamp|times.known_at")))


def _odd_time(name: str) -> str:
    return f"{name} is null or not isfinite({name}) or {name} < '1970-01-01 00:00:00+00'::timestamptz or {name} >= '9999-01-01 00:00:00+00'::timestamptz"


def _time(on: _Binder, mapping: Mapping, key: str, expression: str, zone: str | None) -> tuple[str, str]:
    """Return what was given (null: nothing), and the time as timestamptz (null: it can't be read)."""
    sql, kind = on.bind(key, expression)
    formats = mapping.times.formats
    if kind == "TIMESTAMP WITH TIME ZONE":
        return sql, sql
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return sql, f"timezone({_zone(key, zone)}, {sql}::timestamp)"
    epoch = next((EPOCHS[f] for f in formats if f in EPOCHS), None)
    if epoch is not None:
        number = f"try_cast({sql} as double)"
        fine = f"abs({number}) < 1e18 / {epoch}"
        return sql, f"case when {fine} then make_timestamptz(cast(round({number} * {epoch}) as bigint)) end"
    if kind != "VARCHAR":
        raise wrong(
            key,
            f'{kind} 不是时间；数字要写 format = "epoch_s"、"epoch_ms" 或 "epoch_us"',
            f'{kind} is not a time; a number needs format = "epoch_s", "epoch_ms" or "epoch_us"',
        )
    text = f"nullif(trim({sql}), '')"
    if formats:
        listed = ", ".join(literal(f) for f in formats)
        read = f"try_strptime({text}, [{listed}])"
        if any("%z" in f or "%Z" in f for f in formats):
            return text, read
        return text, f"timezone({_zone(key, zone)}, {read})"
    colon = rf"regexp_replace({text}, '([+-]\d\d)(\d\d)$', '\1:\2')"
    local = f"timezone({_zone(key, zone)}, try_cast({text} as timestamp))"
    return (
        text,
        f"case when regexp_matches({text}, {literal(_ZONED)}) then try_cast({colon} as timestamptz) else {local} end",
    )


def _zone(key: str, zone: str | None) -> str:
    if zone is None:
        raise wrong(
            "times.zone",
            f"{key} 的时间不带时区；写明是哪个时区的时间，如 Asia/Shanghai",
            f"the times of {key} carry no zone; say in which zone they are, such as Asia/Shanghai",
        )
    return literal(zone)


def _text(sql: str, kind: str) -> str:
    if kind in _FRACTION:  # ids that a data frame has turned into 17850.0
        whole = f"{sql} = floor({sql}) and abs({sql}) < 1e15"
        return (
            f"case when {whole} then cast(cast({sql} as bigint) as varchar) else cast({sql} as varchar) end"
        )
    return f"nullif(trim(cast({sql} as varchar)), '')"


def _number(
    on: _Binder, mapping: Mapping, name: str, fields: dict[str, str], problems: list[tuple[str, str]]
) -> None:
    if name not in mapping.columns:
        fields[name] = "null::double"
        return
    key = f"columns.{name}"
    sql, kind = on.bind(key, mapping.columns[name])
    bad = f"not isfinite({name})"
    if kind == "VARCHAR":
        fields[f"zd_{name}"] = f"nullif(trim({sql}), '')"
        fields[name] = f"try_cast(nullif(trim({sql}), '') as double)"
        bad += f" or {name} is null and zd_{name} is not null"
    elif kind in ("BOOLEAN", "DATE", "BLOB", "UUID") or kind.startswith(("TIME", "INTERVAL")):
        raise wrong(key, f"应是数字，得到的是 {kind}", f"a number is needed, but this is {kind}")
    else:
        fields[name] = f"cast({sql} as double)"
    problems.append((bad, literal(f"bad_value|{key}")))


def _source_id(on: _Binder, mapping: Mapping, problems: list[tuple[str, str]]) -> str:
    if not mapping.source_id:
        return "null::varchar"
    parts = []
    for name in mapping.source_id:
        parts.append(_text(*on.bind("source_id", _only_column(on, name))))
    problems.append(("source_id is null", literal("missing_value|source_id")))
    return f"({_joined(parts)})"


def _only_column(on: _Binder, name: str) -> str:
    on.column("source_id", name)
    return name


def _joined(parts: Sequence[str]) -> str:
    return " || ':' || ".join(f"({part})" for part in parts)


def _body(on: _Binder, mapping: Mapping) -> str:
    if not mapping.body:
        return "null::varchar"
    for name in mapping.body:
        on.column("body", name)
    pairs = ", ".join(f"{literal(name)}: {on.bind('body', name)[0]}" for name in mapping.body)
    return f"cast(to_json({{{pairs}}}) as varchar)"
