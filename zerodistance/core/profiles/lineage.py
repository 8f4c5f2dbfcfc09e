"""How a dimension is made, in one line and in words: which touches or facts, which expression, how fresh."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.profiles.dimensions.readers import READERS
from zerodistance.core.profiles.values import EITHER
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel.text import Text

_VERBS = {
    "count": Text("次数", "number of touches"),
    "days": Text("不同的天数", "different days"),
    "span": Text("首次到最近一次的天数", "days from the first to the last"),
    "trend": Text(
        "窗口后半段与前半段之差占两者的百分比", "later half of the window less the earlier, per cent of both"
    ),
    "sum": Text("合计", "sum"),
    "mean": Text("平均", "mean"),
    "max": Text("最大", "largest"),
    "gap": Text("相邻两天之间的天数", "days between two days one after the other"),
    "usual": Text("多数日子开始的钟点", "hour at which most days begin"),
    "distinct": Text("不同的个数", "number of different ones"),
    "first": Text("最早的", "earliest"),
    "last": Text("最近的", "latest"),
    "most": Text("最多的", "most frequent"),
    "focus": Text("最多的那个占百分之几", "per cent of the most frequent one"),
    "year": Text("年份", "year"),
    "age": Text("距今的天数", "days since then"),
    "share": Text("占百分之几", "per cent"),
    "lag": Text(
        "从第一次到其后另一种的第一次的天数", "days from the first of it to the first of the others after it"
    ),
    "fact": Text("身份公布的事实", "a fact that identity publishes"),
    "given": Text("给定的值", "a value that was given"),
    "number": Text("身份公布的数", "a number that identity publishes"),
}


def expression(dimension: Dimension) -> str:
    """Return input and aggregate in one line.

    Examples
    --------
    >>> from zerodistance.core.profiles.dimensions import DIMENSIONS
    >>> expression(next(d for d in DIMENSIONS if d.key == "interest.looks.fridge"))
    'count(*) of product.viewed, product.searched, product.saved, cart.added where category = fridge within 365 days'
    """
    of = dimension.of
    if of.name != "touches":
        return dimension.value
    parts = [dimension.value, "of", ", ".join(of.kinds) or "*"]
    if of.without:
        parts += ["but", ", ".join(of.without)]
    if of.where:
        parts += [
            "where",
            " and ".join(f"{column} = {text.replace(EITHER, ' or ')}" for column, text in of.where),
        ]
    if of.days is not None:
        parts += ["within", f"{of.days} days"]
    return " ".join(parts)


def said(dimension: Dimension) -> Text:
    """Return how it is made, for a person: what is done, then the expression."""
    if dimension.made.en:
        return dimension.made
    verb, line = _VERBS[dimension.parsed.verb], expression(dimension)
    return Text(f"{verb.zh}：{line}", f"{verb.en}: {line}")


def sources(dimension: Dimension) -> Text:
    """Return the names of the touches that it is made of."""
    of = dimension.of
    if of.name == "facts":
        return Text("身份公布的事实", "facts that identity publishes")
    if of.name == "given":
        return Text("别处算出或导入后给定的值", "values that were given, computed or imported elsewhere")
    zh, en = _names(of.kinds) if of.kinds else (["任何交互"], ["any touch"])
    if of.without:
        but_zh, but_en = _names(of.without)
        zh, en = [f"{'、'.join(zh)}，不含{'、'.join(but_zh)}"], [f"{', '.join(en)} but {', '.join(but_en)}"]
    return Text("、".join(zh), ", ".join(en))


def _names(kinds: tuple[str, ...]) -> tuple[list[str], list[str]]:
    found = [
        text
        for kind in kinds
        for text in (
            [one.text for key, one in KINDS.items() if key.startswith(kind[:-1])]
            if kind.endswith(".*")
            else [KINDS[kind].text]
        )
    ]
    return [text.zh for text in found], [text.en for text in found]


def freshness(dimension: Dimension) -> Text:
    """Return how old its answer may be."""
    if dimension.of.name == "facts":
        return Text("随身份识别更新，家庭每晚重算", "follows identity; households are computed every night")
    if dimension.of.name == "given":
        return Text("给定后几秒内生效", "within seconds of being given")
    days = dimension.freshness / timedelta(days=1)
    if days == 1:
        return Text("新交互到达后随即更新，时间窗每天推移", "follows each touch; windows move every day")
    return Text(f"最多 {days:g} 天", f"{days:g} days at most")


def readers(dimension: Dimension) -> tuple[Text, ...]:
    """Return what reads it."""
    return tuple(READERS[key] for key in dimension.read_by if key in READERS)
