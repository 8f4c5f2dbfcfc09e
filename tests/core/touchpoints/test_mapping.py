"""Mapping files say what is wrong with them, and what they may compute."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from zerodistance.core.touchpoints.mapper import Mapper, Origin
from zerodistance.core.touchpoints.mapping import KindRule, MappingWrong, parse
from zerodistance.core.touchpoints.rows import open_rows
from zerodistance.doors.examples.retail import FOLDER as EXAMPLE
from zerodistance.kernel.home import Home

CALLS = """
format = "csv"
source = "calls"
kind = "service.called"
[times]
happened_at = "opened"
zone = "Asia/Shanghai"
lag = "1 day"
[identifiers]
phone = "phone"
"""


def change(old: str, new: str) -> str:
    assert old in CALLS
    return CALLS.replace(old, new)


def said(text: str) -> str:
    with pytest.raises(MappingWrong) as caught:
        parse(text)
    assert caught.value.message("zh")
    return str(caught.value)


def test_a_short_mapping_is_read() -> None:
    mapping = parse(CALLS)
    assert mapping.kinds == (KindRule("service.called"),)
    assert mapping.times.lag == timedelta(days=1)
    assert mapping.identifiers == {"phone": "phone"}


def test_comments_and_layout_do_not_change_what_a_mapping_says() -> None:
    assert parse("# exported nightly\n" + CALLS).hash == parse(CALLS).hash
    assert parse(change("1 day", "2 days")).hash != parse(CALLS).hash


@pytest.mark.parametrize(
    ("old", "new", "key", "hint"),
    [
        ('kind = "service.called"', 'kind = "service.caled"', "kind", "did you mean service.called"),
        ('kind = "service.called"', "", "kind", "missing"),
        ('format = "csv"', 'format = "xls"', "format", "allowed are csv, ndjson, json, xlsx, parquet"),
        ('format = "csv"', 'format = "csv"\nidentifers = {}', "identifers", "did you mean identifiers"),
        ('source = "calls"', 'source = "Call Centre"', "source", "lower case"),
        ('source = "calls"', 'source = { key = "calls", kind = "phone" }', "source.kind", "allowed are"),
        ('lag = "1 day"', "", "times.known_at", "when the brand could first know it"),
        ('lag = "1 day"', 'lag = "soon"', "times.lag", "30 min"),
        ("Asia/Shanghai", "Asia/Beijing", "times.zone", "IANA"),
        ('zone = "', 'format = "yyyy"\nzone = "', "times.format", "strptime"),
        ('phone = "phone"', 'telephone = "phone"', "identifiers.telephone", "did you mean phone"),
        ('phone = "phone"', "phone = 3", "identifiers.phone", "a text is needed"),
        ("[identifiers]", '[columns]\nprice = "x"\n[identifiers]', "columns.price", "allowed are"),
        (
            "[identifiers]",
            '[columns]\nplace = "phone"\n[identifiers]',
            "columns.place",
            "belongs in the vault",
        ),
        ("[times]", "x = 1\n[times]", "x", "no such key"),
        ('source = "calls"', 'source = "calls"\nbody = ["phone"]', "body", "belongs in the vault"),
        ('source = "calls"', 'source = "calls"\nrequired = ["email"]', "required", "not mapped"),
        ('source = "calls"', 'source = "calls"\nchecks = { fault = "true" }', "checks", "not mapped"),
        ('[identifiers]\nphone = "phone"', '[facts]\nname = "caller"', "facts", "at least one identifier"),
        ('source = "calls"', 'source = "calls"\ncsv = { encoding = "gb1" }', "csv.encoding", "gb18030"),
        ('source = "calls"', 'source = "calls"\ncsv = { header = false }', "csv.columns", "header = false"),
        ('source = "calls"', 'source = "calls"\ncsv = { delimiter = "||" }', "csv.delimiter", "one ASCII"),
        ('source = "calls"', 'source = "calls"\ntypes = { a = "int" }', "types.a", "did you mean integer"),
        ('source = "calls"', "source = ", "TOML", "can't be read"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(old: str, new: str, key: str, hint: str) -> None:
    told = said(change(old, new))
    assert told.startswith(f"mapping, {key}:") and hint in told


def test_only_the_last_kind_may_be_without_a_condition() -> None:
    rules = '[[kind]]\nis = "order.line"\n[[kind]]\nis = "order.returned"\nwhen = "q < 0"\n'
    assert "the last one" in said(change('kind = "service.called"\n', "") + rules)


def bind(home: Home, text: str, data: str) -> None:
    mapping = parse(text)
    rows = open_rows(io.BytesIO(data.encode()), mapping)
    Mapper(home, mapping, rows.schema, Origin(1, 1_000, "0" * 64, 0)).close()


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("'CN'", ""),
        ("left(minutes, 3) || 'x'", ""),
        ("case when minutes ilike '%a%' then 'b' end", ""),
        ("map {'a': 'b'}[minutes]", ""),
        ("CN", "A fixed text is written \"'CN'\""),
        ("minute", "did you mean minutes"),
        ("minutes * 60", "[types]"),
        ("uper(minutes)", "did you mean upper"),
        ("(select 1)", "one row"),
        ("max(minutes)", "more than one row"),
        ("row_number() over ()", "one row"),
        ("random()", "the same rows each time"),
        ("now()", "the same rows each time"),
        ("getenv('HOME')", "no function"),
        ("read_text('/etc/passwd')", "more than one row"),
        ("minutes) from zd_piece; drop table x; --", "not an SQL expression"),
        ("1) where (true", "not one expression"),
        ("minutes, minutes", "one value is needed"),
        ("minutes +", "not an SQL expression"),
    ],
)
def test_expressions_compute_from_one_row_and_do_nothing_else(home: Home, expression: str, hint: str) -> None:
    text = CALLS + f'[columns]\nplace = """{expression}"""\n'
    data = "opened,phone,minutes\n"
    if not hint:
        bind(home, text, data)
        return
    with pytest.raises(MappingWrong) as caught:
        bind(home, text, data)
    assert hint in str(caught.value) and "columns.place" in str(caught.value)


@pytest.mark.parametrize(
    "place",
    [
        "case when phone is null then 'x' when phone like '1%' then minutes end",
        "case when not (phone in ('1', '2') or phone between '3' and '4') then 'a' else 'b' end",
        "minutes || (phone is not null)",
    ],
)
def test_a_personal_column_may_decide(home: Home, place: str) -> None:
    bind(home, CALLS + f'[columns]\nplace = """{place}"""\n', "opened,phone,minutes\n")


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("[columns]\nplace = 'lower(phone)'", "columns.place"),
        ("[columns]\nplace = \"case when minutes is null then phone else 'x' end\"", "columns.place"),
        ("[columns]\nquantity = 'cast(\"PHONE\" as double)'", "columns.quantity"),
        ("[facts]\nname = 'upper(caller)'\n[columns]\ncampaign = \"caller || ''\"", "columns.campaign"),
    ],
)
def test_no_expression_carries_a_personal_column_into_the_log(home: Home, table: str, key: str) -> None:
    with pytest.raises(MappingWrong, match="belongs in the vault") as caught:
        bind(home, CALLS + table, "opened,phone,minutes,caller\n")
    assert key in str(caught.value)


def test_a_personal_column_named_by_an_expression_stays_out_of_the_body(home: Home) -> None:
    text = CALLS.replace('phone = "phone"', 'phone = "trim(phone)"')
    with pytest.raises(MappingWrong, match="belongs in the vault"):
        bind(home, text.replace("[times]", 'body = ["phone"]\n[times]', 1), "opened,phone,minutes\n")


def test_times_without_a_zone_need_one(home: Home) -> None:
    text = change('zone = "Asia/Shanghai"\n', "")
    with pytest.raises(MappingWrong, match="say in which zone"):
        bind(home, text, "opened,phone\n")
    bind(home, text.replace("lag =", 'format = "%Y-%m-%d %z"\nlag ='), "opened,phone\n")
    bind(home, text.replace("lag =", 'format = "epoch_ms"\nlag ='), "opened,phone\n")


def test_the_shipped_example_is_read() -> None:
    shipped = (EXAMPLE / "mapping.toml").read_text()
    assert [rule.key for rule in parse(shipped).kinds] == [
        "order.adjusted", "stock.adjusted", "order.returned", "order.line",
    ]  # fmt: skip
