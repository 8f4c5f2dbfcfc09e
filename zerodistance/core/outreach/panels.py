"""What outreach shows on the 360-degree page: what somebody agreed to, with what shows it, where nothing is sent; what was sent and held, and why."""

from __future__ import annotations

import json
from collections.abc import Set

from zerodistance.core.identity import api as identity
from zerodistance.core.outreach import desk
from zerodistance.core.outreach.channels import store
from zerodistance.core.outreach.contracts import (
    CHANNELS,
    MESSAGE_STATES,
    PURPOSES,
    ChannelName,
    MessageState,
    Purpose,
)
from zerodistance.core.outreach.receipts import HEARD
from zerodistance.core.outreach.sends import store as sends
from zerodistance.core.outreach.sends.queue import REASONS as REASONS_OF_MESSAGES
from zerodistance.core.outreach.suppression import REASONS
from zerodistance.core.profiles.panels import About, Line, Panel, Shown
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SOURCES = {
    "touch": Text("随触点进来", "with a touch"),
    "link": Text("点了退订链接", "by the link to unsubscribe"),
    "import": Text("随导入进来", "with an import"),
    "account": Text("人工登记", "recorded by hand"),
    "complaint": Text("投诉", "a complaint"),
}
_GIVEN, _WITHDRAWN = Text("同意", "agreed"), Text("撤回", "withdrew")
_REFUSED = "message.refused"
_MOST = 8  # own value: refusals of the log that are listed where no word of consent is kept


def _consent(home: Home, who: Who, about: About) -> Shown:
    words, barred = desk.of_person(home, who, about.person)
    lines = [_barred(one) for one in barred]
    met: set[tuple[int, str, str]] = set()
    for one in words:
        if one.word.at <= about.as_of:
            key = (one.word.subject, one.word.purpose, one.word.channel)
            lines.append(_word(one, holds=key not in met))
            met.add(key)
    if not words:
        lines += _refusals(about)
    return Shown(
        tuple(lines),
        Text("没有记录", "Nothing is recorded"),
        Text(
            "没有人告诉过我们同意或拒绝；没有记录不等于同意。",
            "Nobody has told us of a consent or a refusal; nothing recorded is no consent.",
        ),
    )


def _word(one: desk.Said, *, holds: bool) -> Line:
    word = one.word
    purpose, channel = PURPOSES[Purpose(word.purpose)], CHANNELS[ChannelName(word.channel)]
    said = _GIVEN if word.given else _WITHDRAWN
    if not holds:
        said = Text(f"{said.zh}（之前）", f"{said.en} (before)")
    source = SOURCES.get(word.source, Text(word.source, word.source))
    parts = [one.address.masked, *filter(None, (word.place, word.text_version, word.proof))]
    return Line(
        Text(f"{purpose.zh} · {channel.zh}", f"{purpose.en[:1].upper()}{purpose.en[1:]} · {channel.en}"),
        said,
        word.at,
        bad=not word.given and holds,
        under=Text(" · ".join([source.zh, *parts]), " · ".join([source.en, *parts])),
    )


def _barred(one: desk.Barred) -> Line:
    why = REASONS[one.reason]
    what = PURPOSES[Purpose(one.purpose)] if one.purpose else Text("全部消息", "every message")
    return Line(
        Text("禁发", "Suppressed"),
        why,
        one.at,
        bad=True,
        under=Text(
            f"{one.address.masked} · {what.zh} · {one.source}",
            f"{one.address.masked} · {what.en} · {one.source}",
        ),
    )


def _refusals(about: About) -> list[Line]:
    """Return refusals that stand in the log alone: of before they were heard."""
    found = about.history.page(kinds=[_REFUSED], limit=_MOST).touches
    return [
        Line(
            Text("退订", "Unsubscribed"),
            Text("、".join(where) or "未说明渠道", ", ".join(where) or "no channel named"),
            one.happened_at,
            bad=True,
        )
        for one in found
        for where in [[word for word in (one.channel, one.campaign) if word]]
    ]


CONSENT = Panel(
    "consent",
    Text("同意与拒绝", "Consent and refusals"),
    "lock",
    Text(
        "同意属于一个地址、一个目的、一个渠道，以最近说的为准，旁边是凭据。没有记录不等于同意。",
        "Consent belongs to an address, a purpose and a channel; the latest word holds, and what shows it stands beside. Nothing recorded is no consent.",
    ),
    10,
    _consent,
)
_SHOWN = 40  # own value: messages that are listed


def _messages(home: Home, who: Who, about: About) -> Shown | None:
    with home.state.read() as tx:
        found = sends.of_subjects(tx, identity.subjects_of(tx, about.number), _SHOWN)
        of = {number: sends.send_of(tx, number) for number in {row["send"] for row in found}}
        heard = [
            one for one in store.heard(tx, [row["id"] for row in found]) if one["first_at"] <= about.as_of
        ]
    mine = [
        row for row in found if (row["handed_at"] or row["due_at"]) <= about.as_of or row["handed_at"] is None
    ]
    return Shown(
        tuple(
            _message(row, of[row["send"]], {one["what"] for one in heard if one["message"] == row["id"]})
            for row in mine
        ),
        Text("还没有写过", "Nothing was ever sent"),
        Text(
            "发出的、扣下的和为什么，都会在这里。",
            "What was sent and what was held back, with the reason, stands here.",
        ),
    )


def _message(row: sends.Row, send: sends.Row | None, heard: Set[str]) -> Line:
    state = MessageState(row["state"])
    said, channel = MESSAGE_STATES[state], CHANNELS[ChannelName(row["channel"])]
    why = REASONS_OF_MESSAGES.get(row["reason"])
    parts = (
        []
        if send is None
        else [str(send["experiment"]), *(way[1] for way in json.loads(send["ways"])[row["way"] :][:1])]
    )
    known = [Text(part, part) for part in (*parts, row["code"]) if part]
    under = [*known, *(label for what, label in HEARD.items() if what in heard)]
    return Line(
        Text(channel.zh, channel.en[:1].upper() + channel.en[1:]),
        Text(f"{said.zh}：{why.zh}", f"{said.en}: {why.en}") if why else said,
        row["handed_at"] or row["due_at"],
        bad=state in (MessageState.FAILED, MessageState.UNKNOWN),
        under=Text(" · ".join(one.zh for one in under), " · ".join(one.en for one in under)),
        more="" if send is None else f"/outreach/sends/{row['send']}",
    )


MESSAGES = Panel(
    "messages",
    Text("写给本人的消息", "Messages to them"),
    "send",
    Text(
        "每条消息的结果，和之后听到的；扣下的写着理由，没有发出去。时间是交出去的时刻，还没交出去的是最早可以发的时刻。",
        "What became of each message, and what was heard of it since; one that was held back says why. Times are those of handing over, or when it may go.",
    ),
    11,
    _messages,
    5,
)
PANELS = (CONSENT, MESSAGES)
