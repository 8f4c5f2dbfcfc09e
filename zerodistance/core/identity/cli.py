"""`zerodistance identity`: who is who, why, how right that is, and what people decide about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from zerodistance.core.identity.contracts import Verdict
from zerodistance.core.identity.health_cli import COMMANDS
from zerodistance.core.identity.households.cli import app as _households
from zerodistance.core.identity.printing import day, difference, edges, table, turns, weights
from zerodistance.core.identity.ruling.cli import COMMANDS as RULING
from zerodistance.core.identity.ruling.cli import app as _rules
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.identity.contracts import Identifier, Person

app = App(name="identity", help=words("身份：谁是谁，为什么", "identity: who is who, and why"))
app.command(_households)
app.command(_rules)
for _verb, _name, _help in (*COMMANDS, *RULING):
    app.command(_verb, name=_name, help=_help)

_Person = Annotated[
    str, Parameter(help=words("用户号 p_…，或任一标识", "a public id p_..., or any identifier"))
]
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


def _find(given: str) -> Person:
    from zerodistance.core.identity import api
    from zerodistance.core.identity.contracts import NoSuchPerson

    found = api.search(command.home(), command.who(), given)
    if not found:
        raise NoSuchPerson(given=api.mask("", given) if not given.lower().startswith("p_") else given)
    if len(found) > 1:
        command.tell(
            Text(
                "有 {n} 个用户符合；显示最可能的一个",
                "{n} persons fit; this is the likeliest one",
            ),
            n=len(found),
        )
    return found[0]


def _identifiers(found: Sequence[Identifier], outside: dict[int, str] | None = None) -> None:
    from zerodistance.core.identity.rules import BY_KEY

    rows = [
        (
            i.subject,
            BY_KEY[i.namespace].label.get(command.lang()),
            i.masked,
            day(i.first_at),
            (words("多人共用", "shared") if i.shared else "") + ((outside or {}).get(i.subject, "")),
        )
        for i in found
    ]
    table(
        ("主体", "subject"),
        ("标识", "identifier"),
        ("值", "value"),
        ("首次出现", "first seen"),
        ("", ""),
        rows=rows,
    )


def _head(person: Person) -> None:
    kind = Text("访客", "visitor") if person.kind.value == "visitor" else Text("用户", "person")
    command.tell(
        Text("{kind_zh} {id}，{since} 起", "{kind_en} {id}, since {since}"),
        kind_zh=kind.zh,
        kind_en=kind.en,
        id=person.id,
        since=day(person.since),
    )
    if person.asked:
        command.tell(
            Text("原用户号 {old}，已并入", "{old} is an earlier id of the same person"), old=person.asked
        )


@app.command(help=words("显示一个用户及其标识（脱敏）", "show a person and the masked identifiers"))
def show(person: _Person, *, as_json: _AsJson = False) -> None:
    """Show a person by public id or any identifier."""
    found = _find(person)
    if as_json:
        command.say_json(asdict(found))
        return
    _head(found)
    _identifiers(found.identifiers)


@app.command(
    help=words(
        "按所说的找人：没有标识也能找，不写入任何东西",
        "find persons by what is said of them, without an identifier; nothing is written",
    )
)
def find(
    *,
    name: Annotated[str, Parameter(help=words("姓名", "the name"))] = "",
    phone: Annotated[str, Parameter(help=words("手机号", "the phone"))] = "",
    email: Annotated[str, Parameter(help=words("电子邮箱", "the e-mail address"))] = "",
    address: Annotated[str, Parameter(help=words("地址", "the address"))] = "",
    birthday: Annotated[str, Parameter(help=words("生日", "the birthday"))] = "",
    gender: Annotated[str, Parameter(help=words("性别", "the gender"))] = "",
    limit: Annotated[int, Parameter(help=words("最多几个人", "persons at most"))] = 5,
    as_json: _AsJson = False,
) -> None:
    """Say whom a record is likely about."""
    from zerodistance.core.identity import api

    given = {
        "name": name,
        "phone": phone,
        "email": email,
        "address": address,
        "birthday": birthday,
        "gender": gender,
    }
    found = api.alike(
        command.home(), command.who(), {key: value for key, value in given.items() if value}, limit
    )
    if as_json:
        command.say_json([asdict(one) for one in found])
        return
    if not found:
        command.tell(Text("没有相似的用户", "nobody is alike"))
        return
    table(
        ("用户", "person"),
        ("同一人的可能", "likely one person"),
        ("依据", "why"),
        rows=[(one.person.id, f"{one.probability:.1%}", weights(one.weights)) for one in found],
    )


@app.command(help=words("说明为什么这些标识是同一个人", "say why these identifiers are one person"))
def explain(person: _Person, *, as_json: _AsJson = False) -> None:
    """Print the evidence that holds a person together, and what was kept apart."""
    from zerodistance.core.identity import api

    found = api.explain(command.home(), command.who(), _find(person).id)
    if as_json:
        command.say_json(asdict(found))
        return
    _head(found.person)
    _identifiers(found.nodes, found.outside)
    edges(found)
    turns(found.turns)


@app.command(
    help=words(
        "把每条交互属于谁写成 CSV：source,source_id,person_id",
        "write whose each touch is as CSV: source,source_id,person_id",
    )
)
def export(file: Annotated[Path, Parameter(help=words("写入的文件", "the file to write"))]) -> None:
    """Write one row per touch."""
    from zerodistance.core.identity import api

    rows = api.export(command.home(), command.who(), file)
    command.tell(Text("{rows} 行写入 {file}", "{rows} rows written to {file}"), rows=rows, file=file)


@app.command(
    help=words(
        "按全部证据重算谁是谁，并说明变化", "compute persons anew from all evidence, and say what changed"
    )
)
def rebuild(*, as_json: _AsJson = False) -> None:
    """Begin a new epoch and print the difference."""
    from zerodistance.core.identity import api

    found = api.rebuild(command.home(), command.who())
    if as_json:
        command.say_json(asdict(found))
    else:
        difference(found)


@app.command(
    help=words(
        "比较所有写法，找出没有共同标识的同一个人，并重算谁是谁",
        "compare all ways of writing people, find who is one person without a common identifier, and compute persons anew",
    )
)
def match(*, as_json: _AsJson = False) -> None:
    """Run the matcher over all mentions, then rebuild."""
    from zerodistance.core.identity import api

    found, persons = api.match(command.home(), command.who())
    if as_json:
        command.say_json({"matched": asdict(found), "rebuilt": asdict(persons)})
        return
    command.tell(
        Text(
            "比较了 {mentions} 种写法：{links} 条匹配把用户连在一起（新增 {new}，去掉 {gone}），{doubts} 对有待判定；权重 {model}，用时 {seconds:.1f} 秒",
            "{mentions} ways of writing somebody were compared: {links} matches hold persons together ({new} new, {gone} gone), {doubts} pairs wait for a "
            "decision; weights {model}, {seconds:.1f} s",
        ),
        **asdict(found),
    )
    difference(persons)


@app.command(
    help=words("护栏：计数，和多人共用的标识", "what the guards did, and which identifiers are shared")
)
def guards(*, as_json: _AsJson = False) -> None:
    """Print guard counters and shared identifiers."""
    from zerodistance.core.identity import api
    from zerodistance.core.identity.rules import BY_KEY

    found, lang = api.guards(command.home(), command.who()), command.lang()
    if as_json:
        command.say_json(asdict(found))
        return
    rows = [(name, times, day(at)) for name, (times, at) in found.counters.items()]
    table(("计数", "counter"), ("次数", "times"), ("最近", "last"), rows=rows)
    if not found.shared_total:
        command.tell(Text("没有多人共用的标识", "no identifier is shared by too many persons"))
        return
    command.tell(Text("多人共用的标识 {n} 个：", "{n} identifiers are shared:"), n=found.shared_total)
    table(
        *(("主体", "subject"), ("标识", "identifier"), ("值", "value"), ("人数", "persons"), ("起", "since")),
        rows=[
            (
                s.subject,
                BY_KEY[s.namespace].label.get(lang),
                s.masked,
                f"{s.persons} {BY_KEY[s.by].label.get(lang)}",
                day(s.since_at),
            )
            for s in found.shared
        ],
    )


_Subject = Annotated[int, Parameter(help=words("主体号，见 explain", "subject number, see explain"))]


@app.command(help=words("撤销两个标识之间的证据", "revoke the evidence between two identifiers"))
def revoke(
    a: _Subject,
    b: _Subject,
    *,
    why: Annotated[str, Parameter(help=words("为什么不是同一个人", "why they are not one person"))],
) -> None:
    """Revoke evidence: the two no longer link, whatever comes later."""
    from zerodistance.core.identity import api

    difference(api.revoke(command.home(), command.who(), a, b, why))


@app.command(help=words("恢复已撤销的证据", "restore revoked evidence"))
def restore(a: _Subject, b: _Subject) -> None:
    """Let revoked evidence link again."""
    from zerodistance.core.identity import api

    difference(api.restore(command.home(), command.who(), a, b))


@app.command(
    help=words(
        "判定两个主体是不是同一个人：same、different 或 unsure",
        "decide whether two subjects are one person: same, different or unsure",
    )
)
def decide(
    a: _Subject,
    b: _Subject,
    verdict: Annotated[Verdict, Parameter(help=words("判定", "the verdict"))],
    *,
    why: Annotated[str, Parameter(help=words("理由", "the reason"))] = "",
) -> None:
    """Write a decision down and apply it."""
    from zerodistance.core.identity import api

    difference(api.decide(command.home(), command.who(), a, b, verdict, why))


@app.command(help=words("撤回一个判定", "take a decision back"))
def withdraw(
    number: Annotated[int, Parameter(help=words("判定的编号，见 decisions", "its number, see decisions"))],
) -> None:
    """Let what was seen and matched decide again."""
    from zerodistance.core.identity import api

    difference(api.withdraw(command.home(), command.who(), number))


_VERDICTS = {
    "same": Text("相同", "same"),
    "different": Text("不同", "different"),
    "unsure": Text("不确定", "unsure"),
}


@app.command(help=words("列出判定，最新的在前", "list the decisions, the newest first"))
def decisions(
    *,
    limit: Annotated[int, Parameter(help=words("最多几条", "how many at most"))] = 100,
    as_json: _AsJson = False,
) -> None:
    """Print what was decided, by whom and why."""
    from zerodistance.core.identity import api

    found = api.decisions(command.home(), command.who(), limit)
    if as_json:
        command.say_json([asdict(one) for one in found])
        return
    if not found:
        command.tell(Text("还没有判定", "nothing was decided yet"))
        return
    rows = [
        (
            d.number,
            f"{d.a} - {d.b}",
            _VERDICTS[d.verdict.value].get(command.lang()),
            d.why,
            d.by,
            day(d.at),
            words("已撤回", "withdrawn") if d.withdrawn_at else "",
        )
        for d in found
    ]
    columns = (
        ("编号", "number"),
        ("主体", "subjects"),
        ("判定", "verdict"),
        ("理由", "reason"),
        ("判定人", "by"),
        ("时间", "time"),
        ("", ""),
    )
    table(*columns, rows=rows)
