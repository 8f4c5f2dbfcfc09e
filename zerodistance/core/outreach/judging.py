"""What is wrong with a message template, or to be minded: variables, lengths at their longest, words that advertising may not use. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zerodistance.core.outreach import lengths, words
from zerodistance.core.outreach.contracts import ChannelName, Purpose
from zerodistance.core.outreach.templates import Rendered, Sender, Template, fill, holes, render, valued
from zerodistance.kernel.text import LANGS, Text

_URL = "https://example.com/u/0123456789abcdef0123456789abcdef"
"""As long as a link of `links` is, for the length of a message."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a template, or to be minded.

    Attributes
    ----------
    stops
        Whether it can't be saved with it.
    lang
        Of the text that it is about; empty: of the template.
    code
        `unknown_variable`, `unused_variable`, `too_long`, `word`, `no_subject`, `no_text`, `languages`, `link`.
    """

    code: str
    stops: bool
    lang: str
    why: Text


def find_problems(template: Template, lists: Sequence[words.WordList], sender: Sender) -> list[Problem]:
    """Return what is wrong with a template, what stops it first: variables, lengths at their longest, forbidden words."""
    found: list[Problem] = []
    used: set[str] = set()
    known = {one.key for one in template.variables}
    for lang, body in template.bodies.items():
        named = [*holes(body.subject), *holes(body.text)]
        used.update(named)
        for one in dict.fromkeys(named):
            if one not in known:
                there = ", ".join(sorted(known)) or "–"
                why = Text(
                    f"没有声明变量 {{{one}}}；已声明：{there}",
                    f"the variable {{{one}}} is not declared; there are {there}",
                )
                found.append(Problem("unknown_variable", True, lang, why))
        if not body.text.strip():
            found.append(Problem("no_text", True, lang, Text("正文是空的", "there is no text")))
        found += _lengths(template, lang, sender) if set(named) <= known else []
        found += _words(template, lang, lists)
    for variable in template.variables:
        if variable.key not in used:
            why = Text(f"变量 {{{variable.key}}} 没有用到", f"the variable {{{variable.key}}} is not used")
            found.append(Problem("unused_variable", False, "", why))
    if len(template.bodies) < len(LANGS):
        why = Text(
            "只有一种语言：说另一种语言的人也会收到它",
            "it has one language: who speaks the other is written to in it",
        )
        found.append(Problem("languages", False, "", why))
    return sorted(found, key=lambda one: not one.stops)


def longest(template: Template, lang: str, sender: Sender) -> Rendered:
    """Return a message with every variable as long as it may be: what lengths are judged by."""
    wide = "宽" if lang == "zh" else "m"
    values = {one.key: wide * one.longest for one in template.variables}
    shown = sender if sender.name.get(lang) else Sender(Text(wide * 8, wide * 8))
    return render(template, lang, values, shown, None if template.purpose == Purpose.SERVICE else _URL)


def _lengths(template: Template, lang: str, sender: Sender) -> list[Problem]:
    limits, most, found = lengths.LIMITS[ChannelName(template.channel)], longest(template, lang, sender), []
    if limits.subject is None:
        if template.bodies[lang].subject.strip():
            why = Text("这个渠道没有标题", "this channel has no subject line")
            found.append(Problem("no_subject", True, lang, why))
    elif not template.bodies[lang].subject.strip():
        found.append(Problem("no_subject", True, lang, Text("标题是空的", "there is no subject line")))
    elif len(most.subject) > limits.subject:
        why = Text(
            f"标题最长 {len(most.subject)} 字，超过 {limits.subject}",
            f"the subject line may take {len(most.subject)} characters, more than {limits.subject}",
        )
        found.append(Problem("too_long", True, lang, why))
    if len(most.text) > limits.text:
        why = Text(
            f"正文最长 {len(most.text)} 字，超过 {limits.text}",
            f"the text may take {len(most.text)} characters, more than {limits.text}",
        )
        found.append(Problem("too_long", True, lang, why))
    if limits.parts is not None and (parts := lengths.parts(most.text)).parts > limits.parts:
        why = Text(
            f"最长会拆成 {parts.parts} 条短信（{parts.alphabet}），超过 {limits.parts}",
            f"it may be sent as {parts.parts} text messages ({parts.alphabet}), more than {limits.parts}",
        )
        found.append(Problem("too_long", True, lang, why))
    return found


def find_words(
    template: Template, lists: Sequence[words.WordList], values: Mapping[str, str] | None = None
) -> list[Problem]:
    """Return the words of some lists that a template uses, filled with these values where they are given, else with its defaults."""
    return [problem for lang in template.bodies for problem in _words(template, lang, lists, values)]


def _words(
    template: Template, lang: str, lists: Sequence[words.WordList], values: Mapping[str, str] | None = None
) -> list[Problem]:
    body = template.bodies[lang]
    said = f"{body.subject}\n{body.text}"
    if values is None:
        said += "\n" + "\n".join(one.default.get(lang) for one in template.variables)
    else:
        said = fill(said, valued(template, lang, values))
    return [
        Problem(
            "word",
            one.weight == words.FORBIDDEN,
            lang,
            Text(f"“{one.word}”：{one.why}", f"“{one.word}”: {one.why}"),
        )
        for one in words.find(said, lists, lang, template.purpose)
    ]
