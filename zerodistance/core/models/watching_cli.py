"""`zerodistance models watch` and `models evaluate KEY`: what champions are like now, and how right a version is by the outcomes known by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from rich.table import Table

from zerodistance.kernel import clock, command
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.models.store import Look
    from zerodistance.core.models.watching import Watched

_FEW = 5  # features that are shown


def watch(keys: tuple[str, ...], as_json: bool) -> None:
    """Look at champions now, and print what is different."""
    from zerodistance.core.models import watching

    home, who = command.home(), command.who()
    watching.look(home, who, keys)
    found = [one for one in watching.watched(home, who) if not keys or one.model.key in keys]
    if as_json:
        command.say_json([_plain(one) for one in found])
        return
    if not found:
        command.tell(Text("还没有上任的版本", "no model has a champion yet"))
        return
    lang = command.lang()
    table = _table(
        Text("模型", "model"), Text("版", "version"), Text("人数", "persons"), Text("评分 PSI", "PSI of scores"),
        Text("变得最多的特征", "feature that moved most"),
        Text("结果已知：AUC", "by outcomes: AUC"), Text("校准误差", "calibration error"), Text("漂移", "drift"), lang=lang,
    )  # fmt: skip
    for one in found:
        table.add_row(*_row(one, lang))
    command.show(table)
    for one in found:
        _features(one, lang)


def evaluate(key: str, number: int | None, until: date | None, as_json: bool) -> None:
    """Look how right a version is, and print it by cohort."""
    from zerodistance.core.models import examining, watching

    home, who = command.home(), command.who()
    with command.stages(Text("{stage}", "{stage}")) as hear:
        found = examining.examine(home, who, key, number, until=until, told=hear)
    if as_json:
        about = {"look": found.number, "model": found.model, "version": found.version, "signs": found.signs}
        command.say_json(watching.finite({**about, **found.said}))
        return
    _outcomes(found, command.lang())


def _plain(one: Watched) -> dict[str, Any]:
    looks = {
        name: asdict(look) if look else None
        for name, look in (("scores", one.scores), ("outcomes", one.outcomes))
    }
    return {"model": one.model.key, "version": one.version, "signs": one.signs, **looks}


def _row(one: Watched, lang: str) -> list[str]:
    from zerodistance.core.models.drift import SIGNS
    from zerodistance.core.models.watching import worst

    said = one.scores.said if one.scores else None
    moved = worst(said, 1) if said else []
    right = one.outcomes.said["figures"] if one.outcomes else {}
    signs = "; ".join(SIGNS[sign].get(lang) for sign in one.signs)
    return [
        one.model.label.get(lang),
        str(one.version),
        f"{said['persons']:,}" if said else "–",
        f"{said['psi']:.3f}" if said else "–",
        _moved(*moved[0]) if moved else "–",
        _figure(right.get("auc")),
        _figure(right.get("ece")),
        signs or Text("没有", "none").get(lang),
    ]


def _moved(name: str, one: Mapping[str, Any]) -> str:
    return f"{name} {one['psi']:.3f}" if one["psi"] is not None else f"{name} –"


def _features(one: Watched, lang: str) -> None:
    """Print the features of a model that has drifted."""
    from zerodistance.core.models.watching import worst

    if not one.scores or not one.scores.signs:
        return
    command.tell(Text("{model}：", "{model}:"), model=one.model.label)
    table = _table(
        Text("特征", "feature"),
        Text("PSI", "PSI"),
        Text("缺失，原来", "missing, before"),
        Text("现在", "now"),
        lang=lang,
    )
    for name, moved in worst(one.scores.said, _FEW):
        psi = "–" if moved["psi"] is None else f"{moved['psi']:.3f}"
        table.add_row(name, psi, f"{moved['nulls_before']:.1%}", f"{moved['nulls']:.1%}")
    command.show(table)


def _outcomes(found: Look, lang: str) -> None:
    from zerodistance.core.models import cohorts
    from zerodistance.core.models.card import MEASURES
    from zerodistance.core.models.catalogue import MODELS
    from zerodistance.core.models.drift import SIGNS

    said, model = found.said, MODELS[found.model]
    command.tell(
        Text(
            "{key} 第 {number} 版：用 {day} 的特征，{rows} 人，{came} 人发生",
            "version {number} of {key}: with the features of {day}, {rows} persons, of whom {came} did",
        ),
        key=found.model, number=found.version, day=f"{clock.from_micros(said['as_of']):%Y-%m-%d}", rows=f"{said['rows']:,}", came=f"{said['came']:,}",
    )  # fmt: skip
    table = _table(
        Text("衡量", "measure"),
        Text("现在（95% 区间）", "now (95 % interval)"),
        Text("训练时", "when trained"),
        lang=lang,
    )
    for name, one in said["figures"].items():
        plain = name.removeprefix("rules_")
        label = MEASURES.get(plain, Text(plain, plain))
        if plain != name:
            label = Text(f"  经验规则：{label.zh}", f"  rules of thumb: {label.en}")
        table.add_row(label.get(lang), _figure(one), _figure(said["before"].get(name)))
    command.show(table)
    for sign in found.signs:
        command.tell(Text("漂移：{sign}", "drift: {sign}"), sign=SIGNS[sign])
    for kind, each in said.get("cohorts", {}).items():
        rows = _table(
            cohorts.NAMES[kind], Text("人数", "persons"), Text("发生", "came true"), Text("所说", "said"),
            Text("校准误差", "calibration error"), Text("AUC", "AUC"), lang=lang,
        )  # fmt: skip
        for key, one in each.items():
            auc = "–" if one["auc"] is None else f"{one['auc']:.3f}"
            rows.add_row(
                cohorts.label(model, kind, key).get(lang),
                f"{one['rows']:,}",
                f"{one['came']:.2%}",
                f"{one['said']:.2%}",
                f"{one['ece']:.3f}",
                auc,
            )
        command.show(rows)


def _figure(one: dict[str, Any] | None) -> str:
    return "–" if one is None else f"{one['value']:.3f} ({one['low']:.3f}–{one['high']:.3f})"


def _table(*heads: Text, lang: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(head.get(lang))
    return table
