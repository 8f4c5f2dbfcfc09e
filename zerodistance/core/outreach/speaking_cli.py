"""`zerodistance outreach templates`, `limits`, `words`, `consent`, `suppress`, `lift`, `approvals`: who may be written to, and with what."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.core.outreach.texts_cli import AsJson, read_object, templates_app, words_app
from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

Namespace = Annotated[
    str,
    Parameter(
        help=words("标识种类：phone、email、member_id 等", "kind of identifier: phone, email, member_id, ...")
    ),
]
Value = Annotated[str, Parameter(help=words("标识的值", "its value"))]


def add_to(app: App) -> None:
    """Add the commands to those of the room."""
    app.command(templates_app)
    app.command(words_app)
    for verb, text in (
        (limits, words("频控、免打扰、发送者：查看或设置", "caps, quiet hours, sender: show or set")),
        (consent, words("登记同意或撤回；不带参数看总数", "record a yes or a no; counts without arguments")),
        (suppress, words("把一个地址或一份名单列为禁发", "suppress an address, or a list of them")),
        (lift, words("把一个地址移出禁发名单", "take an address from every list")),
        (
            approvals,
            words("等第二个账号批准的，和已决定的", "what waits for a second account, and what was decided"),
        ),
    ):
        app.command(verb, help=text)


def limits(
    *,
    file: Annotated[
        Path | None, Parameter(help=words("JSON 文件，只写要改的", "JSON file with what is to change"))
    ] = None,
    sender_zh: Annotated[
        str | None, Parameter(help=words("发送者名称（中文）", "name of the sender, in Chinese"))
    ] = None,
    sender_en: Annotated[
        str | None, Parameter(help=words("发送者名称（英文）", "name of the sender, in English"))
    ] = None,
    contact_zh: Annotated[
        str | None, Parameter(help=words("联系地址（中文）", "address for answers, in Chinese"))
    ] = None,
    contact_en: Annotated[
        str | None, Parameter(help=words("联系地址（英文）", "address for answers, in English"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the limits, or set some of them."""
    from zerodistance.core.outreach import desk
    from zerodistance.core.outreach.policy import clock_of, in_words

    home, who, lang = command.home(), command.who(), command.lang()
    given = {
        "sender_zh": sender_zh,
        "sender_en": sender_en,
        "contact_zh": contact_zh,
        "contact_en": contact_en,
    }
    said = {
        **(read_object(file) if file else {}),
        **{key: value for key, value in given.items() if value is not None},
    }
    found = desk.set_limits(home, who, said) if said else desk.limits_shown(home, who)
    if as_json:
        command.say_json({"version": found.version, "limits": found.policy.as_dict()})
        return
    policy = found.policy
    command.tell(
        Text("第 {n} 版；发送者：{zh} / {en}", "version {n}; sender: {zh} / {en}"),
        n=found.version,
        zh=policy.sender_zh or "–",
        en=policy.sender_en or "–",
    )
    for cap in policy.caps:
        command.console.print("  " + in_words(cap).get(lang), markup=False, highlight=False)
    for one in policy.quiet:
        text = Text("  免打扰 {b}–{e} {c}（{p}）", "  quiet {b}–{e} {c} ({p})")
        command.tell(
            text, b=clock_of(one.begins), e=clock_of(one.ends), c=one.country, p=", ".join(one.purposes)
        )
    text = Text(
        "  投诉后 {cool} 天冷静；{age} 岁以下不发；服务未了不谈别的：{case}（{days} 天内的请求）",
        "  {cool} days of rest after a complaint; nobody under {age}; nothing but service while somebody waits for it: {case} (asked within {days} days)",
    )
    yes = Text("是", "yes") if policy.open_case else Text("否", "no")
    command.tell(text, cool=policy.cool_down_days, age=policy.minor_age, case=yes, days=policy.case_days)


def consent(
    namespace: Annotated[str | None, Parameter(help=words("标识种类", "kind of identifier"))] = None,
    value: Annotated[str | None, Parameter(help=words("标识的值", "its value"))] = None,
    *,
    purpose: Annotated[
        str, Parameter(help=words("目的：marketing、service、research", "marketing, service or research"))
    ] = "",
    channel: Annotated[
        str, Parameter(help=words("渠道：email、sms、webhook、inbox", "email, sms, webhook or inbox"))
    ] = "",
    withdraw: Annotated[
        bool,
        Parameter(
            negative="",
            help=words("撤回；不写目的和渠道即全部", "it is withdrawn; without purpose and channel: all"),
        ),
    ] = False,
    at: Annotated[
        datetime | None,
        Parameter(help=words("何时说的，如 2026-11-21T10:00", "when it was said, like 2026-11-21T10:00")),
    ] = None,
    place: Annotated[str, Parameter(help=words("在哪里", "where"))] = "",
    text_version: Annotated[
        str, Parameter(help=words("同意的是哪一版文字", "which text was agreed to"))
    ] = "",
    proof: Annotated[
        str, Parameter(help=words("凭什么：工单、表单编号", "what shows it: a ticket, a form"))
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Record that an address agreed or withdrew; without one, say how consent stands."""
    from zerodistance.core.outreach import desk
    from zerodistance.core.outreach.contracts import CHANNELS, PURPOSES, ChannelName, Purpose
    from zerodistance.core.outreach.suppression import REASONS

    home, who, lang = command.home(), command.who(), command.lang()
    if namespace and value:
        zoned = (
            None if at is None else clock.to_micros(at if at.tzinfo else at.replace(tzinfo=home.settings.tz))
        )
        many = desk.say(
            home, who, namespace, value, given=not withdraw, purpose=purpose, channel=channel, at=zoned, place=place,
            text_version=text_version, proof=proof,
        )  # fmt: skip
        command.tell(Text("记下 {n} 条", "{n} words were kept"), n=many)
        return
    found = desk.figures(home, who)
    if as_json:
        lines = [
            {"purpose": p, "channel": c, "given": n, "withdrawn": found.withdrawn.get((p, c), 0)}
            for (p, c), n in found.given.items()
        ]
        command.say_json(
            {
                "consents": lines,
                "suppressed": {r: {"addresses": n, "known": k} for r, (n, k) in found.suppressed.items()},
            }
        )
        return
    table = Table(
        *(
            Text(*one).get(lang)
            for one in (("目的", "purpose"), ("渠道", "channel"), ("同意", "given"), ("撤回", "withdrawn"))
        )
    )
    for p, c in sorted({*found.given, *found.withdrawn}):
        counts = (f"{some.get((p, c), 0):,}" for some in (found.given, found.withdrawn))
        table.add_row(PURPOSES[Purpose(p)].get(lang), CHANNELS[ChannelName(c)].get(lang), *counts)
    command.show(table)
    for reason, (many, known) in found.suppressed.items():
        command.tell(
            Text(
                "禁发：{r}，{n} 个地址，其中 {k} 个有人在用",
                "suppressed: {r}, {n} addresses, {k} of them somebody's",
            ),
            r=REASONS[reason],
            n=f"{many:,}",
            k=f"{known:,}",
        )


def suppress(
    namespace: Namespace,
    value: Annotated[str | None, Parameter(help=words("一个值；或用 --file", "one value; or --file"))] = None,
    *,
    file: Annotated[Path | None, Parameter(help=words("名单，每行一个", "a list, one a line"))] = None,
    reason: Annotated[str, Parameter(help=words("原因", "why"))] = "listed",
    purpose: Annotated[
        str, Parameter(help=words("只对这个目的；空为全部", "for this purpose alone; nothing: for all"))
    ] = "",
) -> None:
    """Let nothing be sent to an address, or to all of a list, whether anybody has them or not."""
    from zerodistance.core.outreach import desk

    home, who = command.home(), command.who()
    if (file is None) == (value is None):
        raise Invalid(
            field="--file", given=str(file), why=Text("给一个值，或一个文件", "give one value, or a file")
        )
    if value is not None:
        desk.suppress(home, who, namespace, value, reason, purpose)
        command.tell(Text("已列入", "it is suppressed"))
    if file is not None:
        found = desk.suppress_list(
            home, who, file.read_bytes(), namespace, file.name, reason=reason, purpose=purpose
        )
        text = Text(
            "{r} 行：列入 {a} 个，其中 {k} 个有人在用，{u} 行读不懂",
            "{r} lines: {a} suppressed, {k} of them somebody's, {u} could not be read",
        )
        command.tell(text, r=found.rows, a=found.added, k=found.known, u=found.unreadable)


def lift(namespace: Namespace, value: Value) -> None:
    """Take an address from every list of suppressed ones."""
    from zerodistance.core.outreach import desk

    gone = desk.lift(command.home(), command.who(), namespace, value)
    command.tell(Text("移出 {n} 条", "{n} entries went"), n=gone)


def approvals(
    *,
    waiting: Annotated[
        bool, Parameter(negative="", help=words("只看待批准的", "those that wait alone"))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what waits for a second account, and what was decided."""
    from dataclasses import asdict

    from zerodistance.core.outreach import approving

    found, lang = approving.listed(command.home(), command.who(), waiting=waiting), command.lang()
    if as_json:
        command.say_json([asdict(one) for one in found])
        return
    table = Table(
        *(
            Text(*one).get(lang)
            for one in (
                ("号", "number"),
                ("发送", "send"),
                ("人", "persons"),
                ("谁提交", "asked by"),
                ("状态", "state"),
                ("谁决定", "decided by"),
            )
        )
    )
    for one in found:
        table.add_row(
            str(one.number),
            one.about,
            "–" if one.size is None else f"{one.size:,}",
            one.asked_by,
            approving.STATES[one.state].get(lang),
            one.decided_by or "–",
        )
    command.show(table)
