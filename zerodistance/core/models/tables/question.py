"""The mapping of a table: TOML that says what is asked of which columns. Parsed strictly, with errors that name the key and its line."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from zerodistance.core.models.ladder.points import Points, Steps
from zerodistance.core.touchpoints import toml_values as values
from zerodistance.core.touchpoints.toml_values import MappingWrong, wrong
from zerodistance.kernel.text import Text

TASKS = ("chance", "fault", "number", "when", "uplift", "value")
TYPES = ("number", "word", "date")
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "?", "-", "--")
"""What stands for no value where a mapping says nothing."""
FILE_KEYS = ("format", "csv", "json", "xlsx", "members")
_TOP = (
    "task", "data", *FILE_KEYS, "id", "group", "time", "train_before", "parts", "label", "yes", "no", "weight", "where", "features",
    "leave_out", "keep", "types", "missing", "missing_of", "columns", "each", "monotone", "settings", "test", "join", "rules",
    "duration", "ended", "ahead", "at_most", "contacted", "contacted_is", "control_is",
    "customer", "date", "amount", "until", "unit_days", "again", "last", "known", "mean", "came_times", "came_amount",
)  # fmt: skip
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "chance": ("label",),
    "fault": ("label",),
    "number": ("label",),
    "when": ("duration", "ended"),
    "uplift": ("label", "contacted"),
    "value": (),
}
_SETTINGS = (
    "bins",
    "min_samples_leaf",
    "max_leaf_nodes",
    "learning_rate",
    "l2_regularization",
    "max_features",
)


@dataclass(frozen=True)
class Join:
    """Another file whose columns stand beside those of the table.

    Attributes
    ----------
    on
        Column of the table -> column of the file; `row` is the number of a row, from 1 on.
    """

    file: Path
    on: Mapping[str, str]
    shape: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Test:
    """A file of its own that a model is looked at with; columns are made as in the table."""

    file: Path
    where: str = ""
    label: str = ""
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True)
class Question:
    """What is asked of a table. A column may be the name of one, or an expression over those of a row and its neighbours.

    Attributes
    ----------
    shape
        How the file is written, as in a mapping of an import; what is not said is found.
    yes, no
        Texts of the label that mean so; of `no` all others, if it is empty.
    features
        Empty: every column that the question is not made of, less `leave_out`.
    keep
        Features although the question is made of them, or although they look like an id.
    made
        Column -> the expression that makes it; later ones may use earlier ones.
    missing, missing_of
        Texts that stand for no value, everywhere and in one column.
    columns
        What a task asks for -> a column or an expression: `label`, `duration`, `ended`, `contacted`, `customer`, ...
    ahead
        Days, or units of `duration`; None: the task has its own.
    """

    task: str
    text: str
    data: Path | None = None
    shape: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    contacted_is: tuple[str, ...] = ()
    control_is: tuple[str, ...] = ()
    train_before: str = ""
    parts: int = 5
    where: str = ""
    features: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = MISSING
    missing_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)
    monotone: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    test: Test | None = None
    joins: tuple[Join, ...] = ()
    rules: Points | None = None
    ahead: float | None = None
    at_most: float | None = None
    until: str = ""
    unit_days: float = 7.0


def read(path: Path) -> Question:
    """Read a mapping of a table.

    Raises
    ------
    MappingWrong
        The file can't be read, a key is unknown or missing, or a value is not allowed; names the key, its line, and what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = type(error).__name__
        raise wrong(str(path), f"读不到：{why}", f"it can't be read: {why}") from None
    return parse(text, path.parent)


def parse(text: str, beside: Path = Path()) -> Question:
    """Return the question of a text; names of files are below `beside`. Raises as `read`."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise wrong("TOML", f"读不懂：{error}", f"it can't be read: {error}") from None
    try:
        return _question(given, text, beside)
    except MappingWrong as error:
        raise with_line(error, text) from None


def with_line(error: MappingWrong, text: str) -> MappingWrong:
    """Return an error about a key of a mapping with the number of the line on which the key stands, if it does."""
    key = error.data["key"]
    if isinstance(key, Text):
        return error
    last = re.escape(str(key).rpartition(".")[2])
    found = re.search(rf'^[ \t\[]*"?{last}"?[ \t]*[=\].]', text, re.MULTILINE)
    if found is None:
        return error
    line = text.count("\n", 0, found.start()) + 1
    return MappingWrong(
        key=Text(f"{key}（第 {line} 行）", f"{key} (line {line})"), zh=error.data["zh"], en=error.data["en"]
    )


def _question(given: dict[str, Any], text: str, beside: Path) -> Question:
    values.known("", given, _TOP)
    task = values.one_of("task", values.need(given, "task"), TASKS)
    for key in _NEEDED[task]:
        values.need(given, key)
    if task == "value" and not (
        {"customer", "date"} <= set(given) or {"again", "last", "known"} <= set(given)
    ):
        raise wrong(
            "customer",
            "写 customer、date（和 amount）：一行一次购买；或 again、last、known：一行一个顾客",
            "write customer, date (and amount), a row a purchase; or again, last and known, a row a customer",
        )
    if task == "value" and "customer" in given:
        values.need(given, "until")
    if "train_before" in given:
        values.need(given, "time")
    return Question(
        task=task,
        text=text,
        data=_path(beside, "data", given["data"]) if "data" in given else None,
        shape={key: given[key] for key in FILE_KEYS if key in given},
        columns={
            key: values.string(key, given[key])
            for key in (
                "label", "id", "group", "time", "weight", "duration", "ended", "contacted", "customer", "date", "amount",
                "again", "last", "known", "mean", "came_times", "came_amount",
            )
            if key in given
        },
        yes=_texts("yes", given),
        no=_texts("no", given),
        contacted_is=_texts("contacted_is", given),
        control_is=_texts("control_is", given),
        train_before=_day("train_before", given["train_before"]) if "train_before" in given else "",
        parts=values.whole("parts", given.get("parts", 2 if task == "uplift" else 5), 2),
        where=values.string("where", given["where"]) if "where" in given else "",
        features=_each("features", given),
        leave_out=_each("leave_out", given),
        keep=_each("keep", given),
        types={
            name: values.one_of(f"types.{name}", one, TYPES)
            for name, one in values.table("types", given.get("types", {})).items()
        },
        missing=_texts("missing", given) if "missing" in given else MISSING,
        missing_of={
            name: _texts(name, {name: one})
            for name, one in values.table("missing_of", given.get("missing_of", {})).items()
        },
        made=_made(given),
        monotone={
            name: _sign(f"monotone.{name}", one)
            for name, one in values.table("monotone", given.get("monotone", {})).items()
        },
        settings=_settings(values.table("settings", given.get("settings", {}))),
        test=_test(given["test"], beside) if "test" in given else None,
        joins=_joins("join", given.get("join", []), beside),
        rules=_rules(given["rules"]) if "rules" in given else None,
        ahead=_number("ahead", given["ahead"]) if "ahead" in given else None,
        at_most=_number("at_most", given["at_most"]) if "at_most" in given else None,
        until=_day("until", given["until"]) if "until" in given else "",
        unit_days=_number("unit_days", given.get("unit_days", 7)),
    )  # fmt: skip


def _path(beside: Path, key: str, given: Any) -> Path:
    return beside / values.string(key, given)


def _texts(key: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one value or a list of them as texts; a whole number and a truth as a file writes them."""
    one = given.get(key, [])
    listed = one if isinstance(one, list) else [one]
    if not all(isinstance(value, str | int | float) for value in listed):
        raise wrong(key, "应是一个值，或值的列表", "a value or a list of values is needed")
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in listed)


def _number(key: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not given > 0:
        raise wrong(key, f"应是大于 0 的数，给的是 {given!r}", f"a number above 0 is needed, not {given!r}")
    return float(given)


def _sign(key: str, given: Any) -> int:
    if isinstance(given, bool) or given not in (1, -1):
        raise wrong(
            key, "写 1（越多越高）或 -1（越多越低）", "write 1 (more only adds) or -1 (more only takes away)"
        )
    return int(given)


def _day(key: str, given: Any) -> str:
    """Return a day or time as ISO 8601; a whole number stays one."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return str(given)
    try:
        return datetime.fromisoformat(str(given)).isoformat(sep=" ")
    except ValueError:
        raise wrong(
            key,
            f"应是日期如 2021-03-31，给的是 {given!r}",
            f"a day such as 2021-03-31 is needed, not {given!r}",
        ) from None


def _made(given: dict[str, Any]) -> dict[str, str]:
    """Return the columns that are made; `{name}` in one stands for each value of the list `each.name`."""
    lists, made = _lists(given), dict[str, str]()
    for name, expression in values.table("columns", given.get("columns", {})).items():
        formula = values.string(f"columns.{name}", expression)
        for one in re.findall(r"\{(\w+)\}", formula):
            if f"{{{one}}}" not in name or one not in lists:
                raise wrong(
                    f"columns.{name}",
                    f"公式里有 {{{one}}}：列名里也要有，并在 [each] 里列出 {one}",
                    f"the expression has {{{one}}}: the name has it too, and [each] lists {one}",
                )
        made |= _spread(name, formula, lists)
    return made


def _each(key: str, given: dict[str, Any]) -> tuple[str, ...]:
    """Return names of columns, those with `{name}` for each value of the list."""
    lists = _lists(given)
    return tuple(one for name in values.strings(key, given.get(key, [])) for one in _spread(name, "", lists))


def _lists(given: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    table = values.table("each", given.get("each", {}))
    return {name: _texts(f"each.{name}", {f"each.{name}": one}) for name, one in table.items()}


def _spread(name: str, formula: str, lists: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    used = [one for one in lists if f"{{{one}}}" in name]
    found = {}
    for chosen in itertools.product(*(lists[one] for one in used)):
        new, text = name, formula
        for one, value in zip(used, chosen, strict=True):
            new, text = new.replace(f"{{{one}}}", value), text.replace(f"{{{one}}}", value)
        found[new] = text
    return found


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    values.known("settings.", given, _SETTINGS)
    return {
        key: _number(f"settings.{key}", one) if isinstance(one, float) else values.whole(f"settings.{key}", one, 1)
        for key, one in given.items()
    }  # fmt: skip


def _test(given: Any, beside: Path) -> Test:
    one = values.table("test", given)
    values.known("test.", one, ("file", "where", "label", "join"))
    return Test(
        _path(beside, "test.file", values.need(one, "file", "test.file")),
        values.string("test.where", one["where"]) if "where" in one else "",
        values.string("test.label", one["label"]) if "label" in one else "",
        _joins("test.join", one.get("join", []), beside),
    )


def _joins(key: str, given: Any, beside: Path) -> tuple[Join, ...]:
    if not isinstance(given, list):
        raise wrong(key, f"写成 [[{key}]]", f"write it as [[{key}]]")
    found = []
    for one in given:
        values.known(f"{key}.", one, ("file", "on", *FILE_KEYS))
        on = values.need(one, "on", f"{key}.on")
        pairs = (
            {name: values.string(f"{key}.on", other) for name, other in on.items()}
            if isinstance(on, dict)
            else {name: name for name in values.strings(f"{key}.on", on)}
        )
        shape = {name: one[name] for name in FILE_KEYS if name in one}
        found.append(
            Join(_path(beside, f"{key}.file", values.need(one, "file", f"{key}.file")), pairs, shape)
        )
    return tuple(found)


def _rules(given: Any) -> Points:
    if not isinstance(given, list) or not given:
        raise wrong("rules", "写成若干个 [[rules]]", "write it as several [[rules]]")
    steps = []
    for place, one in enumerate(given, start=1):
        key = f"rules {place}"
        values.known(f"{key}, ", one, ("column", "edges", "points", "missing"))
        edges, points = (values.need(one, name, f"{key}, {name}") for name in ("edges", "points"))
        fine = all(
            isinstance(listed, list)
            and all(isinstance(value, int | float) and not isinstance(value, bool) for value in listed)
            for listed in (edges, points)
        )
        if not fine or len(points) != len(edges) + 1 or sorted(set(edges)) != edges:
            raise wrong(
                key,
                "edges 是从小到大的数，points 比 edges 多一个",
                "edges are numbers that ascend, and points are one more than edges",
            )
        missing = one.get("missing", 0)
        steps.append(
            Steps(
                values.string(f"{key}, column", values.need(one, "column", f"{key}, column")),
                tuple(map(float, edges)), tuple(map(float, points)), float(missing),
            )
        )  # fmt: skip
    return Points(0.0, tuple(steps))
