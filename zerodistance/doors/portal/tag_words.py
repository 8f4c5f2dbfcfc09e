"""What pages say of a tag that users made: how it stands, when it was last made, and what a version changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.tags import forms
from zerodistance.core.segments.tags.contracts import SHOWN, ByBands, ByRule, ByTouches, How, Said, UserTag
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

TAKES = {
    "first": Text("最先的", "the first"),
    "last": Text("最近的", "the last"),
    "most": Text("最多的", "the most frequent"),
}
WORDS = {
    "category": Text("品类", "category"),
    "product": Text("产品", "product"),
    "place": Text("地点", "place"),
    "channel": Text("渠道", "channel"),
    "fault": Text("故障", "fault"),
    "kind": Text("交互类型", "kind of touch"),
}


@dataclass(frozen=True)
class Standing:
    """How a tag stands.

    Attributes
    ----------
    state
        `expired`, `failed`, `waiting` (the worker has not made its values yet) or `` (nothing is to be said).
    given
        Whether its values are made by the worker; the others are worked out by the index at each turn.
    made_at
        When that was last, microseconds UTC, for tags by rule too, which follow the index once they are made; None: not yet.
    """

    state: str
    given: bool
    made_at: int | None


def standing(home: Home, one: UserTag) -> Standing:
    """Return how a tag stands today."""
    own = profiles.own_dimensions(home).by_key.get(one.said.key)
    given = own is None or own.given.values_of == one.said.key
    follows = not given or (
        isinstance(one.said.how, ByRule) and one.ran_at is not None and one.failed is None
    )
    made_at = _index_at(home) if follows else one.ran_at
    until = one.said.expires_on
    if until is not None and until <= clock.now().astimezone(home.settings.tz).date():
        return Standing("expired", given, made_at)
    if one.failed is not None:
        return Standing("failed", given, made_at)
    return Standing("waiting" if given and one.ran_at is None else "", given, made_at)


def _index_at(home: Home) -> int | None:
    at = profiles.state(home).made_at
    return None if at is None else clock.to_micros(at)


def way(how: How) -> Text:
    """Return the word for how a tag is made; of a way that no page knows its key."""
    kind = forms.kind_of(how)
    return SHOWN.get(kind, Text(kind, kind))


def changed(old: Said | None, new: Said) -> Sequence[Text]:
    """Return what a version says otherwise than the one before it; None: it is the first."""
    if old is None:
        return [Text("做了这个标签", "the tag was made")]
    found = []
    if old.label != new.label:
        found.append(_from_to(Text("名称", "name"), old.label, new.label))
    if old.meaning != new.meaning:
        found.append(Text("说明", "meaning"))
    if old.layer != new.layer:
        found.append(_from_to(Text("层级", "layer"), old.layer.label, new.layer.label))
    if old.expires_on != new.expires_on:
        day = new.expires_on
        found.append(
            Text("不再到期", "ends no more")
            if day is None
            else Text(f"{day:%Y-%m-%d} 到期", f"ends on {day:%Y-%m-%d}")
        )
    if old.how != new.how:
        found += _how(old.how, new.how)
    return found


def _from_to(what: Text, old: Text, new: Text) -> Text:
    return Text(f"{what.zh}：{old.zh} → {new.zh}", f"{what.en}: {old.en} → {new.en}")


def _how(old: How, new: How) -> list[Text]:
    was, now = way(old), way(new)
    if type(old) is not type(new):
        return [Text(f"{was.zh} → {now.zh}", f"{was.en} → {now.en}")]
    match old, new:
        case ByRule(), ByRule():
            return _nodes(old, new)
        case ByBands(), ByBands():
            return _bands(old, new)
        case _:
            return [Text(f"{now.zh}：内容改了", f"{now.en}: says something else")]


def _bands(old: ByBands, new: ByBands) -> list[Text]:
    found = []
    if old.dimension != new.dimension:
        names = (Text(one.dimension, one.dimension) for one in (old, new))
        found.append(_from_to(Text("分什么", "number"), *names))
    if old.quantiles != new.quantiles:
        parts = new.quantiles
        zh, en = (
            ("起点由人定", "beginnings chosen")
            if parts is None
            else (f"{parts} 份人数相近", f"{parts} parts of equally many")
        )
        found.append(Text(zh, en))
    if old.edges != new.edges:
        edges = (", ".join(f"{edge:,.10g}" for edge in one.edges) for one in (old, new))
        found.append(_from_to(Text("各档起点", "bands begin at"), *(Text(one, one) for one in edges)))
    return found


def _nodes(old: ByRule, new: ByRule) -> list[Text]:
    was, now = ({node.key: node for node in one.nodes} for one in (old, new))
    found = [Text(f"加了节点 {key}", f"node {key} added") for key in now if key not in was]
    found += [Text(f"去了节点 {key}", f"node {key} taken away") for key in was if key not in now]
    both = [key for key in now if key in was]
    found += [
        Text(f"{key} 的规则", f"the rule of {key}")
        for key in both
        if segments.rule_text(was[key].rule) != segments.rule_text(now[key].rule)
    ]
    found += [
        _from_to(Text(key, key), was[key].label, now[key].label)
        for key in both
        if was[key].label != now[key].label
    ]
    if both != [key for key in was if key in now]:
        found.append(Text("节点的先后", "the order of nodes"))
    return found


def in_words(how: ByTouches) -> Text:
    """Return what a tag takes of touches.

    Examples
    --------
    >>> in_words(ByTouches("last", "place", ("order.line", "service.*"), 365, (("channel", "shop"),))).en
    'the last place of Order line, service.*, in 365 days, where channel is shop'
    >>> in_words(ByTouches("most", "kind")).zh
    '最多的交互类型，任何交互'
    """
    take, word = TAKES[how.take], WORDS[how.word]
    kinds = [KINDS[kind].text if kind in KINDS else Text(kind, kind) for kind in how.kinds]
    zh = [f"{take.zh}{word.zh}", "、".join(kind.zh for kind in kinds) or "任何交互"]
    en = [f"{take.en} {word.en} of " + (", ".join(kind.en for kind in kinds) or "any touch")]
    if how.days is not None:
        zh, en = [*zh, f"{how.days} 天内"], [*en, f"in {how.days} days"]
    for column, text in how.where:
        zh, en = [*zh, f"{WORDS[column].zh}为 {text}"], [*en, f"where {WORDS[column].en} is {text}"]
    return Text("，".join(zh), ", ".join(en))
