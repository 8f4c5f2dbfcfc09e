"""Schemas of sources: off, observed, or refused and replayed after the schema has changed; never a value of an event shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.core.touchpoints.doors import SYSTEM, make_source
from tests.core.touchpoints.people import EachIdentifier
from zerodistance.core.touchpoints import ledger, quarantine, schemas, store, tail
from zerodistance.core.touchpoints.agreed import Agreed
from zerodistance.core.touchpoints.cli import sources as sources_cli
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.core.touchpoints.imports import Feeds
from zerodistance.core.touchpoints.parse import Parser, Sent
from zerodistance.core.touchpoints.schemas import Compiled, NoSchema, WrongSchema
from zerodistance.kernel import clock, command
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home

PRICED = json.dumps(
    {
        "type": "object",
        "properties": {
            "properties": {
                "type": "object",
                "properties": {"price": {"type": "number", "minimum": 0}, "code": {"pattern": "^[A-Z]+$"}},
                "required": ["price"],
            }
        },
        "required": ["properties"],
    }
)
SECRET = "13812348001"


class Bench:
    """A digest that looks at schemas."""

    def __init__(self, home: Home, parser: Parser) -> None:
        self.home, self.parser, feeds = home, parser, Feeds()
        self.digest = Digest(home, EachIdentifier(), lambda: feeds(home, parser))
        self.sent = 0

    def send(self, *events: dict[str, Any], route: str = "batch") -> None:
        bodies = [{"batch": list(events)}] if route == "batch" else events
        for body in bodies:
            self.sent += 1
            raw = json.dumps(body).encode()
            self.parser.look()
            self.digest.commit(self.parser.parse([Sent(self.sent, 1, route, clock.micros(), raw)]))

    def replay(self) -> None:
        quarantine.replay(self.home, SYSTEM)
        while self.digest.step():
            pass

    def ids(self) -> list[str]:
        with self.home.engine.connect() as connection:
            tail.touches_view(connection, self.home)
            return sorted(r[0] for r in connection.execute("select source_id from touches").fetchall())


@pytest.fixture
def source(home: Home) -> Source:
    return make_source(home)


@pytest.fixture
def bench(home: Home, source: Source) -> Iterator[Bench]:
    with home.engine.connect() as connection:
        yield Bench(home, Parser(connection, home.seal, lambda source: 32_768, "CNY", Agreed(home)))


def track(id: str, name: str = "Product Viewed", **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "messageId": id, "userId": "u", "properties": properties}


def set_schema(home: Home, text: str | None = PRICED, **values: Any) -> None:
    schemas.set_schema(home, SYSTEM, "web", **{"type": "track", "text": text, **values})


def refused(home: Home) -> list[tuple[str, str]]:
    return [(row.reason, row.detail.en) for row in quarantine.rows(home, SYSTEM)]


def test_what_breaks_an_observed_schema_is_taken_in_and_counted_with_its_reason(
    home: Home, bench: Bench
) -> None:
    set_schema(home, mode="observe")
    bench.send(
        track("good", price=1), track("b1", price=SECRET), track("b2", price=SECRET), track("b3", price=-1)
    )
    assert bench.ids() == ["b1", "b2", "b3", "good"]
    (found,) = schemas.list_schemas(home, SYSTEM, "web")
    assert [(b.count, b.reason) for b in found.breaches] == [
        (2, '/properties/price breaks the rule type, which is "number"'),
        (1, "/properties/price breaks the rule minimum, which is 0"),
    ]
    t = store.source_hour
    with home.state.read() as tx:
        observed = tx.execute(select(t.c.value).where(t.c.counter == "schema_observed")).scalars().all()
    assert observed == [3]


def test_what_breaks_a_strict_schema_is_refused_with_path_and_rule(home: Home, bench: Bench) -> None:
    set_schema(home, mode="quarantine")
    bench.send(track("good", price=1), track("b1", price=SECRET), track("b2"))
    assert bench.ids() == ["good"]
    assert refused(home) == [
        ("schema", '/properties/price breaks the rule type, which is "number"'),
        ("schema", "/properties lacks price, which is required"),
    ]


def test_a_reason_is_read_in_either_language(home: Home, bench: Bench) -> None:
    set_schema(home, mode="quarantine")
    bench.send(track("b1", price=SECRET), track("b2"), {"type": "track", "userId": "u", "event": "e"})
    shown = [row.detail.zh for row in quarantine.rows(home, SYSTEM)]
    assert shown == [
        '/properties/price：type 应是 "number"',
        "/properties 缺少 price",
        "/ 缺少 properties",
    ]


def test_refused_events_become_touches_once_after_the_schema_has_changed(home: Home, bench: Bench) -> None:
    set_schema(home, mode="quarantine")
    bench.send(track("b1", price=SECRET), track("good", price=1))
    bench.replay()
    assert bench.ids() == ["good"]
    assert refused(home) == [("schema", '/properties/price breaks the rule type, which is "number"')]
    set_schema(home, text="{}", mode="quarantine")
    bench.replay()
    bench.replay()
    assert bench.ids() == ["b1", "good"]
    assert refused(home) == []


def test_a_schema_for_a_name_goes_before_that_for_its_type(home: Home, bench: Bench) -> None:
    set_schema(home, text='{"required": ["context"]}', mode="quarantine")
    set_schema(home, name="Product Viewed", mode="quarantine")
    bench.send(
        track("named", price=1), track("other", "Cart Viewed", price=1), {**track("page"), "type": "page"}
    )
    assert bench.ids() == ["named", "page"]
    assert refused(home) == [("schema", "/ lacks context, which is required")]


def test_a_single_call_is_looked_at_with_the_type_of_its_path(home: Home, bench: Bench) -> None:
    set_schema(
        home, text='{"properties": {"type": {"const": "track"}}, "required": ["type"]}', mode="quarantine"
    )
    bench.send({"event": "e", "messageId": "m", "userId": "u"}, route="track")
    assert bench.ids() == ["m"]


def test_a_schema_that_is_off_or_removed_looks_at_nothing(home: Home, bench: Bench) -> None:
    set_schema(home, mode="off")
    bench.send(track("b1"))
    set_schema(home, text=None, mode="quarantine")
    bench.send(track("b2"))
    schemas.remove_schema(home, SYSTEM, "web", type="track")
    bench.send(track("b3"))
    assert bench.ids() == ["b1", "b3"]


def test_setting_a_schema_forgets_what_was_observed_of_the_earlier_one(home: Home, bench: Bench) -> None:
    set_schema(home)
    bench.send(track("b1"))
    set_schema(home)
    assert [s.breaches for s in schemas.list_schemas(home, SYSTEM, "web")] == [()]


def test_reasons_are_kept_up_to_a_number_and_the_rest_counted_as_one(home: Home, bench: Bench) -> None:
    rules = {f"p{n}": {"type": "null"} for n in range(ledger.MOST_REASONS + 5)}
    set_schema(home, text=json.dumps({"properties": {"properties": {"properties": rules}}}))
    for part in (list(rules)[:60], list(rules)[60:]):
        bench.send(*(track(name, **{name: 1}) for name in part))
    (found,) = schemas.list_schemas(home, SYSTEM, "web")
    assert len(found.breaches) == ledger.MOST_REASONS + 1
    assert {b.reason: b.count for b in found.breaches}["…"] == 5


def test_other_sources_are_not_looked_at(home: Home, bench: Bench) -> None:
    make_source(home, "other")
    schemas.set_schema(home, SYSTEM, "other", type="track", mode="quarantine", text=PRICED)
    bench.send(track("b1"))
    assert bench.ids() == ["b1"]


NO_SCHEMAS = (
    "", "[]", "{", '{"type": "bogus"}', '{"$ref": "http://127.0.0.1:1/x.json"}', '{"$ref": "file:///etc/passwd"}',
    '{"$ref": "#/$defs/none"}', '{"pattern": "(?=a)b"}', '{"$schema": "http://json-schema.org/draft-07/schema#"}',
    '{"description": "' + "x" * schemas.MOST_BYTES + '"}', "[" * 5_000, '{"not":' * 20_000 + "{}" + "}" * 20_000,
)  # fmt: skip


def test_what_is_no_schema_of_ours_is_refused_with_why(home: Home, source: Source) -> None:
    for text in NO_SCHEMAS:
        with pytest.raises(WrongSchema) as refused:
            set_schema(home, text=text)
        assert refused.value.message("zh")
        assert refused.value.message("en")
    assert schemas.list_schemas(home, SYSTEM, "web") == []


def test_names_and_modes_that_there_are_not_are_refused(home: Home, source: Source) -> None:
    for values in ({"type": "trak"}, {"mode": "strict"}, {"name": "a\0b"}, {"name": "x" * 201}):
        with pytest.raises(WrongSchema):
            set_schema(home, **values)
    with pytest.raises(NoSchema):
        set_schema(home, text=None)
    with pytest.raises(NoSchema):
        schemas.remove_schema(home, SYSTEM, "web", type="track")


def test_only_who_manages_sources_sets_a_schema(home: Home, source: Source, analyst: Who) -> None:
    with pytest.raises(Forbidden):
        schemas.set_schema(home, analyst, "web", type="track", text="{}")
    with pytest.raises(Forbidden):
        schemas.remove_schema(home, analyst, "web", type="track")
    assert schemas.list_schemas(home, analyst, "web") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("Zq0", min_size=3), lambda c: st.lists(c) | st.dictionaries(st.text("Zq0", min_size=3), c)
)  # fmt: skip


@given(value=JSON, key=st.text("Zq0", min_size=3))
def test_no_value_and_no_unknown_name_of_an_event_stands_in_a_reason(value: Any, key: str) -> None:
    strict = Compiled(
        '{"properties": {"a": {"type": "boolean"}, "l": {"items": {"type": "boolean"}}},'
        ' "additionalProperties": {"type": "boolean"}, "unevaluatedProperties": false}'
    )
    for event in ({"a": value}, {key: value}, {"l": [value]}, {"l": {key: value}}):
        reason = strict.broken(event) or ""
        assert not {"Z", "q", "0"} & set(reason), reason


def test_a_reason_is_one_line_that_every_store_can_hold(home: Home, bench: Bench) -> None:
    odd = "a\x00b\n" * 200
    set_schema(home, text=json.dumps({"properties": {"properties": {"properties": {odd: {"type": "null"}}}}}))
    bench.send(track("m", **{odd: 1}))
    ((found,),) = (s.breaches for s in schemas.list_schemas(home, SYSTEM, "web"))
    assert found.reason.isprintable()
    assert len(found.reason) == 300


def test_a_pattern_that_would_take_for_ever_elsewhere_is_quick() -> None:
    assert (
        Compiled('{"pattern": "^(a+)+$"}').broken("a" * 50_000 + "!")
        == '/ breaks the rule pattern, which is "^(a+)+$"'
    )


def _run(words: Sequence[str]) -> object:
    return sources_cli(["schema", *words], result_action="return_value")


def test_the_command_line_sets_tries_shows_and_removes(
    home: Home, source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.set_flags(home=home.root, lang="en")
    schema, good, bad = tmp_path / "priced.json", tmp_path / "good.json", tmp_path / "bad.ndjson"
    schema.write_text(PRICED)
    good.write_text(json.dumps({"batch": [track("m", price=1)]}))
    bad.write_text("\n".join(json.dumps(track("m", price=p)) for p in (1, "x")) + "\n")
    try:
        assert _run(["try", "web", str(bad), "--schema", str(schema)]) == 1
        assert '/properties/price breaks the rule type, which is "number"' in capsys.readouterr().out
        _run(["set", "web", "track", str(schema), "--mode", "quarantine"])
        assert _run(["try", "web", str(good)]) == 0
        _run(["set", "web", "track", "--mode", "observe"])
        capsys.readouterr()
        _run(["show", "web", "--json"])
        (shown,) = json.loads(capsys.readouterr().out)
        assert (shown["type"], shown["mode"], shown["text"]) == ("track", "observe", PRICED)
        _run(["show", "web", "--text"])
        assert "observe" in capsys.readouterr().out
        _run(["remove", "web", "track"])
        assert schemas.list_schemas(home, SYSTEM, "web") == []
    finally:
        command.home().close()
        command.set_flags()
