"""Message templates: a text in Chinese and in English with variables, in versions, and what a person reads.

Who sends and how to hear no more are added by the room to every message; no template can leave them out.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from zerodistance.core.outreach.contracts import CHANNELS, PURPOSES, ChannelName, Purpose
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.text import LANGS, Text

KEY = re.compile(r"[a-z][a-z0-9-]{0,59}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
_HOLE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_LINK = re.compile(r"https?://[^\s<>\"，。；）)]+")
OF_VAULT = {
    "vault.name": Text("姓名", "name"),
    "vault.salutation": Text("称呼（姓氏与敬称）", "salutation (family name)"),
}
"""Variables that the sender fills from the vault; nobody else reads them."""
GIVEN, TAG = "given", "tag."
_MOST_VARIABLES = 20  # own value


@dataclass(frozen=True, slots=True)
class Variable:
    """What is filled in.

    Attributes
    ----------
    key
        Stands in the text as `{key}`.
    of
        `given`: the send says it, the same for everybody; `vault.name`; `tag.DIMENSION`: the label of the node that somebody is at.
    default
        Where nothing is known of somebody, or nothing is given.
    longest
        Characters; what is longer is replaced by the default.
    """

    key: str
    default: Text
    longest: int = 20
    of: str = GIVEN


@dataclass(frozen=True, slots=True)
class Body:
    """The text in one language; `subject` is empty where the channel has none."""

    text: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A template, of one version.

    Attributes
    ----------
    unit
        Number of the unit whose accounts see it; None: everybody's.
    bodies
        Language -> text; at least one.
    off
        Whether it was withdrawn: nothing more is sent with it.
    """

    key: str
    name: Text
    channel: str
    purpose: str
    bodies: Mapping[str, Body]
    variables: tuple[Variable, ...] = ()
    unit: int | None = None
    version: int = 0
    made_by: str = ""
    made_at: int = 0
    off: bool = False


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as every message says it; `contact` is an address that answers reach, such as a postal one (CAN-SPAM asks for that)."""

    name: Text
    contact: Text = field(default_factory=lambda: Text("", ""))


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message as a person reads it; `html` None: text only."""

    subject: str
    text: str
    html: str | None


class NoSender(ZeroDistanceError):
    """Nobody has said who the brand's messages come from."""

    code, status = "no_sender", 409
    text = Text(
        "还没有写明发送者；先设置：zerodistance outreach limits --sender-zh 名称 --sender-en NAME",
        "nobody has said who sends; do so first: zerodistance outreach limits --sender-zh 名称 --sender-en NAME",
    )


class NoOptOut(ZeroDistanceError):
    """A message that somebody must be able to withdraw from has no link for it."""

    code, status = "no_opt_out", 500
    text = Text("{purpose} 消息缺少退订链接", "a message for {purpose} has no link to withdraw by")


# -- as JSON


def as_dict(one: Template) -> dict[str, Any]:
    """Return a template as JSON has it, and `of_dict` reads it."""
    said = asdict(one)
    said["variables"] = [
        {**v, "default": {"zh": v["default"]["zh"], "en": v["default"]["en"]}} for v in said["variables"]
    ]
    return said


def as_json(one: Template) -> str:
    """Return what the store keeps of a version."""
    said = as_dict(one)
    return json.dumps(
        {k: said[k] for k in ("name", "channel", "purpose", "bodies", "variables")}, ensure_ascii=False
    )


def of_dict(key: str, said: Mapping[str, Any], **more: Any) -> Template:
    """Return a template from what JSON says; raises Invalid where it is none. `judging` says whether it is a good one."""
    if not KEY.fullmatch(key) or key in ("new", "look"):
        raise _invalid(
            "key",
            key,
            "小写字母、数字和连字符，以字母开头",
            "lower-case letters, digits and -, a letter first",
        )
    channel, purpose = said.get("channel"), said.get("purpose", Purpose.MARKETING)
    if channel not in [*CHANNELS]:
        raise _invalid("channel", channel, f"可用：{', '.join(CHANNELS)}", f"there are {', '.join(CHANNELS)}")
    if purpose not in [*PURPOSES]:
        raise _invalid("purpose", purpose, f"可用：{', '.join(PURPOSES)}", f"there are {', '.join(PURPOSES)}")
    bodies = said.get("bodies")
    if not isinstance(bodies, Mapping) or not bodies or not set(bodies) <= set(LANGS):
        raise _invalid("bodies", None, "zh、en 至少一种", "at least one of zh and en")
    texts = {}
    for lang in LANGS:
        if lang in bodies:
            one = bodies[lang]
            if not isinstance(one, Mapping) or not isinstance(one.get("text"), str):
                raise _invalid(f"bodies.{lang}", None, "要有 text", "it says `text`")
            texts[lang] = Body(one["text"].replace("\r\n", "\n"), str(one.get("subject") or ""))
    given = said.get("variables") or []
    if not isinstance(given, list) or len(given) > _MOST_VARIABLES:
        raise _invalid("variables", None, f"至多 {_MOST_VARIABLES} 个", f"at most {_MOST_VARIABLES}")
    variables = tuple(_variable(one) for one in given)
    if len({one.key for one in variables}) < len(variables):
        raise _invalid("variables", None, "变量不能重名", "each has a name of its own")
    name = _text(said.get("name"), "name")
    return Template(key, name, str(channel), str(purpose), texts, variables, **more)


def _variable(said: Any) -> Variable:
    if not isinstance(said, Mapping) or not _NAME.fullmatch(str(said.get("key", ""))):
        raise _invalid("variables.key", said, "小写字母、数字和下划线", "lower-case letters, digits and _")
    longest, of = said.get("longest", 20), str(said.get("of") or GIVEN)
    if isinstance(longest, bool) or not isinstance(longest, int) or not 1 <= longest <= 500:
        raise _invalid("variables.longest", longest, "1 至 500 的整数", "a whole number from 1 to 500")
    if of != GIVEN and of not in OF_VAULT and not (of.startswith(TAG) and len(of) > len(TAG)):
        allowed = ", ".join((GIVEN, *OF_VAULT, f"{TAG}DIMENSION"))
        raise _invalid("variables.of", of, f"可用：{allowed}", f"allowed are {allowed}")
    default = _text(said.get("default") or {"zh": "", "en": ""}, "variables.default", empty=True)
    if max(len(default.zh), len(default.en)) > longest:
        raise _invalid(
            "variables.default",
            max(default.zh, default.en, key=len),
            f"比 longest（{longest}）还长",
            f"longer than `longest` ({longest})",
        )
    return Variable(str(said["key"]), default, longest, of)


def _text(said: Any, name: str, *, empty: bool = False) -> Text:
    if isinstance(said, str):
        said = {"zh": said, "en": said}
    if not isinstance(said, Mapping) or not all(isinstance(said.get(lang, ""), str) for lang in LANGS):
        raise _invalid(name, None, '写成 {"zh": …, "en": …}', 'write {"zh": ..., "en": ...}')
    zh, en = str(said.get("zh") or said.get("en") or ""), str(said.get("en") or said.get("zh") or "")
    if not (zh or empty):
        raise _invalid(name, None, "不能为空", "it can't be empty")
    return Text(zh[:200], en[:200])


# -- filled in


def holes(text: str) -> list[str]:
    """Return the variables that a text names, in order; `{{` and `}}` stand for braces.

    Examples
    --------
    >>> holes("{name}, your {product} {{soon}}")
    ['name', 'product']
    """
    return [hole[1].strip() for hole in _HOLE.finditer(text) if hole[1] is not None]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its variables filled in; what is filled in is never read as a variable."""

    def one(hole: re.Match[str]) -> str:
        if hole[1] is not None:
            return values[hole[1].strip()]
        return hole[0][0]

    return _HOLE.sub(one, text)


def valued(template: Template, lang: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return what each variable is filled with: one line, no longer than it may be, else its default."""
    found = {}
    for one in template.variables:
        given = " ".join(str(values.get(one.key) or "").split())
        found[one.key] = given if 0 < len(given) <= one.longest else one.default.get(lang)
    return found


def language(template: Template, wanted: str) -> str:
    """Return the language in which somebody is written to: the wanted one if the template has it, else the one that it has."""
    return wanted if wanted in template.bodies else next(iter(template.bodies))


def render(
    template: Template, lang: str, values: Mapping[str, str], sender: Sender, opt_out_url: str | None
) -> Rendered:
    """Return a message as somebody reads it, with who sends it and how to hear no more.

    Parameters
    ----------
    opt_out_url
        Where one click withdraws; None for service alone.

    Raises
    ------
    NoSender, NoOptOut
        Nobody has said who sends; there is no link for what needs one.
    """
    if not sender.name.get(lang):
        raise NoSender()
    if opt_out_url is None and template.purpose != Purpose.SERVICE:
        raise NoOptOut(purpose=template.purpose)
    body = template.bodies[lang]
    filled = valued(template, lang, values)
    subject, text = " ".join(fill(body.subject, filled).split()), fill(body.text, filled).strip()
    match template.channel:
        case ChannelName.SMS:
            return Rendered("", _sms(text, lang, sender.name.get(lang), opt_out_url), None)
        case ChannelName.EMAIL:
            return Rendered(
                subject, _mail(text, lang, sender, opt_out_url), _html(text, lang, sender, opt_out_url)
            )
        case _:
            foot = [sender.name.get(lang), *([_STOP.get(lang) + opt_out_url] if opt_out_url else [])]
            return Rendered(subject, "\n".join([text, "", *foot]), None)


_STOP = Text("不想再收到：", "No more of these: ")
_STOP_SMS = Text("拒收 ", "Stop: ")
_UNSUBSCRIBE = Text("退订", "Unsubscribe")


def _sms(text: str, lang: str, name: str, url: str | None) -> str:
    said = (
        f"【{name}】{text}" if lang == "zh" else f"{name}: {text}"
    )  # a signature in 【】 stands before Chinese ones
    return f"{said} {_STOP_SMS.get(lang)}{url}" if url else said


def _mail(text: str, lang: str, sender: Sender, url: str | None) -> str:
    foot = ["-- ", sender.name.get(lang)]
    if sender.contact.get(lang):
        foot.append(sender.contact.get(lang))
    if url:
        foot.append(f"{_UNSUBSCRIBE.get(lang)}: {url}")
    return "\n".join([text, "", *foot, ""])


def _html(text: str, lang: str, sender: Sender, url: str | None) -> str:
    paragraphs = [f"<p>{_linked(part)}</p>" for part in re.split(r"\n{2,}", text) if part.strip()]
    foot = [html.escape(sender.name.get(lang))]
    if sender.contact.get(lang):
        foot.append(html.escape(sender.contact.get(lang)))
    if url:
        foot.append(f'<a href="{html.escape(url, quote=True)}">{_UNSUBSCRIBE.get(lang)}</a>')
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"></head><body>'
        + "".join(paragraphs)
        + f"<hr><p>{'<br>'.join(foot)}</p></body></html>"
    )


def _linked(text: str) -> str:
    parts, last = [], 0
    for hit in _LINK.finditer(text):
        parts.append(html.escape(text[last : hit.start()]))
        url = html.escape(hit[0], quote=True)
        parts.append(f'<a href="{url}">{url}</a>')
        last = hit.end()
    parts.append(html.escape(text[last:]))
    return "".join(parts).replace("\n", "<br>")


def _invalid(name: str, given: object, zh: str, en: str) -> Invalid:
    return Invalid(field=name, given=given, why=Text(zh, en))
