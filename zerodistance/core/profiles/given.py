"""What a home's own dimension is said to be: its words, its nodes and where its values come from; as a value, and as JSON."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from zerodistance.core.profiles.contracts import INNER, OWNERS, Bands, Dimension, Input, Layer, Values
from zerodistance.core.profiles.values import Value
from zerodistance.kernel.errors import Invalid, NotFound, ZeroDistanceError
from zerodistance.kernel.text import Text

SPACES: Mapping[str, Text] = {
    "own": Text("用户自建的标签", "tags made by users"),
    "group": Text("人群分组", "groups"),
    "score": Text("模型分数", "scores of models"),
}
"""First words of the keys of a home's own dimensions; those of shipped ones are of their layers."""
GIVEN = Input("given")
KEY = re.compile(rf"({'|'.join(SPACES)})\.[a-z][a-z0-9_]{{0,62}}")
NODE = 64
"""Own value: letters of a node's key at most."""
_MOST_NODES = 1_000  # own value: nodes that are named beforehand
_PURPOSES = ("service", "marketing", "analysis")


@dataclass(frozen=True)
class Given:
    """A dimension of a home's own.

    Attributes
    ----------
    key
        `own.NAME`, `group.NAME` or `score.NAME`: a to z, 0 to 9 and `_`.
    nodes
        `Values` for texts, `Bands` for numbers.
    of, value
        Where values come from. By default they are given, subject by subject; else a touch or fact dimension that is evaluated as those shipped,
        or `Input("given", (KEY,))`: other bands over the numbers that were given for another dimension.
    made
        How it is made, in words.
    expires_on
        From this day on it is no more; None: it stays.
    expires_days
        A value holds for so many days, that on which it was given included; None: until another one is given.
    """

    key: str
    layer: Layer
    label: Text
    meaning: Text
    nodes: Bands | Values
    of: Input = GIVEN
    value: str = ""
    unit: Text = Text("", "")
    made: Text = Text("", "")
    owner: str = "marketing"
    unit_id: int | None = None
    purpose: str = "marketing"
    sensitive: bool = False
    inferred: bool = False
    freshness: timedelta = timedelta(days=1)
    expires_on: date | None = None
    expires_days: int | None = None

    @property
    def values_of(self) -> str:
        """The key of the dimension whose given values it shows; empty where it shows none."""
        return "" if self.of.name != "given" else (*self.of.kinds, self.key)[0]

    @property
    def dimension(self) -> Dimension:
        """It as a dimension of the tag tree."""
        given = "given(number)" if isinstance(self.nodes, Bands) else "given(text)"
        return Dimension(
            key=self.key,
            layer=self.layer,
            label=self.label,
            meaning=self.meaning,
            of=self.of,
            value=self.value or given,
            nodes=self.nodes,
            unit=self.unit,
            freshness=self.freshness,
            purpose=self.purpose,
            sensitive=self.sensitive,
            inferred=self.inferred,
            owner=self.owner,
            unit_id=self.unit_id,
            made=self.made,
        )


class NotOwn(NotFound):
    """A dimension is none of the home's own, or none any more."""

    code = "not_own_dimension"
    text = Text(
        "没有自建的维度 {given}；现有：{near}",
        "there is no dimension {given} of the home's own; there are: {near}",
    )


class DimensionExists(ZeroDistanceError):
    """A dimension of that key is there already."""

    code, status = "dimension_exists", 409
    text = Text("已经有维度 {key}", "there is a dimension {key} already")


class DimensionInUse(ZeroDistanceError):
    """Something stands on a dimension that somebody wants to withdraw."""

    code, status = "dimension_in_use", 409
    text = Text("{key} 还在用：{by}", "{key} is still used by {by}")


def check(given: Given) -> Given:
    """Return what was given; raises Invalid for what no dimension can be."""
    _must(
        bool(KEY.fullmatch(given.key)),
        Text("标识", "key"),
        given.key,
        Text(
            "own.、group. 或 score. 加 1 到 63 个 a-z、0-9 和 _，字母开头，如 own.vip",
            "own., group. or score. and 1 to 63 of a-z, 0-9 and _, a letter first, like own.vip",
        ),
    )
    for name, text in (
        (Text("中文名", "Chinese name"), given.label.zh),
        (Text("英文名", "English name"), given.label.en),
    ):
        _must(0 < len(text.strip()) <= 80, name, text, Text("1 到 80 个字", "1 to 80 letters"))
    _must(given.owner in OWNERS, "owner", given.owner, _one_of(OWNERS))
    _must(given.purpose in _PURPOSES, "purpose", given.purpose, _one_of(_PURPOSES))
    days = given.expires_days
    _must(days is None or 1 <= days <= 36_500, "expires_days", days, Text("1 到 36500 天", "1 to 36500 days"))
    parsed = Value.parse(given.dimension.value)
    numeric = isinstance(given.nodes, Bands)
    why = Text("数用档位，文字用值", "numbers have bands, texts have values")
    _must(parsed.textual is not numeric, "value", given.dimension.value, why)
    _check_nodes(given.nodes)
    return given


def _check_nodes(nodes: Bands | Values) -> None:
    field = Text("节点", "nodes")
    keys = [key for _, key, _ in nodes.bands] if isinstance(nodes, Bands) else list(nodes.labels)
    _must(
        len(keys) <= _MOST_NODES, field, len(keys), Text(f"最多 {_MOST_NODES} 个", f"{_MOST_NODES} at most")
    )
    for key in keys:
        _must(is_node(key), field, key, WHY_NO_NODE)
    if isinstance(nodes, Bands):
        edges = nodes.edges
        _must(bool(edges), field, "", Text("至少要一档", "at least one band"))
        rising = all(a < b for a, b in itertools.pairwise(edges))
        _must(rising, field, edges, Text("各档的起点要递增", "each band begins above the one before"))
        _must(len(set(keys)) == len(keys), field, keys, Text("节点标识不能重复", "two nodes have one key"))


def is_node(key: str) -> bool:
    """Say whether a text may be the key of a node."""
    return 0 < len(key) <= NODE and not key.startswith(INNER) and key == key.strip() and key.isprintable()


WHY_NO_NODE = Text(
    f"1 到 {NODE} 个可见字符，不以 {INNER} 开头，首尾没有空格",
    f"1 to {NODE} printable letters, not beginning with {INNER}, no space first or last",
)


def _one_of(some: Mapping[str, Any] | tuple[str, ...]) -> Text:
    listed = ", ".join(some)
    return Text(f"可用 {listed}", f"allowed are {listed}")


def _must(good: bool, field: str | Text, given: Any, why: Text) -> None:
    if not good:
        raise Invalid(field=field, given=given, why=why)


def write(given: Given) -> str:
    """Return it as JSON.

    Examples
    --------
    >>> vip = Given("own.vip", Layer.VALUE, Text("贵宾", "VIP"), Text("", ""), Values(labels={"a": Text("甲", "A")}, closed=True))
    >>> read(write(vip)) == vip
    True
    """
    return json.dumps(_as_json(given), ensure_ascii=False, sort_keys=True)


def _as_json(given: Given) -> dict[str, Any]:
    of = given.of
    return {
        "key": given.key,
        "layer": given.layer.value,
        **{name: _pair(getattr(given, name)) for name in ("label", "meaning", "unit", "made")},
        "nodes": nodes_json(given.nodes),
        "of": {
            "name": of.name,
            "kinds": of.kinds,
            "without": of.without,
            "days": of.days,
            "where": of.where,
        },
        "value": given.value,
        "owner": given.owner,
        "unit_id": given.unit_id,
        "purpose": given.purpose,
        "sensitive": given.sensitive,
        "inferred": given.inferred,
        "freshness": given.freshness.total_seconds(),
        "expires_on": given.expires_on and given.expires_on.isoformat(),
        "expires_days": given.expires_days,
    }


def read(text: str) -> Given:
    """Return what `write` wrote."""
    said = json.loads(text)
    of, on = said["of"], said["expires_on"]
    days = of["days"]
    return Given(
        key=said["key"],
        layer=Layer(said["layer"]),
        nodes=nodes_of(said["nodes"]),
        of=Input(
            of["name"],
            tuple(of["kinds"]),
            tuple(of["without"]),
            None if days is None else timedelta(days=days),
            tuple((column, word) for column, word in of["where"]),
        ),
        value=said["value"],
        owner=said["owner"],
        unit_id=said["unit_id"],
        purpose=said["purpose"],
        sensitive=said["sensitive"],
        inferred=said["inferred"],
        freshness=timedelta(seconds=said["freshness"]),
        expires_on=None if on is None else date.fromisoformat(on),
        expires_days=said["expires_days"],
        **{name: Text(*said[name]) for name in ("label", "meaning", "unit", "made")},
    )


def nodes_json(nodes: Bands | Values) -> dict[str, Any]:
    """Return nodes as JSON."""
    if isinstance(nodes, Bands):
        bands, groups = (
            [(low, key, *_pair(label)) for low, key, label in some] for some in (nodes.bands, nodes.groups)
        )
        return {"bands": bands, "groups": groups}
    return {
        "names": nodes.names,
        "labels": [(key, *_pair(label)) for key, label in nodes.labels.items()],
        "closed": nodes.closed,
        "parents": dict(nodes.parents),
        "path": nodes.path,
        "ordered": nodes.ordered,
    }


def nodes_of(said: Mapping[str, Any]) -> Bands | Values:
    """Return what `nodes_json` wrote."""
    if "bands" in said:
        both = [
            tuple((float(low), key, Text(zh, en)) for low, key, zh, en in said[name])
            for name in ("bands", "groups")
        ]
        return Bands(*both)
    labels = {key: Text(zh, en) for key, zh, en in said["labels"]}
    return Values(said["names"], labels, said["closed"], said["parents"], said["path"], said["ordered"])


def _pair(text: Text) -> tuple[str, str]:
    return text.zh, text.en
