"""A mapping written as text is the same mapping when it is read again."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.touchpoints.mapping import (
    EPOCHS,
    NAMESPACES,
    NUMBERS,
    TYPES,
    WORDS,
    CsvShape,
    JsonShape,
    KindRule,
    Mapping,
    SourceSpec,
    Times,
    XlsxShape,
    parse,
)
from zerodistance.core.touchpoints.mapping_text import write
from zerodistance.kernel.text import Text

TEXTS = st.text(min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
KEYS = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,8}", fullmatch=True)
FIELDS = st.from_regex(r"[a-z][a-z0-9_.]{0,8}", fullmatch=True)
LAGS = st.builds(
    lambda n, unit: timedelta(seconds=n * unit), st.integers(0, 999), st.sampled_from([1, 60, 3_600, 86_400])
)
TIMES = st.builds(
    Times,
    TEXTS,
    st.lists(st.sampled_from([*EPOCHS, "%Y-%m-%d", "%d/%m/%Y %H:%M"]), max_size=2).map(tuple),
    st.sampled_from([None, "UTC", "Asia/Shanghai"]),
).flatmap(
    lambda times: st.one_of(
        LAGS.map(lambda lag: Times(times.happened_at, times.formats, times.zone, None, lag)),
        TEXTS.map(lambda at: Times(times.happened_at, times.formats, times.zone, at, None)),
    )
)
SOURCES = st.builds(
    SourceSpec,
    KEYS,
    st.none() | st.builds(Text, TEXTS, TEXTS),
    st.sampled_from(["import", "call"]),
    st.none() | TEXTS,
)
RULES = st.builds(KindRule, st.sampled_from(["order.line", "custom"]), TEXTS)
KINDS = st.one_of(
    st.builds(lambda key: (KindRule(key),), st.sampled_from(["order.line", "custom"])),
    st.lists(RULES, min_size=1, max_size=3).map(tuple),
    st.lists(RULES, max_size=2).map(lambda rules: (*rules, KindRule("custom"))),
)
SHAPES = st.one_of(
    st.builds(
        lambda delimiter, nulls, encoding: {"csv": CsvShape(delimiter, nulls=nulls, encoding=encoding)},
        st.sampled_from([",", ";", "\t"]),
        st.sampled_from([("",), ("", "NULL"), ()]),
        st.sampled_from(["utf-8", "gb18030"]),
    ),
    st.builds(lambda names: {"csv": CsvShape(header=False, columns=tuple(names))}, st.lists(NAMES, min_size=1)),
    st.builds(
        lambda path: {"format": "json", "json": JsonShape(tuple(path))}, st.lists(NAMES, max_size=3)
    ),
    st.builds(
        lambda sheet, header: {"format": "xlsx", "xlsx": XlsxShape(sheet, header)},
        TEXTS | st.integers(1, 9),
        st.integers(1, 9),
    ),
    st.just({"format": "parquet"}),
)  # fmt: skip


@st.composite
def mappings(draw: st.DrawFn) -> Mapping:
    shape = draw(SHAPES)
    given_ = {
        "kinds": draw(KINDS),
        "times": draw(TIMES),
        "types": draw(st.dictionaries(NAMES, st.sampled_from(sorted(TYPES)), max_size=3)),
        "identifiers": draw(st.dictionaries(st.sampled_from(NAMESPACES), TEXTS, max_size=2)),
        "columns": draw(st.dictionaries(st.sampled_from(WORDS + NUMBERS), TEXTS, max_size=3)),
        "facts": draw(st.dictionaries(FIELDS, TEXTS, max_size=2)),
        "body": tuple(draw(st.lists(NAMES, max_size=2))),
        "source_id": tuple(draw(st.lists(NAMES, max_size=2))),
        "required": tuple(draw(st.lists(st.sampled_from(["somebody", *WORDS]), max_size=2))),
        "checks": draw(st.dictionaries(FIELDS, TEXTS, max_size=2)),
        "members": "*" if shape.get("format") in ("xlsx", "parquet") else draw(TEXTS),
    }
    return Mapping(source=draw(SOURCES), **{"format": "csv", **shape, **given_})


@given(mappings())
def test_what_is_written_is_read_back_as_the_same_mapping(mapping: Mapping) -> None:
    found = parse(write(mapping), unfinished=True)
    assert found == mapping
    assert found.hash == mapping.hash


def test_the_example_keeps_its_meaning() -> None:
    text = (Path(__file__).parents[3] / "examples" / "online_retail" / "mapping.toml").read_text(
        encoding="utf-8"
    )
    assert parse(write(parse(text))) == parse(text)


@pytest.mark.parametrize("when", ["a = '\n'", "'''", "a\n'", 'x"\\', "\x7f\u2028", "tab\t\r\n"])
def test_an_expression_of_any_signs_is_written_so_that_toml_reads_it(when: str) -> None:
    mapping = Mapping(SourceSpec("s"), "csv", (KindRule("custom", when),), Times("at", lag=timedelta(0)))
    assert tomllib.loads(write(mapping))["kind"][0]["when"] == when
