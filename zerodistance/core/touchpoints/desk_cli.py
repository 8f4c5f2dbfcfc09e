"""`zerodistance quarantine fix | dismiss | recall | take-back`: what is done to many refused rows at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from zerodistance.core.touchpoints.quarantine_cli import number, take_up_here
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.touchpoints.desk import Preview
    from zerodistance.core.touchpoints.mending import Rule
    from zerodistance.core.touchpoints.quarantine import Choice

_Ids = Annotated[str, Parameter(help=words("行的编号，如 q12", "ids of rows, such as q12"))]
_Source = Annotated[str | None, Parameter(help=words("这个来源的", "of this source"))]
_Reason = Annotated[str | None, Parameter(help=words("这个原因的", "of this reason"))]
_Field = Annotated[str | None, Parameter(help=words("这个字段或列的", "of this field or column"))]
_Set = Annotated[str | None, Parameter(help=words("写成固定的值：字段=值", "set to a value: FIELD=VALUE"))]
_Map = Annotated[
    tuple[str, str, str] | None,
    Parameter(help=words("换一个值：字段 原值 新值", "change one value: FIELD FROM TO")),
]
_Replace = Annotated[
    tuple[str, str, str] | None,
    Parameter(
        help=words("按样子替换（RE2）：字段 样式 替换成", "replace by a pattern (RE2): FIELD PATTERN TO")
    ),
]
_Date = Annotated[
    tuple[str, str] | None,
    Parameter(help=words("按写法读时间：字段 写法", "read a time by its form: FIELD FORM")),
]
_To = Annotated[
    str,
    Parameter(help=words("时间改写成这种写法，默认 ISO 8601", "write the time like this; ISO 8601 if none")),
]
_Drop = Annotated[str | None, Parameter(help=words("去掉这个字段", "leave this field out"))]
_Mapping = Annotated[
    Path | None,
    Parameter(help=words("改用这个映射文件重放导入的行", "replay rows of imports under this mapping file")),
]
_Apply = Annotated[
    bool,
    Parameter(negative="", help=words("真的修改（默认只预览）", "do it; without it only a preview is shown")),
]
_Replay = Annotated[bool, Parameter(negative="", help=words("修改后就重放", "replay them then"))]
_Why = Annotated[str, Parameter(help=words("为什么放弃", "why they are given up"))]
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


def fix(
    *,
    source: _Source = None,
    reason: _Reason = None,
    field: _Field = None,
    set: _Set = None,
    map: _Map = None,
    replace: _Replace = None,
    date: _Date = None,
    to: _To = "",
    drop: _Drop = None,
    mapping: _Mapping = None,
    apply: _Apply = False,
    replay: _Replay = False,
    as_json: _AsJson = False,
) -> int:
    """Mend the waiting rows of a source, reason or field by one rule; only with `--apply` is anything changed."""
    from zerodistance.core.touchpoints import desk, quarantine
    from zerodistance.core.touchpoints.mending import Rule

    rules: list[Rule] = []
    if set is not None:
        name, _, value = set.partition("=")
        rules.append(Rule("set", name, to=value))
    if map is not None:
        rules.append(Rule("map", *map))
    if replace is not None:
        rules.append(Rule("replace", *replace))
    if date is not None:
        rules.append(Rule("date", *date, to))
    if drop is not None:
        rules.append(Rule("drop", drop))
    if len(rules) + (mapping is not None) != 1:
        command.tell(
            Text(
                "给出一条规则：--set、--map、--replace、--date、--drop 或 --mapping",
                "give one rule: --set, --map, --replace, --date, --drop or --mapping",
            )
        )
        return 2
    home, who, which = command.home(), command.who(), _choice((), source, reason, field)
    text = None if mapping is None else _read(mapping)
    rule = rules[0] if rules else None
    if not apply:
        _tell(desk.preview(home, who, which, rule, text), as_json)
        return 0
    done = (
        desk.remap(home, who, which, text)
        if text is not None
        else desk.mend_by_rule(home, who, which, _one(rule))
    )
    command.tell(Text("改了 {n} 行", "{n} rows were changed"), n=f"{done:,}")
    if replay:
        asked = quarantine.replay(home, who, source=source, reason=reason, field=field)
        command.tell(Text("{n} 行将重放", "{n} rows will be replayed"), n=f"{asked:,}")
        take_up_here(home)
    return 0


def dismiss(
    *ids: _Ids, why: _Why, source: _Source = None, reason: _Reason = None, field: _Field = None
) -> int:
    """Give rows up: those named, or those of a source, reason or field."""
    from zerodistance.core.touchpoints import quarantine

    if not (ids or source or reason or field is not None):
        return _which()
    which = _choice(ids, source, reason, field)
    done = quarantine.dismiss(command.home(), command.who(), which, why)
    command.tell(Text("放弃了 {n} 行", "{n} rows were dismissed"), n=f"{done:,}")
    return 0


def recall(*ids: _Ids, source: _Source = None, reason: _Reason = None, field: _Field = None) -> int:
    """Take rows up again that were dismissed."""
    from zerodistance.core.touchpoints import quarantine

    if not (ids or source or reason or field is not None):
        return _which()
    done = quarantine.recall(command.home(), command.who(), _choice(ids, source, reason, field))
    command.tell(Text("{n} 行重新等待", "{n} rows wait again"), n=f"{done:,}")
    return 0


def take_back(*ids: _Ids, source: _Source = None, reason: _Reason = None, field: _Field = None) -> int:
    """Put back what came into rows that were mended and have not been replayed."""
    from zerodistance.core.touchpoints import quarantine

    if not (ids or source or reason or field is not None):
        return _which()
    done = quarantine.take_back(command.home(), command.who(), _choice(ids, source, reason, field))
    command.tell(Text("{n} 行恢复成来时的样子", "{n} rows hold what came again"), n=f"{done:,}")
    return 0


def _which() -> int:
    command.tell(
        Text(
            "说明是哪些：编号、--source、--reason 或 --field", "say which: ids, --source, --reason or --field"
        )
    )
    return 2


def _choice(ids: tuple[str, ...], source: str | None, reason: str | None, field: str | None) -> Choice:
    from zerodistance.core.touchpoints.quarantine import Choice

    return Choice(source, reason, field, [number(one) for one in ids] or None)


def _one(rule: Rule | None) -> Rule:
    assert rule is not None
    return rule


def _read(path: Path) -> str:
    from zerodistance.core.touchpoints.import_jobs import open_file

    with open_file(path) as file:
        return file.read().decode("utf-8", "replace")


def _tell(found: Preview, as_json: bool) -> None:
    from zerodistance.core.touchpoints.rules import REASONS

    counts = {
        "waiting": found.waiting,
        "looked": found.looked,
        "changed": found.changed,
        "passes": found.passes,
    }
    if as_json:
        command.say_json({**counts, "refused": dict(found.refused)})
        return
    said = Text(
        "{waiting} 行在等；看了最早的 {looked} 行：会改 {changed} 行，之后 {passes} 行能收下",
        "{waiting} rows wait; of the first {looked}, {changed} would be changed and {passes} would be taken in then",
    )
    command.tell(said, **{name: f"{n:,}" for name, n in counts.items()})
    for reason, n in found.refused.most_common():
        meant = REASONS[reason] if reason in REASONS else Text(reason, reason)
        command.tell(
            Text("  仍被拒：{why}，{n} 行", "  still refused: {why}, {n} rows"), why=meant, n=f"{n:,}"
        )
    for one in found.examples:
        before, after = (json.dumps(value, ensure_ascii=False)[:200] for value in (one.before, one.after))
        command.console.print(f"  {one.place}: {before}", markup=False, highlight=False)
        if one.changed:
            command.console.print(f"    -> {after}", markup=False, highlight=False)
    command.tell(
        Text("什么都没有改；加上 --apply 才改", "nothing was changed; with --apply it is"),
    )
