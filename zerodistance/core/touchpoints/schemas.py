"""What a source has agreed to send: a JSON Schema per call and name, and what becomes of events that break it.

A schema looks at the whole event as it was sent, its type among it. It is applied in digestion: sources without one pay nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import msgspec
from sqlalchemy import RowMapping, delete, insert, select, update

from zerodistance.core.touchpoints import sources, store, wire
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

OFF, OBSERVE, QUARANTINE = "off", "observe", "quarantine"
MODES: dict[str, Text] = {
    OFF: Text("不检查", "off"),
    OBSERVE: Text("只观察", "observe"),
    QUARANTINE: Text("不合约的进隔离区", "quarantine"),
}
"""What is done with an event that breaks its schema: nothing; counted with its reason, and taken in; refused."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_BYTES = 256 << 10  # own value: text of one schema
_SHOWN = 120  # own value: letters of an allowed value that are shown
_LONGEST = 300  # own value: letters of a reason
_MOST_NAME = 200  # own value: letters of an event's name
_ANY = "*"


class WrongSchema(ZeroDistanceError):
    """A schema was given that can't be used."""

    code, status = "wrong_schema", 400
    text = Text("这个约定（JSON Schema）不能用：{why}", "this schema can't be used: {why}")


class NoSchema(NotFound):
    """A source has no schema for a call and name."""

    code = "no_schema"


@dataclass(frozen=True, slots=True)
class Breach:
    """One way in which events of an observed schema broke it; times in microseconds UTC."""

    reason: str
    count: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of one source for one type of call.

    Attributes
    ----------
    name
        The event or page name it is for; empty: every name of the type that has none of its own.
    text
        The JSON as it was given.
    breaches
        What was observed since it was set, most first.
    """

    type: str
    name: str
    mode: str
    text: str
    set_by: str
    set_at: int
    breaches: tuple[Breach, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a schema says of one event; `reason` is None if it holds, `schema` None if none is meant for it."""

    type: str
    name: str
    schema: Schema | None
    reason: str | None


class Compiled:
    """A schema made ready. It never fetches anything, and its patterns run in linear time.

    Raises
    ------
    WrongSchema
        The text is no JSON Schema of draft 2020-12, or points outside of itself.
    """

    def __init__(self, text: str) -> None:
        if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
            raise WrongSchema(why=Text(f"超过 {MOST_BYTES} 字节", f"it is over {MOST_BYTES} bytes"))
        try:
            self._schema: Any = msgspec.json.decode(text.encode())
        except (*wire.BROKEN, UnicodeEncodeError) as error:
            raise WrongSchema(why=Text(f"不是 JSON：{error}", f"it is not JSON: {error}")) from None
        if not isinstance(self._schema, dict):
            raise WrongSchema(why=Text("应是一个 JSON 对象", "it should be a JSON object"))
        dialect = self._schema.get("$schema", DIALECT)
        if str(dialect).rstrip("#") != DIALECT:
            raise WrongSchema(why=Text(f"$schema 只能是 {DIALECT}", f"$schema may only be {DIALECT}"))
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                self._schema,
                mask="…",
                offline=True,
                validate_formats=True,
                pattern_options=jsonschema_rs.RegexOptions(),
            )
        except (ValueError, RecursionError) as error:
            where = "/".join(["#", *(str(step) for step in getattr(error, "instance_path", ()))])
            why = f"{where}: {str(error).splitlines()[0][:300]}"
            raise WrongSchema(why=Text(why, why)) from None
        self._words = frozenset(_words(self._schema))

    def broken(self, event: Any) -> str | None:
        """Return where an event breaks the schema and what is allowed there, None if it holds; no value of the event is in it."""
        if self._validator.is_valid(event):
            return None
        reason = self._reason(next(iter(self._validator.iter_errors(event))))
        return "".join(c if c.isprintable() else "?" for c in reason)[:_LONGEST]

    def _reason(self, error: jsonschema_rs.ValidationError) -> str:
        where = "".join(f"/{self._step(step)}" for step in error.instance_path) or "/"
        rule = error.schema_path[-1] if error.schema_path else "false"
        missing = getattr(error.kind, "property", None) if rule == "required" else None
        if isinstance(missing, str):
            return f"{where} lacks {missing}, which is required"
        return f"{where} breaks the rule {rule}, which is {self._allowed(error.schema_path)}"

    def _step(self, step: str | int) -> str:
        """Return a step of a path: places in a list are all one, and names that only the event knows may be personal."""
        return step if isinstance(step, str) and step in self._words else _ANY

    def _allowed(self, path: Sequence[str | int]) -> str:
        found = self._schema
        try:
            for step in path:
                found = found[step]
        except (KeyError, IndexError, TypeError):
            return "…"
        shown = msgspec.json.encode(found).decode()
        return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"


def set_schema(
    home: Home,
    who: Who,
    key: str,
    *,
    type: str,
    name: str = "",
    mode: str = OBSERVE,
    text: str | None = None,
) -> Schema:
    """Set the schema of a source for a type and name; without a text only the mode of the one that is set changes.

    What was observed of the earlier one is forgotten. It holds for what is digested about a second later, whenever it was sent.

    Raises
    ------
    WrongSchema
        The text is no schema of ours, or type or mode are none that there are.
    NoSchema
        No text was given and none is set.
    """
    who.need(Permission.MANAGE_SOURCES)
    number = sources.get_source(home, who, key).number
    for given, allowed in ((type, sorted(wire.TYPES)), (mode, list(MODES))):
        if given not in allowed:
            words = ", ".join(allowed)
            raise WrongSchema(why=Text(f"{given!r} 不在 {words} 之中", f"{given!r} is none of {words}"))
    if len(name) > _MOST_NAME or not name.isprintable():
        long = Text(
            f"名称最多 {_MOST_NAME} 个可见的字", f"a name has at most {_MOST_NAME} letters, all visible"
        )
        raise WrongSchema(why=long)
    if text is not None:
        Compiled(text)
    t, b, at = store.source_schema, store.schema_breach, _at(number, type, name)
    values: dict[str, Any] = {"mode": mode, "set_by": who.name, "set_at": clock.micros()}
    if text is not None:
        values["text"] = text
    with home.state.write() as tx:
        if not tx.execute(update(t).where(*at(t)).values(values)).rowcount:
            if text is None:
                raise NoSchema(what=_WHAT, given=f"{key} {type} {name}".strip())
            tx.execute(insert(t).values(source=number, type=type, name=name, **values))
        tx.execute(delete(b).where(*at(b)))
        row = tx.execute(select(t).where(*at(t))).mappings().one()
    log("sources").info("schema_set", who=who.name, source=key, type=type, mode=mode)
    return _schema(row, ())


def remove_schema(home: Home, who: Who, key: str, *, type: str, name: str = "") -> None:
    """Take a schema away; what it refused stays in the quarantine and can be replayed.

    Raises
    ------
    NoSchema
        There is none for this type and name.
    """
    who.need(Permission.MANAGE_SOURCES)
    at = _at(sources.get_source(home, who, key).number, type, name)
    t, b = store.source_schema, store.schema_breach
    with home.state.write() as tx:
        if not tx.execute(delete(t).where(*at(t))).rowcount:
            raise NoSchema(what=_WHAT, given=f"{key} {type} {name}".strip())
        tx.execute(delete(b).where(*at(b)))
    log("sources").info("schema_removed", who=who.name, source=key, type=type)


def list_schemas(home: Home, who: Who, key: str) -> list[Schema]:
    """Return the schemas of a source in the order of type and name, with what was observed."""
    number = sources.get_source(home, who, key).number
    t, b = store.source_schema, store.schema_breach
    with home.state.read() as tx:
        rows = tx.execute(select(t).where(t.c.source == number).order_by(t.c.type, t.c.name)).mappings().all()
        query = select(b).where(b.c.source == number).order_by(b.c.count.desc(), b.c.reason)
        seen = tx.execute(query).mappings().all()
    found: dict[tuple[str, str], list[Breach]] = {}
    for r in seen:
        breach = Breach(r["reason"], r["count"], r["first_at"], r["last_at"])
        found.setdefault((r["type"], r["name"]), []).append(breach)
    return [_schema(row, tuple(found.get((row["type"], row["name"]), ()))) for row in rows]


def try_schemas(
    home: Home,
    who: Who,
    key: str,
    events: Iterable[bytes],
    *,
    type: str = "",
    name: str = "",
    text: str | None = None,
) -> list[Verdict]:
    """Say what the schemas of a source make of events, whatever their mode is; nothing is kept or counted.

    Parameters
    ----------
    type, name, text
        One schema that is not set yet, tried instead of those that are; `type` also stands in for events that name none.

    Raises
    ------
    WrongSchema
        The text is no schema of ours.
    """
    known = list_schemas(home, who, key)
    if text is not None:
        known = [Schema(type, name, OBSERVE, text, who.name, clock.micros())]
    table = {(s.type, s.name): (s, Compiled(s.text)) for s in known}
    verdicts = []
    for raw in events:
        event = _read(raw, type)
        is_event = isinstance(event, dict)
        said = str(event.get("type") or "") if is_event else ""
        named = str(event.get("event") or event.get("name") or "") if is_event else ""
        found = table.get((said, named)) or table.get((said, ""))
        if not is_event:
            verdicts.append(Verdict("", "", None, "the event is not a JSON object"))
        elif found is None:
            verdicts.append(Verdict(said, named, None, None))
        else:
            verdicts.append(Verdict(said, named, found[0], found[1].broken(event)))
    return verdicts


def rows(home: Home) -> list[RowMapping]:
    """Return every schema that is not off, of every source; for the worker, which acts for nobody."""
    t = store.source_schema
    with home.state.read() as tx:
        return list(tx.execute(select(t).where(t.c.mode != OFF)).mappings().all())


_WHAT = Text("约定", "schema")


def _at(number: int, type: str, name: str) -> Any:
    return lambda t: (t.c.source == number, t.c.type == type, t.c.name == name)


def _schema(row: RowMapping, breaches: tuple[Breach, ...]) -> Schema:
    return Schema(row["type"], row["name"], row["mode"], row["text"], row["set_by"], row["set_at"], breaches)


def _read(raw: bytes, type: str) -> Any:
    try:
        event = msgspec.json.decode(raw)
    except wire.BROKEN:
        return None
    if isinstance(event, dict) and type:
        event.setdefault("type", type)
    return event


def _words(schema: Any) -> Iterable[str]:
    """Yield every name in a schema: those a path may show."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            yield key
            yield from _words(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _words(value)
