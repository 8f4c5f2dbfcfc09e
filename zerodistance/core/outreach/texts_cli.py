"""`zerodistance outreach templates` and `words`: what messages say, and what they may not."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.outreach.templates import Template

AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
Key = Annotated[str, Parameter(help=words("键", "key"))]
templates_app = App(name="templates", help=words("消息模板", "templates of messages"))
words_app = App(name="words", help=words("广告不得使用的词", "words that advertising may not use"))


@templates_app.command(name="list", help=words("列出模板", "list templates"))
def list_(*, as_json: AsJson = False) -> None:
    """List the newest version of each template."""
    from zerodistance.core.outreach import catalogue, templates
    from zerodistance.core.outreach.contracts import CHANNELS, PURPOSES, ChannelName, Purpose

    found, lang = catalogue.listed(command.home(), command.who()), command.lang()
    if as_json:
        command.say_json([templates.as_dict(one) for one in found])
        return
    table = Table(
        *(
            Text(*one).get(lang)
            for one in (
                ("键", "key"),
                ("名称", "name"),
                ("渠道", "channel"),
                ("目的", "purpose"),
                ("版本", "version"),
                ("谁改的", "changed by"),
            )
        )
    )
    for one in found:
        off = Text("（已停用）", " (withdrawn)").get(lang) if one.off else ""
        channel, purpose = CHANNELS[ChannelName(one.channel)], PURPOSES[Purpose(one.purpose)]
        table.add_row(
            one.key,
            one.name.get(lang) + off,
            channel.get(lang),
            purpose.get(lang),
            str(one.version),
            one.made_by,
        )
    command.show(table)


@templates_app.command(
    name="show", help=words("查看一个模板和它的样子", "show a template and what it looks like")
)
def show_(
    key: Key,
    *,
    version: Annotated[int | None, Parameter(help=words("版本", "version"))] = None,
    as_json: AsJson = False,
) -> None:
    """Show a template, what is wrong with it, and how a made person reads it."""
    from zerodistance.core.outreach import catalogue, templates

    home, who = command.home(), command.who()
    found = catalogue.show(home, who, key, version)
    if as_json:
        command.say_json(templates.as_dict(found))
        return
    _told(found)


def _told(found: Template) -> None:
    """Print how a made person reads a template, and what is wrong with it."""
    from zerodistance.core.outreach import catalogue, lengths
    from zerodistance.core.outreach.contracts import ChannelName

    home, who = command.home(), command.who()
    for lang in found.bodies:
        shown = catalogue.preview(home, who, found, lang)
        command.console.print(f"[{lang}] {shown.subject}".rstrip(), markup=False, highlight=False)
        command.console.print(shown.text, markup=False, highlight=False)
        if found.channel == ChannelName.SMS:
            parts = lengths.parts(shown.text)
            command.tell(
                Text("{n} 条短信（{a}，{u} 字）", "{n} text messages ({a}, {u} places)"),
                n=parts.parts,
                a=parts.alphabet,
                u=parts.units,
            )
    for problem in catalogue.problems_of(home, found):
        sign = Text("不能保存：", "stops it: ") if problem.stops else Text("注意：", "mind: ")
        command.tell(
            Text(sign.zh + "{lang}{why}", sign.en + "{lang}{why}"),
            lang=f"[{problem.lang}] " if problem.lang else "",
            why=problem.why,
        )


@templates_app.command(
    help=words(
        "从 JSON 文件保存一个模板（- 为标准输入）", "save a template from a JSON file (- is standard input)"
    )
)
def save(
    key: Key,
    file: Annotated[Path, Parameter(allow_leading_hyphen=True, help=words("JSON 文件", "JSON file"))],
    *,
    unit: Annotated[str | None, Parameter(help=words("所属小微", "unit that it belongs to"))] = None,
    dry_run: Annotated[bool, Parameter(negative="", help=words("只检查", "check only"))] = False,
) -> None:
    """Save a template, or a new version of one; says what is wrong with it."""
    from zerodistance.core.outreach import catalogue, templates

    home, who, said = command.home(), command.who(), read_object(file)
    if dry_run:
        _told(templates.of_dict(key, said))
        return
    found = catalogue.save(home, who, key, said, unit=unit)
    command.tell(Text("已保存 {key} 第 {n} 版", "saved {key}, version {n}"), key=key, n=found.version)
    for problem in catalogue.problems_of(home, found):
        command.tell(Text("注意：{why}", "mind: {why}"), why=problem.why)


@templates_app.command(help=words("停用一个模板", "withdraw a template"))
def withdraw(key: Key) -> None:
    """Let nothing more be sent with a template."""
    from zerodistance.core.outreach import catalogue

    catalogue.withdraw(command.home(), command.who(), key)
    command.tell(Text("{key} 已停用", "{key} is withdrawn"), key=key)


def read_object(file: Path) -> dict[str, Any]:
    """Return the object of a JSON file; `-` is standard input. Raises Invalid."""
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    try:
        said = json.loads(text)
    except ValueError as error:
        raise Invalid(
            field=str(file), given="…", why=Text(f"不是 JSON：{error}", f"it is no JSON: {error}")
        ) from None
    if not isinstance(said, dict):
        raise Invalid(field=str(file), given="…", why=Text("要是一个对象", "it has to be an object"))
    return said


@words_app.command(name="list", help=words("列出词表", "list the lists"))
def lists(*, as_json: AsJson = False) -> None:
    """List the lists of words, with their sources."""
    from zerodistance.core.outreach import words as lists_of

    found, lang = lists_of.lists(command.home()), command.lang()
    if as_json:
        command.say_json([{"key": one.key, "version": one.version, **lists_of.as_dict(one)} for one in found])
        return
    table = Table(
        *(
            Text(*one).get(lang)
            for one in (
                ("键", "key"),
                ("名称", "name"),
                ("词", "words"),
                ("来源", "source"),
                ("日期", "as of"),
                ("版本", "version"),
            )
        )
    )
    for one in found:
        table.add_row(
            one.key,
            one.name.get(lang),
            str(len(one.entries)) if one.on else "–",
            one.source,
            one.as_of,
            str(one.version),
        )
    command.show(table)


@words_app.command(name="show", help=words("查看一份词表", "show one list"))
def show_words(key: Key, *, as_json: AsJson = False) -> None:
    """Show the words of one list."""
    from zerodistance.core.outreach import words as lists_of

    one = lists_of.show(command.home(), key)
    if as_json:
        command.say_json(lists_of.as_dict(one))
        return
    for entry in one.entries:
        sign = Text("禁用", "forbidden") if entry.weight == lists_of.FORBIDDEN else Text("注意", "mind")
        command.tell(
            Text("{word}　{sign}　{why}", "{word}  {sign}  {why}"),
            word=entry.word,
            sign=sign,
            why=entry.why or one.source,
        )


@words_app.command(
    name="save", help=words("从 JSON 或 TOML 文件保存一份词表", "save a list from a JSON or TOML file")
)
def save_words(key: Key, file: Annotated[Path, Parameter(help=words("文件", "file"))]) -> None:
    """Save a list of words, or a new version of one."""
    from zerodistance.core.outreach import words as lists_of

    said = tomllib.loads(file.read_text(encoding="utf-8")) if file.suffix == ".toml" else read_object(file)
    found = lists_of.save(command.home(), command.who(), key, said)
    command.tell(
        Text("已保存 {key} 第 {n} 版，{w} 个词", "saved {key}, version {n}, {w} words"),
        key=key,
        n=found.version,
        w=len(found.entries),
    )


@words_app.command(help=words("查一段文字用了哪些词", "say which words a text uses"))
def find(
    text: Annotated[str, Parameter(help=words("文字", "the text"))],
    *,
    text_lang: Annotated[
        str, Parameter(help=words("文字的语言：zh 或 en", "language of the text: zh or en"))
    ] = "zh",
) -> None:
    """Say which words of the lists a text uses."""
    from zerodistance.core.outreach import words as lists_of

    found = lists_of.find(text, lists_of.lists(command.home()), text_lang, "marketing")
    for one in found:
        command.tell(
            Text("{word}（{weight}）：{why}", "{word} ({weight}): {why}"),
            word=one.word,
            weight=one.weight,
            why=one.why,
        )
    if not found:
        command.tell(Text("没有找到", "none was found"))
