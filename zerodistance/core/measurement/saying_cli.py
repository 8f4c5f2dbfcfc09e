"""What `zerodistance experiments` prints: plans, experiments, results, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from zerodistance.core.measurement import printing
from zerodistance.core.measurement.plain import plain
from zerodistance.kernel import command
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.measurement.contracts import Experiment, Plan
    from zerodistance.core.measurement.figures import ArmFigures, Result


def say_plan(found: Plan) -> None:
    """Print what an experiment could find."""
    command.tell(
        Text(
            "{audience} 人，留 {held} 作对照，基准率 {base}：看得出的最小提升 {least}（{power} 的机会）",
            "{audience} persons, {held} of them held out, a base rate of {base}: the smallest lift that is found is {least} (with a chance of {power})",
        ),
        audience=f"{found.audience:,}",
        held=f"{found.share_held:.0%}",
        base=f"{found.base_rate:.3%}",
        least="–" if found.detectable is None else f"{found.detectable:.1%}",
        power=f"{found.power:.0%}",
    )


def say_made(made: Experiment, *, as_json: bool) -> None:
    """Print that an experiment was made, or all of it as JSON."""
    if as_json:
        command.say_json(plain(made))
        return
    command.tell(
        Text("实验 {key} 已建，留 {held} 作对照", "the experiment {key} is made, {held} are held out"),
        key=made.key,
        held=f"{made.share_held:.1%}",
    )


def say_result(found: Result) -> None:
    """Print what came of an experiment."""
    lang = command.lang()
    shown = table(
        Text("组", "arm"), Text("人数", "persons"), Text("达成", "reached"), Text("达成率", "rate"), Text("收到", "sent"), Text("打开", "opened")
    )  # fmt: skip
    rows: list[tuple[Text, ArmFigures | None]] = [
        (Text("实验组", "treated"), found.treated),
        (Text("对照组", "held out"), found.held),
    ]
    for name, arm in rows:
        if arm is not None:
            rate = "–" if arm.rate is None or arm.rate.value is None else f"{arm.rate.value:.3%}"
            shown.add_row(
                name.get(lang),
                f"{arm.persons:,}",
                f"{arm.reached:,}",
                rate,
                f"{arm.sent:,}",
                f"{arm.opened:,}",
            )
    command.show(shown)
    if found.effect is not None:
        command.tell(Text("提升 {lift}", "lift {lift}"), lift=printing.share(found.effect.lift))
        command.tell(
            Text("差 {once}；随时看都成立的区间 {always}", "difference {once}; at any look {always}"),
            once=printing.share(found.effect.difference, 3),
            always=printing.share(found.always, 3),
        )
    for check in found.checks:
        command.tell(
            Text("{mark} {said}，{detail}", "{mark} {said}, {detail}"),
            mark="✓" if check.good else "!",
            said=check.text.get(lang),
            detail=check.detail.get(lang),
        )
    for note in found.notes:
        command.tell(note)


def table(*heads: Text) -> Any:
    """Return an empty table with these heads."""
    made = Table(box=None, pad_edge=False)
    for n, head in enumerate(heads):
        made.add_column(head.get(command.lang()), justify="left" if n < 2 else "right")
    return made
